from django.apps import AppConfig
from django.contrib.admin import apps


class NucleoConfig(AppConfig):
    name = "nucleo"
    default = True


class NucleoAdminConfig(apps.AdminConfig):
    """Django's admin with our front page: see `nucleo.admin`."""

    default = False
    default_site = "nucleo.admin.NucleoAdminSite"
