"""The filters of the admin's lists, whose choices are conditions that can be counted too."""

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone

from record.publishing import Publishable


class ConditionFilter(SimpleListFilter):
    """A filter whose choices the front page may count."""

    @classmethod
    def conditions(cls, model_admin: ModelAdmin) -> dict[str, tuple[str, Q]]:
        """By the value in the address: the words shown and the condition."""
        raise NotImplementedError  # each filter defines it

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        self._conditions = self.conditions(model_admin)
        return [(value, words) for value, (words, _condition) in self._conditions.items()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        _words, condition = self._conditions.get(self.value(), ("", Q()))
        return queryset.filter(condition)

    def get_facet_counts(self, pk_attname: str, filtered_qs: models.QuerySet) -> dict[str, Count]:
        """Straight from the conditions: Django would search the list again for every choice."""
        return {
            f"{number}__c": Count(pk_attname, filter=condition)
            for number, (_words, condition) in enumerate(self._conditions.values())
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
        cited = Exists(citations_of(model_admin.model))
        return {"sin": ("Sin cita", ~Q(cited)), "con": ("Con cita", Q(cited))}


class DateFilter(ConditionFilter):
    title, parameter_name = "fecha", "fecha"

    @classmethod
    def conditions(cls, model_admin: ModelAdmin) -> dict[str, tuple[str, Q]]:
        name = model_admin.date_field
        unknown, bounded = Q(**{name: ""}), Q(**{f"{name}__startswith": "["})
        return {
            "exacta": ("Exacta: día, mes o año", ~unknown & ~bounded),
            "acotada": ("Acotada", bounded),
            "sin": ("Sin fecha", unknown),
        }


def citations_of(model: type[models.Model]) -> models.QuerySet:
    relation = model._meta.get_field("citations")
    citations = relation.related_model._base_manager
    return citations.filter(**{relation.field.name: OuterRef("pk")})
