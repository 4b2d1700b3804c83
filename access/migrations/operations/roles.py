"""The roles, as groups.

Django makes permissions after all migrations, when `post_migrate` is sent; groups that hold them
need them now, so they are made here first, by Django's own function. It makes only what is
missing, and so does Django afterwards. A model that comes later gets its permissions in a migration
of its own, after this one's example: `test_the_roles_hold_exactly_what_is_said_of_them` asks.
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


def _of_the_record(*actions: str) -> list[str]:
    return [f"{app}.{action}_{m}" for app, models in MODELS.items() for m in models for action in actions]


ROLES = {
    "Lectura": [*_of_the_record("view"), *SEE],
    "Redacción": [*_of_the_record("view", "add", "change"), *SEE, *EXCHANGE],
    "Publicación": [
        *_of_the_record("view", "add", "change", "delete"), *SEE, *EXCHANGE,
        "sources.publish_record", "exchange.undo_import",
    ],
    "Administración": ["access.view_loginevent", "auth.view_user", "auth.add_user", "auth.change_user",
                       "auth.view_group"],
}


def make_roles(apps: Any, schema_editor: Any) -> None:
    for label in ("auth", *MODELS, "exchange", "access"):
        app = apps.get_app_config(label)
        if not hasattr(app, "models_module"):  # of a migration's app; the function asks for it
            app.models_module = True
        create_permissions(app, verbosity=0, apps=apps)
    permissions = apps.get_model("auth", "Permission").objects.select_related("content_type")
    found = {f"{p.content_type.app_label}.{p.codename}": p for p in permissions}
    for name, held in ROLES.items():
        group, _new = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.set([found[permission] for permission in held])


def remove_roles(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()
