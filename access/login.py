"""From the login page to the admin: password, a new password where somebody else made it, and the
second factor. Until the last step the session knows who is on the way in, and nobody is logged in.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as verified_by
from django_otp.models import Device

from access import second_factor
from access.forms import CodeForm, LoginForm, NewPasswordForm, RecoveryForm
from access.models import LoginEvent, OneOffPassword
from access.throttle import locked_out
from record.publishing import may_enter

PENDING, ENROLLING = "pending", "enrolling"
MINUTES = 10 * 60
"""Seconds from the password to the code."""
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
View = Callable[..., HttpResponse]
KIND = LoginEvent.Kind
NOT_THIS = (
    "Ya no sirve o no es de esta clave. Espere el siguiente y revise que la hora de su teléfono "
    "sea automática."
)
NOT_RECOVERY = "No es uno de sus códigos, o ya se usó."


def page(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": title} | context
    return render(request, f"admin/{template}.html", context, status=status)


def _step(view: View) -> View:
    """For who has shown the password and is on the way in; anybody else begins at the login."""

    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def step(request: HttpRequest) -> HttpResponse:
        user = on_the_way_in(request)
        return view(request, user) if user else redirect("admin:login")

    return step


def _begin(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
    following = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(following, {request.get_host()}, request.is_secure()):
        following = reverse("admin:index")
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "next": following,
    }
    return _next_step(request, user)


def on_the_way_in(request: HttpRequest) -> AbstractBaseUser | None:
    waiting = request.session.get(PENDING)
    if not waiting or timezone.now().timestamp() - waiting["at"] > MINUTES:
        return None
    user = get_user_model()._default_manager.filter(pk=waiting["user"], is_active=True).first()
    if user is None or not constant_time_compare(waiting["hash"], user.get_session_auth_hash()):
        return None
    return user


def _next_step(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if second_factor.phone_of(user):
        return redirect("admin:code")
    return redirect("admin:enrol") if settings.SECOND_FACTOR else redirect(_enter(request, user))


def _enter(request: HttpRequest, user: AbstractBaseUser, device: Device | None = None) -> str:
    """Where the user wanted to go."""
    following = request.session.pop(PENDING)["next"]
    login(request, user, MODEL_BACKEND)
    if device:
        verified_by(request, device)
    return following


@never_cache
@sensitive_post_parameters()
def log_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST" and admin.site.has_permission(request):
        return redirect("admin:index")
    form = LoginForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _begin(request, form.get_user())
    following = request.POST.get("next", request.GET.get("next", ""))
    return page(request, "login", "Entrar", form=form, next=following)


@_step
def new_password(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        OneOffPassword.objects.filter(user=user).delete()
        LoginEvent.objects.note(KIND.NEW_PASSWORD, user)
        request.session[PENDING] |= {"hash": user.get_session_auth_hash()}
        request.session.modified = True
        return _next_step(request, user)
    return page(request, "access/new_password", "Su contraseña nueva", form=form)


@_step
def code(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
    return _asked(request, user, "access/code", CodeForm, second_factor.verified_by_phone, NOT_THIS)


@_step
def recovery(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
    check = second_factor.verified_by_recovery
    return _asked(request, user, "access/recovery", RecoveryForm, check, NOT_RECOVERY)


def _asked(
    request: HttpRequest, user: AbstractBaseUser, template: str, kind: type[CodeForm],
    check: Callable[[AbstractBaseUser, str], Device | None], refusal: str,
) -> HttpResponse:  # fmt: skip
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if waiting(request, user):
        return locked_out(request)
    form = kind(request.POST or None)
    if form.is_valid():
        device = check(user, form.cleaned_data["code"])
        if device:
            if template == "access/recovery":
                LoginEvent.objects.note(KIND.RECOVERED, user)
                left = second_factor.codes_left(user)
                messages.warning(request, f"Le quedan {left} códigos de recuperación.")
            return redirect(_enter(request, user, device))
        failed(request, user)
        form.add_error("code", refusal)
    return page(request, template, "Segundo paso", form=form)


def waiting(request: HttpRequest, user: AbstractBaseUser) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": user.get_username()})


def failed(request: HttpRequest, user: AbstractBaseUser) -> None:
    """A wrong code counts as a wrong password does."""
    credentials = {"username": user.get_username(), "code": ""}
    user_login_failed.send(__name__, credentials=credentials, request=request)


@never_cache
def enrol(request: HttpRequest) -> HttpResponse:
    """For who is on the way in without a phone, and for who is in and has none or wants another."""
    user = on_the_way_in(request)
    inside = user is None and may_enter(request.user)
    if inside and second_factor.phone_of(request.user) and not request.session.get(ENROLLING):
        return redirect("admin:account")
    if not inside and (user is None or second_factor.phone_of(user)):
        return redirect("admin:login")
    user = user or request.user
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if waiting(request, user):
        return locked_out(request)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        phone = second_factor.confirm_phone(user, form.cleaned_data["code"])
        if phone:
            return _enrolled(request, user, phone, inside)
        failed(request, user)
        form.add_error("code", NOT_THIS)
    phone = second_factor.phone_to_be(user)
    drawing, key = second_factor.drawn(phone), second_factor.key_of(phone)
    context = {"form": form, "qr": drawing, "key": key, "inside": inside}
    return page(request, "access/enrol", "Activar el segundo paso", **context)


def _enrolled(
    request: HttpRequest, user: AbstractBaseUser, phone: Device, inside: bool
) -> HttpResponse:
    following = reverse("admin:account")
    if inside:
        request.session.pop(ENROLLING, None)
        request.session.cycle_key()
        verified_by(request, phone)
    else:
        following = _enter(request, user, phone)
    LoginEvent.objects.note(KIND.ENROLLED, user)
    messages.success(request, "El segundo paso está activado.")
    return codes_page(request, following)


def codes_page(request: HttpRequest, following: str) -> HttpResponse:
    """The only time that they are shown."""
    user = request.user
    codes = second_factor.new_codes(user)
    listed = "\n".join([f"{settings.SITE_NAME}, {user.get_username()}", *codes])
    context = {"codes": codes, "listed": listed, "following": following}
    return page(request, "access/codes", "Códigos de recuperación", **context)
