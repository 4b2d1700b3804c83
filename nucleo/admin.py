"""The staff's site: what needs attention, what a date or a quote is read as, and who may enter.

Imported while Django gathers the admins of the apps, so it imports none of them itself.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from nucleo import attention
from record.admin import RecordAdmin, StaffAdmin, is_key
from record.forms import reading_of
from sources.forms import read_quote
from sources.models import Source

MAY = {"add": "agregar", "change": "modificar", "delete": "eliminar", "view": "ver"}


class PermissionsField(forms.ModelMultipleChoiceField):
    """Permissions in Spanish: Django keeps their names in the database, in English."""

    def label_from_instance(self, permission: Permission) -> str:
        action, _, model = permission.codename.partition("_")
        kind = permission.content_type
        return f"{kind.name}: puede {MAY[action]}" if model == kind.model else permission.name


class PasswordForm(AdminPasswordChangeForm):
    usable_password_help_text = (
        "Si se desactiva, esta persona no podrá entrar "  # noqa: S105, no password
        "y se perderá la contraseña que tiene ahora."
    )


class AccessAdmin(StaffAdmin):
    """Users and groups: of the permissions, those that this site asks for."""

    change_password_form = PasswordForm

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> forms.Field:
        if db_field.related_model is Permission:
            ours = [model._meta.model_name for model in self.admin_site._registry]
            permissions = Permission.objects.filter(content_type__model__in=ours)
            kwargs["form_class"] = PermissionsField
            kwargs["queryset"] = permissions.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class NucleoAdminSite(admin.AdminSite):
    site_header = site_title = f"{settings.SITE_NAME} · Redacción"
    index_title = f"{settings.SITE_NAME}: el registro"

    def register(
        self, model_or_iterable: Any, admin_class: type | None = None, **options: Any
    ) -> None:
        if admin_class and admin_class.__module__ == "django.contrib.auth.admin":
            admin_class = type(admin_class.__name__, (AccessAdmin, admin_class), {})
        super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict]:
        """The record first, then who may enter."""
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: app["app_label"] == "auth")

    def get_urls(self) -> list[URLPattern]:
        readings = [
            path("leer/fecha/", self.admin_view(require_safe(self.read_date)), name="read_date"),
            path("leer/cita/", self.admin_view(require_safe(self.read_quote)), name="read_quote"),
        ]
        return readings + super().get_urls()

    def read_date(self, request: HttpRequest) -> HttpResponse:
        reading = reading_of(request.GET.get("texto", ""))
        return render(request, "record/_date_reading.html", reading)

    def read_quote(self, request: HttpRequest) -> HttpResponse:
        _may_read(request)
        number = request.GET.get("fuente", "")
        chosen = Source.objects.filter(pk=number) if is_key(number) else Source.objects.none()
        reading = read_quote(chosen.first(), request.GET.get("palabras", ""))
        return render(request, "sources/_quote_reading.html", reading)

    def i18n_javascript(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """With our own translations too, which the rich text editor needs."""
        return JavaScriptCatalog.as_view()(request)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        apps = self.get_app_list(request)
        admins = [self._registry[m["model"]] for app in apps for m in app["models"]]
        notices = []
        for app in apps:
            for entry in app["models"]:
                entry["count"], found = attention.survey(self._registry[entry["model"]])
                notices += found
        context = {
            "app_list": apps,
            "notices": attention.in_order(notices, admins),
            "changes": attention.recent_changes([a for a in admins if isinstance(a, RecordAdmin)]),
        }
        return super().index(request, context | (extra_context or {}))


def _may_read(request: HttpRequest) -> None:
    """A quote's reading shows what its source says, drafts too."""
    rights = ("sources.view_source", "sources.add_citation", "sources.change_citation")
    if not any(map(request.user.has_perm, rights)):
        raise PermissionDenied
