from django.contrib.admin import apps


class NucleoAdminConfig(apps.AdminConfig):
    """Uses the admin site of `nucleo.admin` instead of Django's."""

    default = False  # this class configures django.contrib.admin, not nucleo
    default_site = "nucleo.admin.NucleoAdminSite"
