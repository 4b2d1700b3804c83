"""«Su cuenta», for everybody inside."""

from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from access import second_factor
from access.forms import AgainForm
from access.login import ENROLLING, KIND, NOT_THIS, codes_page, failed, page, waiting
from access.models import LoginEvent
from access.throttle import locked_out


@never_cache
@sensitive_post_parameters()
def account(request: HttpRequest) -> HttpResponse:
    """Another phone, or other codes, only for who shows password and code again."""
    user, phone = request.user, second_factor.phone_of(request.user)
    if waiting(request, user):
        return locked_out(request)
    form = AgainForm(request.POST or None)
    if phone and form.is_valid() and _shown_again(request, form):
        if "phone" in request.POST:
            request.session[ENROLLING] = True
            return redirect("admin:enrol")
        LoginEvent.objects.note(KIND.NEW_CODES, user)
        return codes_page(request, request.path)
    left = second_factor.codes_left(user)
    return page(request, "access/account", "Su cuenta", form=form, phone=phone, left=left)


def _shown_again(request: HttpRequest, form: AgainForm) -> bool:
    username = request.user.get_username()
    if not authenticate(request, username=username, password=form.cleaned_data["password"]):
        form.add_error("password", "No es su contraseña.")
    elif not second_factor.verified_by_phone(request.user, form.cleaned_data["code"]):
        failed(request, request.user)
        form.add_error("code", NOT_THIS)
    return not form.errors
