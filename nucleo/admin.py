"""The admin site: front page, and the previews of dates and quotes while the staff type."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import (
    BadRequest,
    FieldDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import JavaScriptCatalog

from access.log import log
from access.sessions import end_of
from dates.forms import reading_of
from editing.admin import RecordAdmin
from editing.pickers import PickerView
from nucleo import dashboard
from record.pasting import losses_in_words, tidy
from record.publishing import may_enter
from record.richtext import sanitize
from record.text import is_key
from sources.forms import read_quote
from sources.models import Source

ViewType = TypeVar("ViewType", bound=Callable[..., HttpResponseBase])


class NucleoAdminSite(admin.AdminSite):
    site_header = site_title = f"{settings.SITE_NAME} · Redacción"
    index_title = "Requiere atención"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Guard every page of the admin but the login pages, which `access.urls` has."""
        return may_enter(request.user)

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[dict[str, Any]]:
        """Put the accounts after the record."""
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: app["app_label"] == "auth")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The pages of the menu are read when the header shows them: not before the login."""
        context = super().each_context(request)
        models = [model for app in context["available_apps"] for model in app["models"]]
        sections = partial(dashboard.sections, models, request.path)
        return context | {"sections": sections, "session_ends": end_of(request.session)}

    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [
            path("leer/fecha/", self.admin_view(require_safe(self.read_date)), name="read_date"),
            path("leer/cita/", self.admin_view(require_safe(self.read_quote)), name="read_quote"),
            path("leer/pegado/", self.admin_view(require_POST(self.read_paste)), name="read_paste"),
            path("bitacora/", self.admin_view(require_safe(log)), name="log"),
            *super().get_urls(),
        ]

    def read_date(self, request: HttpRequest) -> HttpResponse:
        reading = reading_of(request.GET.get("texto", ""))
        return render(request, "dates/_date_reading.html", reading)

    def read_quote(self, request: HttpRequest) -> HttpResponse:
        """Show the quote in the text of its source, which may be a draft."""
        rights = ("sources.view_source", "sources.add_citation", "sources.change_citation")
        if not any(map(request.user.has_perm, rights)):
            raise PermissionDenied
        number = request.GET.get("fuente", "")
        source = Source.objects.filter(pk=number).first() if is_key(number) else None
        reading = read_quote(source, request.GET.get("texto", ""))
        return render(request, "sources/_quote_reading.html", reading)

    def admin_view(self, view: ViewType, cacheable: bool = False) -> ViewType:
        """Answer 400, not 500, to an address that names a field that does not exist."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return inner(request, *args, **kwargs)
            except FieldDoesNotExist as error:
                raise BadRequest("No such field") from error

        return cast(ViewType, checked)  # `wraps` keeps the signature

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        response: Any = PickerView.as_view(admin_site=self)(request)
        return response

    def read_paste(self, request: HttpRequest) -> HttpResponse:
        """Tidy text that is pasted into the rich text editor, and say what it lost."""
        html = request.POST.get("html", "")
        try:
            answer = {"html": sanitize(html), "words": losses_in_words(tidy(html)[1])}
        except ValidationError as error:
            answer = {"html": "", "words": f"No se pegó. {error.message}"}
        return JsonResponse(answer)

    def i18n_javascript(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Include the translations of all apps, which the rich text editor needs."""
        response: Any = JavaScriptCatalog.as_view()(request)
        return response

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        apps = self.get_app_list(request)
        models = [model for app in apps for model in app["models"]]
        counts = dashboard.counts([model["model"] for model in models])
        for model in models:
            model["count"] = counts[model["model"]]
        models.sort(key=lambda model: dashboard.place_of(model["model"]))
        admins = [self._registry[model["model"]] for model in models]
        records = [model_admin for model_admin in admins if isinstance(model_admin, RecordAdmin)]
        notices = dashboard.notices(records)
        context = {
            "models": models,
            "add_source": next((m["add_url"] for m in models if m["model"] is Source), None),
            "reading": next((notice for notice in notices if notice.is_next), None),
            "notices": [notice for notice in notices if notice.group != dashboard.UNSAID],
            "unsaid": [notice for notice in notices if notice.group == dashboard.UNSAID],
            "unsaid_count": sum(n.count for n in notices if n.group == dashboard.UNSAID),
            "changes": [*dashboard.recent_changes(records)],
        }
        return super().index(request, context | (extra_context or {}))
