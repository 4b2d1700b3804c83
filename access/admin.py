"""Accounts and roles. A user who may change accounts gives roles, but no single permissions, and
cannot change a superuser's account or their own."""

from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator

from access import second_factor
from access.models import OneOffPassword
from access.views import admin_page
from editing.admin import StaffAdmin
from record.text import is_key

ACTIONS = {"add": "agregar", "change": "modificar", "delete": "eliminar", "view": "ver"}
PASSWORD = ("Contraseña nueva de un solo uso", "Dio una contraseña nueva de un solo uso.")
PHONE = ("Quitar el segundo factor", "Quitó el segundo factor.")

CONFIRMED = method_decorator(reauthentication_required(app="access"))

# The pages of django-allauth's models show secrets.
admin.site.unregister([User, Group, Authenticator, EmailAddress, UserSession])


class PermissionsField(forms.ModelMultipleChoiceField):
    """Shows permissions in Spanish. Django stores their names in English."""

    def label_from_instance(self, permission: Permission) -> str:
        action, _, model = permission.codename.partition("_")
        content_type = permission.content_type
        if model != content_type.model:
            return permission.name
        return f"{content_type.name}: puede {ACTIONS[action]}"


class AccessAdmin(StaffAdmin):
    """Asks for the second factor again, if it was given more than ten minutes ago. Offers the
    permissions that this site checks, and leaves out the other apps'."""

    preserve_filters = False  # django-allauth repeats a form whose address has no query

    @CONFIRMED
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(request, *args, **kwargs)

    @method_decorator(reauthentication_required(app="access", allow_get=True))
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @CONFIRMED
    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().delete_view(request, *args, **kwargs)

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField | None:
        if db_field.related_model is Permission:
            names = [model._meta.model_name for model in self.admin_site._registry]
            permissions = Permission.objects.filter(
                models.Q(content_type__model__in=names) | models.Q(content_type__app_label="access")
            )
            kwargs["form_class"] = PermissionsField
            kwargs["queryset"] = permissions.select_related("content_type")
            kwargs["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(Group)
# The stubs let the request of GroupAdmin.formfield_for_manytomany be None.
class RoleAdmin(AccessAdmin, GroupAdmin):  # type: ignore[misc]  # see above
    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related("permissions__content_type")


class NewAccountForm(forms.ModelForm):
    """Creates an account with a one-off password, which the site makes and shows once."""

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "groups")


@admin.register(User)
class AccountAdmin(AccessAdmin, UserAdmin):
    add_form = NewAccountForm
    change_form_template = "admin/access/account_form.html"
    list_display = ("username", "first_name", "last_name", "roles", "state", "last_login")
    list_filter = ("is_active", "groups")
    filter_horizontal = ()
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email")}),
        ("Roles", {"fields": ("groups",)}),
    )
    fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "is_active")}),
        ("Roles", {"fields": ("groups",)}),
        ("Fechas", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    superuser_fieldset = ("Sin límites", {"fields": ("is_superuser", "user_permissions")})

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    @admin.display(description="activa", ordering="is_active")
    def state(self, user: User) -> str:
        return "Sí" if user.is_active else "No"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj and _is_superuser(request):
            return (*fieldsets, self.superuser_fieldset)
        return fieldsets

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        groups: Any = form.base_fields.get("groups")
        if groups:
            groups.widget = forms.CheckboxSelectMultiple()
            groups.widget.choices = groups.choices
            groups.help_text = "Qué puede hacer: lo que digan sus roles."
        return form

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_protected = obj is not None and (obj.is_superuser or obj.pk == request.user.pk)
        may_change = super().has_change_permission(request, obj)
        return may_change and (_is_superuser(request) or not is_protected)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Accounts are deactivated instead, so that the history keeps their names."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.is_staff = True
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Log the names of the roles before and after."""
        before = _names(form.instance.groups.all() if change else ())
        super().save_related(request, form, formsets, change)
        if (after := _names(form.cleaned_data["groups"])) != before:
            self.log_change(request, form.instance, f"Roles: {before} → {after}.")

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._password_page(request, obj)

    def get_urls(self) -> list[URLPattern]:
        views = [("password", self.user_change_password), ("segundo-factor", self.remove_phone)]
        return [
            path(f"<id>/{route}/", self.admin_site.admin_view(view), name=f"auth_user_{name}")
            for (route, view), name in zip(views, ("password_change", "phone"), strict=True)
        ] + super().get_urls()

    def _account(self, request: HttpRequest, key: str) -> User:
        user = self.get_object(request, key) if is_key(key) else None
        if user is None and self.has_change_permission(request):
            raise Http404
        if user is None or not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    @CONFIRMED
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        user = self._account(request, id)
        if request.method == "POST":
            self.log_change(request, user, PASSWORD[1])
            get_adapter().send_notification_mail("account/email/password_changed", user)
            return self._password_page(request, user)
        effect = "Se cierran sus sesiones, y al entrar tendrá que elegir otra."
        return self._confirm(request, user, PASSWORD[0], effect)

    def _password_page(self, request: HttpRequest, user: User) -> HttpResponse:
        password = second_factor.random_code(4, 5)
        OneOffPassword.give(user, password)
        title = f"La contraseña de {user.get_username()}"
        return admin_page(
            request, "access/one_off", title, password=password, original=user, opts=self.opts
        )

    @CONFIRMED
    def remove_phone(self, request: HttpRequest, id: str) -> HttpResponse:
        user = self._account(request, id)
        if request.method == "POST":
            second_factor.remove(user)
            self.log_change(request, user, PHONE[1])
            messages.success(request, f"{user} activará otro la próxima vez que entre.")
            return redirect("admin:auth_user_change", user.pk)
        effect = "Sus llaves, su teléfono y sus códigos dejan de servir; activará otros al entrar."
        return self._confirm(request, user, PHONE[0], effect)

    def _confirm(self, request: HttpRequest, user: User, title: str, effect: str) -> HttpResponse:
        return admin_page(
            request, "access/confirm", title, original=user, opts=self.opts, effect=effect
        )


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_superuser


def _names(groups: Iterable[Group]) -> str:
    return ", ".join(sorted(group.name for group in groups)) or "ninguno"
