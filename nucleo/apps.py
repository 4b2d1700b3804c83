from django.contrib.admin import apps


class NucleoAdminConfig(apps.AdminConfig):
    """Django's admin with our front page: see `nucleo.admin`."""

    default = False  # or it would be the configuration of `nucleo` too
    default_site = "nucleo.admin.NucleoAdminSite"
