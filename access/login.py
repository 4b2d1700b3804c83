"""The steps from the login page to the admin: the password, a new password if the old one was given
by somebody else, and the code of the second factor.

Until the last step the session holds a pending user under PENDING, and nobody is logged in.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as otp_login
from django_otp.models import Device

from access import second_factor
from access.forms import CodeForm, LoginForm, NewPasswordForm, RecoveryForm
from access.models import LoginEvent, OneOffPassword
from access.throttle import locked_out
from record.publishing import may_enter

PENDING, ENROLLING = "pending", "enrolling"
PENDING_SECONDS = 10 * 60
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG_CODE = (
    "Ya no sirve o no es de esta clave. Espere el siguiente y revise que la hora de su teléfono "
    "sea automática."
)
WRONG_RECOVERY_CODE = "No es uno de sus códigos, o ya se usó."


def admin_page(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context = admin.site.each_context(request) | {"title": title} | context
    return render(request, f"admin/{template}.html", context, status=status)


# The pending user


def _start(request: HttpRequest, user: User) -> HttpResponse:
    """Make the user pending in a new session, and go to the next step."""
    destination = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(destination, {request.get_host()}, request.is_secure()):
        destination = reverse("admin:index")
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "next": destination,
    }
    return _next_step(request, user)


def pending_user(request: HttpRequest) -> User | None:
    """Return the user who has given the password less than PENDING_SECONDS ago."""
    pending = request.session.get(PENDING)
    if not pending or timezone.now().timestamp() - pending["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    if user is None or not constant_time_compare(pending["hash"], user.get_session_auth_hash()):
        return None
    return user


def _next_step(request: HttpRequest, user: User) -> HttpResponse:
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if second_factor.phone_of(user):
        return redirect("admin:code")
    return redirect("admin:enrol") if settings.SECOND_FACTOR else redirect(_finish(request, user))


def _finish(request: HttpRequest, user: User, device: Device | None = None) -> str:
    """Log in the pending user, and return the address of the page that the user asked for."""
    destination: str = request.session.pop(PENDING)["next"]
    login(request, user, MODEL_BACKEND)
    if device:
        otp_login(request, device)
    return destination


# Steps


def _step(view: Callable[[HttpRequest, User], HttpResponse]) -> Callable[..., HttpResponse]:
    """Pass the pending user to `view`, or redirect to the login page."""

    @never_cache
    @sensitive_post_parameters()
    @wraps(view)
    def step(request: HttpRequest) -> HttpResponse:
        user = pending_user(request)
        return view(request, user) if user else redirect("admin:login")

    return step


@never_cache
@sensitive_post_parameters()
def log_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST" and admin.site.has_permission(request):
        return redirect("admin:index")
    form = LoginForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _start(request, form.get_user())
    destination = request.POST.get("next", request.GET.get("next", ""))
    return admin_page(request, "login", "Entrar", form=form, next=destination)


@_step
def new_password(request: HttpRequest, user: User) -> HttpResponse:
    form = NewPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        OneOffPassword.objects.filter(user=user).delete()
        LoginEvent.objects.note(LoginEvent.Kind.NEW_PASSWORD, user)
        request.session[PENDING] |= {"hash": user.get_session_auth_hash()}
        request.session.modified = True
        return _next_step(request, user)
    return admin_page(request, "access/new_password", "Su contraseña nueva", form=form)


@_step
def code(request: HttpRequest, user: User) -> HttpResponse:
    verify = second_factor.verified_by_phone
    return _code_step(request, user, "access/code", CodeForm, verify, WRONG_CODE)


@_step
def recovery(request: HttpRequest, user: User) -> HttpResponse:
    verify = second_factor.verified_by_recovery
    return _code_step(request, user, "access/recovery", RecoveryForm, verify, WRONG_RECOVERY_CODE)


def _code_step(
    request: HttpRequest,
    user: User,
    template: str,
    form_class: type[CodeForm] | type[RecoveryForm],
    verify: Callable[[User, str], Device | None],
    refusal: str,
) -> HttpResponse:
    """Ask for a code. A right code logs the user in."""
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if is_locked_out(request, user):
        return locked_out(request)
    form = form_class(request.POST or None)
    if form.is_valid():
        device = verify(user, form.cleaned_data["code"])
        if device:
            if form_class is RecoveryForm:
                LoginEvent.objects.note(LoginEvent.Kind.RECOVERED, user)
                left = second_factor.codes_left(user)
                messages.warning(request, f"Le quedan {left} códigos de recuperación.")
            return redirect(_finish(request, user, device))
        count_failure(request, user)
        form.add_error("code", refusal)
    return admin_page(request, template, "Segundo paso", form=form)


def is_locked_out(request: HttpRequest, user: User) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": user.get_username()})


def count_failure(request: HttpRequest, user: User) -> None:
    """Count a wrong code like a wrong password."""
    credentials = {"username": user.get_username(), "code": ""}
    user_login_failed.send(__name__, credentials=credentials, request=request)


# Enrolling a phone


@never_cache
def enrol(request: HttpRequest) -> HttpResponse:
    """Confirm a phone: of a pending user without a phone, or of a logged-in user who has no phone
    or has asked for another."""
    pending = pending_user(request)
    inside = pending is None and may_enter(request.user)
    user = pending or cast(User, request.user)  # AnonymousUser may not enter
    if inside and second_factor.phone_of(user) and not request.session.get(ENROLLING):
        return redirect("admin:account")
    if not inside and (pending is None or second_factor.phone_of(pending)):
        return redirect("admin:login")
    if OneOffPassword.objects.filter(user=user).exists():
        return redirect("admin:new_password")
    if is_locked_out(request, user):
        return locked_out(request)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        device = second_factor.confirm_phone(user, form.cleaned_data["code"])
        if device:
            return _enrolled(request, user, device, inside)
        count_failure(request, user)
        form.add_error("code", WRONG_CODE)
    phone = second_factor.unconfirmed_phone(user)
    return admin_page(
        request, "access/enrol", "Activar el segundo paso", form=form, inside=inside,
        qr=second_factor.qr_code(phone), key=second_factor.key_of(phone),
    )  # fmt: skip


def _enrolled(request: HttpRequest, user: User, device: Device, inside: bool) -> HttpResponse:
    destination = reverse("admin:account")
    if inside:
        request.session.pop(ENROLLING, None)
        request.session.cycle_key()
        otp_login(request, device)
    else:
        destination = _finish(request, user, device)
    LoginEvent.objects.note(LoginEvent.Kind.ENROLLED, user)
    messages.success(request, "El segundo paso está activado.")
    return codes_page(request, user, destination)


def codes_page(request: HttpRequest, user: User, destination: str) -> HttpResponse:
    """Make new recovery codes and show them. They cannot be shown again."""
    codes = second_factor.new_codes(user)
    lines = "\n".join([f"{settings.SITE_NAME}, {user.get_username()}", *codes])
    return admin_page(
        request, "access/codes", "Códigos de recuperación",
        codes=codes, lines=lines, destination=destination,
    )  # fmt: skip
