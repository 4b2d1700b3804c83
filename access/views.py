"""The pages of the login and of «Su cuenta»: views of django-allauth, and who may open them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.views import LoginView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import admin, messages
from django.contrib.auth import logout
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from access.sessions import ONE_OFF, SEEN, end_of
from record.publishing import may_enter
from record.text import is_key

View = Callable[..., HttpResponseBase]


def admin_page(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": title} | context
    return render(request, f"admin/{template}.html", context, status=status)


def anybody(request: HttpRequest) -> bool:
    return True


def changes_password(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.session.get(ONE_OFF))


def enrols(request: HttpRequest) -> bool:
    """Whether the user has logged in and has no second factor yet."""
    one_off = request.session.get(ONE_OFF)
    return request.user.is_authenticated and not one_off and not is_mfa_enabled(request.user)


def page(view: View, title: str, may_open: Callable[[HttpRequest], bool] | None = None) -> View:
    """Give a view of django-allauth the context of the admin. It is open to users who may enter,
    and to requests for which `may_open` is true."""
    guarded = admin.site.admin_view(view)

    @never_cache
    @wraps(view)
    def with_context(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_open = may_open and may_open(request)
        response = (view if is_open else guarded)(request, *args, **kwargs)
        if isinstance(response, TemplateResponse):
            context = admin.site.each_context(request) | {"title": title}
            response.context_data = context | (response.context_data or {})
        return response

    return with_context


@never_cache
@require_safe
def session_end(request: HttpRequest) -> HttpResponse:
    """The end of the session, which this request has put off."""
    end = end_of(request.session)
    return HttpResponse(end.isoformat() if end else "", content_type="text/plain")


class LogIn(LoginView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead a user who has logged in and may not enter to the next step."""
        if request.user.is_authenticated and not may_enter(request.user):
            if changes_password(request):
                return redirect("account_change_password")
            if request.user.is_staff and enrols(request):
                return redirect("mfa_index")
            logout(request)
        return super().dispatch(request, *args, **kwargs)


@method_decorator(reauthentication_required(app="access"), name="dispatch")
class Phone(ActivateTOTPView):
    """Replaces the phone of a user who has one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super(ActivateTOTPView, self).dispatch(request, *args, **kwargs)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        phones = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.TOTP)
        phones.delete()
        return super().form_valid(form)


class RemoveKey(RemoveWebAuthnView):
    def form_valid(self, form: Any) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.object):
            messages.error(self.request, adapter.error_messages["cannot_delete_authenticator"])
            return redirect("usersessions_list")
        return super().form_valid(form)


class Sessions(ListUserSessionsView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        names = [session.session_key for session in context["sessions"]]
        stored = {row.pk: row.get_decoded() for row in Session.objects.filter(pk__in=names)}
        for session in context["sessions"]:
            seen = stored.get(session.session_key, {}).get(SEEN)
            session.seen_at = seen and datetime.fromtimestamp(seen, UTC)
        keys = Authenticator.objects.filter(
            user=self.request.user, type=Authenticator.Type.WEBAUTHN
        )
        return context | {"keys": keys.order_by("created_at")}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the chosen session, or all others."""
        number = request.POST.get("session", "")
        if not is_key(number):
            return super().post(request, *args, **kwargs)
        get_object_or_404(UserSession, user=request.user, pk=number).end()
        messages.success(request, "Se cerró esa sesión.")
        return redirect("usersessions_list")
