"""Gives the roles their permissions for categories, kinds and synonyms."""

from typing import Any

from django.contrib.auth.management import create_permissions

MODELS = ("eventcategory", "statementkind", "synonym")
ROLES = {
    "Lectura": ["view"],
    "Redacción": ["view", "add", "change"],
    "Publicación": ["view", "add", "change", "delete"],
}


def add_rights(apps: Any, schema_editor: Any, models: tuple[str, ...] = MODELS) -> None:
    app = apps.get_app_config("timeline")
    app.models_module = app.models_module if hasattr(app, "models_module") else True
    create_permissions(app, verbosity=0, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects
    for role, actions in ROLES.items():
        names = [f"{action}_{model}" for action in actions for model in models]
        for group in apps.get_model("auth", "Group").objects.filter(name=role):
            group.permissions.add(*permissions.filter(codename__in=names))


def remove_rights(apps: Any, schema_editor: Any, models: tuple[str, ...] = MODELS) -> None:
    names = apps.get_model("auth", "Permission").objects
    names.filter(content_type__model__in=models).delete()
