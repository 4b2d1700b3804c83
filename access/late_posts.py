"""Forms that are sent after the session expired. A signed hidden field takes such a form through
the login, after which it is sent again."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from allauth.account.signals import authentication_step_completed
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core import signing
from django.core.exceptions import BadRequest, FieldDoesNotExist, ValidationError
from django.db import models
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import resolve, reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from access.forms import LoginForm
from access.sessions import Expired
from access.views import admin_page
from editing.admin import RecordAdmin
from record.publishing import may_enter
from record.richtext import RichTextField, plain_lines, sanitize

LATE_POST = "late_post"  # the hidden field, and the key in the session
MAX_BYTES = 1024 * 1024
MAX_AGE = 2 * 60 * 60  # seconds


class TypedText(NamedTuple):
    label: str
    lines: list[str]


class LatePost(NamedTuple):
    """The address and the fields of a form, and the primary key of the user whose session expired,
    or None if the session is unknown."""

    path: str
    user: str | None
    fields: list[tuple[str, str]]

    @property
    def token(self) -> str:
        """The signed form, or an empty text if its fields have more than MAX_BYTES."""
        size = sum(len(name) + len(value.encode()) for name, value in self.fields)
        return "" if size > MAX_BYTES else signing.dumps(self, salt=LATE_POST, compress=True)

    @property
    def model_admin(self) -> ModelAdmin | None:
        return getattr(resolve(self.path.partition("?")[0]).func, "model_admin", None)

    @property
    def is_record(self) -> bool:
        """Whether it is the form of a record, which can be filled without saving it. The fields do
        not tell: a stranger may have written them."""
        name = resolve(self.path.partition("?")[0]).url_name or ""
        return isinstance(self.model_admin, RecordAdmin) and name.endswith(("_add", "_change"))

    @property
    def texts(self) -> Iterator[TypedText]:
        """The texts of the form. Choices are left out: a visitor may not read their names."""
        for name, value in self.fields:
            field = self._text_field(name)
            if field is not None and value.strip():
                yield TypedText(str(field.verbose_name), _lines(field, value))

    def _text_field(self, name: str) -> models.Field | None:
        """The text field of the record, or of a record in an inline, that the form calls `name`."""
        *prefix, last = name.rsplit("-", 2)
        model_admin = self.model_admin
        if model_admin is None:
            return None
        inlines = [inline.model for inline in model_admin.inlines]
        for model in inlines if prefix else [model_admin.model]:
            try:
                field: Any = model._meta.get_field(last)
            except FieldDoesNotExist:
                continue
            kinds = models.TextField if prefix else models.TextField | models.CharField
            if isinstance(field, kinds) and not field.choices:
                return field
        return None


def _lines(field: models.Field, value: str) -> list[str]:
    if isinstance(field, RichTextField):
        with suppress(ValidationError):  # of a text that no person wrote
            return plain_lines(sanitize(value))
    return value.splitlines()


def read(token: str) -> LatePost | None:
    try:
        path, user, fields = signing.loads(token, salt=LATE_POST, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    return LatePost(path, user, fields)


class LatePosts:
    """Answers a form of the admin that is sent without a session with the texts that it holds,
    above the login. Forms of accounts and roles are not kept, since they ask for the second factor
    of the person who fills them. Runs after the check of the CSRF token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match: Any = request.resolver_match
        name = match.url_name or ""
        is_form = match.namespace == "admin" and name != "logout" and not name.startswith("auth_")
        if request.method != "POST" or not is_form:
            return None
        if not may_enter(request.user):
            return _login_page(request)
        if LATE_POST in request.session and LATE_POST in request.POST:  # sent again
            request.session.pop(LATE_POST, None)
        return None


@csrf_protect  # also for the upload of an import, which checks the token later
def _login_page(request: HttpRequest) -> HttpResponse:
    expired: Expired | None = getattr(request.session, "expired", None)
    user = User.objects.filter(pk=expired.user if expired else request.user.pk or 0).first()
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken"
    ]
    late_post = LatePost(request.get_full_path(), str(user.pk) if user else None, fields)
    return admin_page(
        request, "access/expired", "Lo que escribió sigue aquí", status=403,
        late_post=late_post, expired=expired, files=request.FILES,
        account=user,
        form=LoginForm(request=request), action=reverse("account_login"),
        redirect_field=format_html(
            '<input type="hidden" name="next" value="{}">', reverse("account_send_again")
        ),
    )  # fmt: skip


@receiver(authentication_step_completed, dispatch_uid="access.late_posts")
def keep(request: HttpRequest, **_: Any) -> None:
    """Keep the form in the session of the user who has given the right password or key."""
    token = request.POST.get(LATE_POST, "")
    if token and read(token):
        request.session[LATE_POST] = token


@never_cache
@require_safe
def send_again(request: HttpRequest) -> HttpResponse:
    """Offer to send the form again. If another account has logged in, the form is only filled."""
    late_post = read(request.session.get(LATE_POST, ""))
    if late_post is None:
        return redirect("admin:index")
    return admin_page(
        request, "access/send_again", "Lo que escribió sigue aquí", late_post=late_post,
        is_same=late_post.user == str(request.user.pk),
    )  # fmt: skip


@never_cache
@require_POST
@sensitive_post_parameters()
def download(request: HttpRequest) -> HttpResponse:
    """The texts of a form as a file."""
    late_post = read(request.POST.get(LATE_POST, ""))
    if late_post is None:
        raise BadRequest("A form of more than two hours ago")
    texts = ["\n".join([text.label.upper(), *text.lines]) for text in late_post.texts]
    response = HttpResponse("\n\n".join(texts) + "\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="lo-que-escribi.txt"'
    return response
