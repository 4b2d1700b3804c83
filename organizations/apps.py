from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError


class OrganizationsConfig(AppConfig):
    name = "organizations"
    verbose_name = "Organizaciones"

    def ready(self) -> None:
        checks.register(check_coalition, checks.Tags.database)


def check_coalition(
    app_configs: Any, databases: Any = None, **options: Any
) -> list[checks.CheckMessage]:
    """Report a COALITION that is no organization of the record. A record without organizations is
    new, and has no error."""
    from organizations.models import Organization

    slugs = Organization.objects.values_list("slug", flat=True)
    try:
        if not databases or settings.COALITION in slugs or not slugs.exists():
            return []
    except DatabaseError:  # before the first migration
        return []
    message = f"Ninguna organización del registro es la coalición: COALITION={settings.COALITION}"
    advice = "Ponga en COALITION el identificador de una de ellas, o corrija el de la organización."
    return [checks.Error(message, hint=advice, id="organizations.E001")]
