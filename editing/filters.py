"""The filters of the admin's lists. Each choice of a filter is a condition, so that it can be
counted too."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from editing.snapshots import Relation, relations_to
from record.proof import is_fact, lacking, proof_of, supporting
from record.publishing import Publishable, Record, visible


class ConditionFilter(SimpleListFilter):
    @classmethod
    def conditions(cls, model_admin: Any) -> dict[str, tuple[str, Q]]:
        """The label and the condition of each choice, by its value in the address."""
        raise NotImplementedError  # each filter defines it

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        self._conditions = self.conditions(model_admin)
        return [(value, label) for value, (label, _condition) in self._conditions.items()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        _label, condition = self._conditions.get(self.value() or "", ("", Q()))
        return queryset.filter(condition)

    def get_facet_counts(self, pk_attname: str, filtered_qs: models.QuerySet) -> dict[str, Count]:
        """Count the conditions; Django would repeat the search of the list for every choice."""
        return {
            f"{number}__c": Count(pk_attname, filter=condition)
            for number, (_label, condition) in enumerate(self._conditions.values())
        }


class StateFilter(ConditionFilter):
    title, parameter_name = "estado", "estado"

    @classmethod
    def conditions(cls, model_admin: ModelAdmin) -> dict[str, tuple[str, Q]]:
        if not issubclass(model_admin.model, Publishable):
            public = Q(pk__in=model_admin.model._default_manager.visible_to(None).values("pk"))
            return {"publico": ("Se ve", public), "oculto": ("No se ve", ~public)}
        now = timezone.now()
        ended = Q(unpublish_at__isnull=False, unpublish_at__lte=now)
        return {
            "borrador": ("Borrador", Q(publish_at=None)),
            "programado": ("Programado", Q(publish_at__gt=now)),
            "publico": ("Público", Q(publish_at__lte=now) & ~ended),
            "retirado": ("Retirado", Q(publish_at__lte=now) & ended),
        }


class CitationsFilter(ConditionFilter):
    title, parameter_name = "citas", "citas"

    @classmethod
    def conditions(cls, model_admin: ModelAdmin) -> dict[str, tuple[str, Q]]:
        now, model = timezone.now(), model_admin.model
        cited = Exists(_citations_by(_citation_relation(model)))
        unproven = visible(model, now) & Q(cited) & ~Q(proof_of(model, now))
        conditions = {
            "sin": ("Sin cita", ~Q(cited)),
            "ocultas": ("A la vista, con citas que no se ven", unproven),
            "con": ("Con cita", Q(cited)),
        }
        if is_fact(model) and (dates := [*lacking(model, now).values()][1:]):
            undated = visible(model, now) & Q(proof_of(model, now)) & reduce(or_, dates)
            conditions["fechas"] = ("A la vista, con una fecha sin cita", undated)
        return conditions


class DateFilter(ConditionFilter):
    title, parameter_name = "fecha", "fecha"

    @classmethod
    def conditions(cls, model_admin: Any) -> dict[str, tuple[str, Q]]:
        name = model_admin.date_field
        unknown, bounded = Q(**{name: ""}), Q(**{f"{name}__startswith": "["})
        return {
            "exacta": ("Exacta: día, mes o año", ~unknown & ~bounded),
            "acotada": ("Acotada", bounded),
            "sin": ("Sin fecha", unknown),
        }


def citation_count(model: type[Record]) -> models.Expression:
    relation = _citation_relation(model)
    citations = _citations_by(relation).order_by().values(relation.foreign_key)
    return Coalesce(Subquery(citations.annotate(count=Count("pk")).values("count")[:1]), 0)


def _citation_relation(model: type[Record]) -> Relation:
    return next(relation for relation in relations_to(model) if relation.name == "citations")


def _citations_by(relation: Relation) -> models.QuerySet:
    """The citations that prove the record of the outer query."""
    return supporting(relation.model).filter(**{relation.foreign_key: OuterRef("pk")})
