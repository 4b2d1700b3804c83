"""Who may take records in and out. Every page, link and command asks here."""

from django.contrib.auth.base_user import AbstractBaseUser

from record.resources import RecordResource

IMPORT, EXPORT, UNDO = (
    f"exchange.{name}" for name in ("import_records", "export_records", "undo_import")
)


def may_import(user: AbstractBaseUser, resource: type[RecordResource]) -> bool:
    return user.has_perms([IMPORT, *_permissions(resource, "add", "change")])


def may_export(user: AbstractBaseUser, resource: type[RecordResource]) -> bool:
    return user.has_perms([EXPORT, *_permissions(resource, "view")])


def may_see_receipts(user: AbstractBaseUser) -> bool:
    return any(map(user.has_perm, ("exchange.view_receipt", IMPORT, UNDO)))


def _permissions(resource: type[RecordResource], *names: str) -> list[str]:
    meta = resource.model._meta
    return [f"{meta.app_label}.{name}_{meta.model_name}" for name in names]
