"""The addresses of the login and of «Su cuenta». Of django-allauth's pages, only these exist: there
is no sign-up, no reset of passwords, and no page of e-mail addresses."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as phone
from allauth.mfa.webauthn import views as keys
from django.urls import path

from access import late_posts, views
from access.views import anybody, changes_password, enrols, page

CONFIRM, SESSIONS, KEY = "Confirme que es usted", "Mis sesiones", "Llave de acceso"
PHONE, CODES = "Teléfono", "Códigos de recuperación"
sessions = page(views.Sessions.as_view(), SESSIONS)

urlpatterns = [
    path("login/", page(views.LogIn.as_view(), "Entrar a la redacción", anybody),
         name="account_login"),
    path("entrar/codigo/", page(mfa.authenticate, "Código de su teléfono", anybody),
         name="mfa_authenticate"),
    path("entrar/llave/", page(keys.login_webauthn, KEY, anybody), name="mfa_login_webauthn"),
    path("password_change/", page(account.password_change, "Contraseña", changes_password),
         name="account_change_password"),
    path("cuenta/", page(mfa.index, "Contraseña y segundo paso", enrols), name="mfa_index"),
    path("cuenta/confirmar/contrasena/", page(account.reauthenticate, CONFIRM, enrols),
         name="account_reauthenticate"),
    path("cuenta/confirmar/codigo/", page(mfa.reauthenticate, CONFIRM), name="mfa_reauthenticate"),
    path("cuenta/confirmar/llave/", page(keys.reauthenticate_webauthn, CONFIRM),
         name="mfa_reauthenticate_webauthn"),
    path("cuenta/telefono/", page(views.Phone.as_view(), PHONE, enrols), name="mfa_activate_totp"),
    path("cuenta/telefono/quitar/", page(phone.deactivate_totp, PHONE),
         name="mfa_deactivate_totp"),
    path("cuenta/codigos/", page(codes.view_recovery_codes, CODES), name="mfa_view_recovery_codes"),
    path("cuenta/codigos/nuevos/", page(codes.generate_recovery_codes, CODES),
         name="mfa_generate_recovery_codes"),
    path("cuenta/sesiones/", sessions, name="usersessions_list"),
    path("cuenta/sesiones/", sessions, name="mfa_list_webauthn"),  # the keys are on that page too
    path("cuenta/llaves/agregar/", page(keys.add_webauthn, KEY, enrols), name="mfa_add_webauthn"),
    path("cuenta/llaves/<int:pk>/quitar/", page(views.RemoveKey.as_view(), KEY),
         name="mfa_remove_webauthn"),
    path("cuenta/llaves/<int:pk>/nombre/", page(keys.edit_webauthn, KEY), name="mfa_edit_webauthn"),
    path("sesion/", page(views.session_end, SESSIONS), name="account_session_end"),
    path("entrar/guardar/", page(late_posts.send_again, "Guardar"), name="account_send_again"),
    path("entrar/texto/", late_posts.download, name="account_late_post_download"),
]  # fmt: skip
