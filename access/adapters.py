"""What this site changes in django-allauth: who may log in and who must wait, when it asks for the
factor again, its mail, and the encryption of second factors.

django-allauth counts failures by name and by address, in the table of `Count`, which all workers
share."""

import logging
import time
from ipaddress import ip_address
from smtplib import SMTPException
from typing import Any
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme

from access import second_factor
from access.models import LoginEvent
from access.sessions import browser_name

PENDING, SEEN_BY = "pending_password", "browser"
SUSPENDED = "account_reauthentication_state"  # where django-allauth keeps a form to repeat
YEAR = 365 * 24 * 60 * 60
WRONG = "La cuenta o la contraseña no son correctas. Revise mayúsculas y acentos."
WAIT = "Demasiados intentos fallidos. Espere 15 minutos."

MINUTES = 15

log = logging.getLogger(__name__)


def cache_key(key: str, prefix: str, version: int) -> str:
    """Return a digest with the secret key, so that the table holds neither names nor addresses."""
    return salted_hmac(
        "access.throttle", f"{prefix}:{version}:{key}", algorithm="sha256"
    ).hexdigest()


def user_named(username: str | None) -> User | None:
    if not username or "\0" in username:
        return None
    return User.objects.filter(username=username).first()


def locked_out(request: HttpRequest, user: Any = None, name: str = "") -> HttpResponse:
    """Log the beginning of a lockout, of a name or of an address, and no attempts during it."""
    if request.user.is_authenticated:
        user = request.user
    mark = f"locked {user.pk if user else name or request.META.get('REMOTE_ADDR')}"
    if not cache.get(mark):
        LoginEvent.objects.note(LoginEvent.Kind.LOCKED, user)
        cache.set(mark, True, MINUTES * 60)
    response = render(request, "admin/access/wait.html", {"minutes": MINUTES}, status=429)
    response["Retry-After"] = MINUTES * 60
    return response


class StaffBackend(ModelBackend):
    """Lets the staff log in. Other people get the answer of a wrong password."""

    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user and user.is_active and user.is_staff)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": WRONG,
        "incorrect_password": "No es su contraseña.",
        "enter_current_password": "No es su contraseña.",
        "too_many_login_attempts": WAIT,
        "rate_limited": WAIT,
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that our proxy passed in REMOTE_ADDR; other headers could be forged.

        A private address is the proxy's own, which all visitors share if the proxy does not pass
        theirs. Such requests get an address each, so that nobody locks everybody out.
        """
        address = request.META.get("REMOTE_ADDR", "")
        try:
            is_shared = ip_address(address).is_private
        except ValueError:
            is_shared = True
        return str(uuid4()) if is_shared else address

    def is_safe_url(self, url: str) -> bool:
        """Follow `next` to addresses of this host only, and not from TLS to plain HTTP."""
        request = self.request
        return url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure())

    def pre_login(self, request: HttpRequest, user: Any, **_: Any) -> HttpResponse | None:
        """Give the session a new key at the first step, and remember the state of the account."""
        if not StaffBackend().user_can_authenticate(user):  # who has a key still
            messages.error(request, WRONG)
            return redirect("account_login")
        request.session.cycle_key()
        request.session[PENDING] = user.get_session_auth_hash()
        return None

    def login(self, request: HttpRequest, user: Any) -> None:
        """Refuse a user whose account has changed since the first step."""
        is_same = request.session.pop(PENDING, "") == user.get_session_auth_hash()
        if not is_same or not StaffBackend().user_can_authenticate(user):
            raise ImmediateHttpResponse(redirect("account_login"))
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **options)
        _greet_browser(self, request, response, user)
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """A login in the last ten minutes counts too. A page that is opened and asks for the factor
        drops the form that was sent before, perhaps by somebody else, and not confirmed."""
        oldest = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        records = get_authentication_records(self.request, self.request.user)
        if any(record["at"] > oldest for record in records):
            return False
        if self.request.method == "GET":
            self.request.session.pop(SUSPENDED, None)
        return True

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Ask users with a second factor for it, because a password can be looked over: for a key
        first."""
        methods = super().get_reauthentication_methods(user)
        factors = [method for method in methods if method["id"].startswith("mfa_")]
        return factors[::-1] or methods

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: Any = None, email: str | None = None
    ) -> None:
        """Write to the address of the account, if the site has mail. A mail that cannot be sent
        stops nobody."""
        if not (settings.ACCOUNT_EMAIL_NOTIFICATIONS and user.email):
            return
        agent = self.request.headers.get("user-agent", "")
        facts = {"user": user, "at": timezone.now(), "browser": browser_name(agent)}
        try:
            self.send_mail(template_prefix, user.email, facts | (context or {}))
        except (OSError, SMTPException):
            log.warning("A notice could not be sent")


def _greet_browser(
    adapter: AccountAdapter, request: HttpRequest, response: HttpResponse, user: User
) -> None:
    """Send a notice about the first login of a user from a browser. A signed cookie holds the
    numbers of the users who have logged in from it."""
    name = f"{'__Host-' if settings.SESSION_COOKIE_SECURE else ''}{SEEN_BY}"
    try:
        known = signing.loads(request.COOKIES.get(name, ""), salt=SEEN_BY)
    except signing.BadSignature:
        known = []
    if user.pk in known:
        return
    adapter.send_notification_mail("account/email/new_browser", user)
    response.set_cookie(
        name, signing.dumps([*known, user.pk], salt=SEEN_BY), max_age=YEAR, httponly=True,
        secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "Ya no sirve o no es de esta cuenta. Espere el siguiente y revise que la "
        "hora de su teléfono sea automática.",
        "cannot_delete_authenticator": "Es su único segundo paso. Active otro antes de quitarlo.",
    }

    def encrypt(self, text: str) -> str:
        return second_factor.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return second_factor.decrypt(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()

    def generate_authenticator_name(self, user: Any, type: str) -> str:
        return browser_name(self.request.headers.get("user-agent", ""))
