"""«Su cuenta»: the second factor of the logged-in user."""

from django.contrib.auth import authenticate
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from access import second_factor
from access.forms import ReauthenticationForm
from access.login import (
    ENROLLING,
    WRONG_CODE,
    admin_page,
    codes_page,
    count_failure,
    is_locked_out,
)
from access.models import LoginEvent
from access.throttle import locked_out
from record.publishing import StaffRequest


@never_cache
@sensitive_post_parameters()
def account(request: StaffRequest) -> HttpResponse:
    """Replace the phone or the recovery codes, if the user gives password and code again."""
    user, phone = request.user, second_factor.phone_of(request.user)
    if is_locked_out(request, user):
        return locked_out(request)
    form = ReauthenticationForm(request.POST or None)
    if phone and form.is_valid() and _is_reauthenticated(request, form):
        if "phone" in request.POST:
            request.session[ENROLLING] = True
            return redirect("admin:enrol")
        LoginEvent.objects.note(LoginEvent.Kind.NEW_CODES, user)
        return codes_page(request, user, request.path)
    left = second_factor.codes_left(user)
    return admin_page(request, "access/account", "Su cuenta", form=form, phone=phone, left=left)


def _is_reauthenticated(request: StaffRequest, form: ReauthenticationForm) -> bool:
    username = request.user.get_username()
    if not authenticate(request, username=username, password=form.cleaned_data["password"]):
        form.add_error("password", "No es su contraseña.")
    elif not second_factor.verified_by_phone(request.user, form.cleaned_data["code"]):
        count_failure(request, request.user)
        form.add_error("code", WRONG_CODE)
    return not form.errors
