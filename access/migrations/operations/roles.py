"""Creates the roles as groups with permissions.

Django creates permissions after all migrations, when it sends `post_migrate`. The groups need them
earlier, so this operation calls Django's function, which creates only missing permissions. A new
model needs a migration that gives its permissions to the groups, as this operation does.
"""

from typing import Any

from django.contrib.auth.management import create_permissions

MODELS = {
    "sources": ["source", "citation"],
    "organizations": ["organization", "membership", "representationterm"],
    "timeline": ["event", "statement"],
}
SEE = ["access.view_loginevent", "exchange.view_receipt"]
EXCHANGE = ["exchange.import_records", "exchange.export_records"]


def _permissions(*actions: str) -> list[str]:
    return [f"{app}.{action}_{m}" for app, models in MODELS.items() for m in models for action in actions]


ROLES = {
    "Lectura": [*_permissions("view"), *SEE],
    "Redacción": [*_permissions("view", "add", "change"), *SEE, *EXCHANGE],
    "Publicación": [
        *_permissions("view", "add", "change", "delete"), *SEE, *EXCHANGE,
        "sources.publish_record", "exchange.undo_import",
    ],
    "Administración": ["access.view_loginevent", "auth.view_user", "auth.add_user", "auth.change_user",
                       "auth.view_group"],
}


def make_roles(apps: Any, schema_editor: Any) -> None:
    for label in ("auth", *MODELS, "exchange", "access"):
        app = apps.get_app_config(label)
        if not hasattr(app, "models_module"):  # apps of migrations lack it
            app.models_module = True
        create_permissions(app, verbosity=0, apps=apps)
    queryset = apps.get_model("auth", "Permission").objects.select_related("content_type")
    permissions = {f"{p.content_type.app_label}.{p.codename}": p for p in queryset}
    for role, names in ROLES.items():
        group, _new = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        group.permissions.set([permissions[name] for name in names])


def remove_roles(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()
