"""Moves phones and recovery codes from the tables of django-otp, and drops these and the tables of
django-axes, whose packages are gone."""

from base64 import b32encode
from typing import Any

from access.second_factor import encrypt

PHONES = "SELECT user_id, key FROM otp_totp_totpdevice WHERE confirmed ORDER BY id"
CODES = """
    SELECT device.user_id, device.id, token.token
    FROM otp_static_staticdevice device JOIN otp_static_statictoken token
    ON token.device_id = device.id WHERE device.confirmed ORDER BY device.id, token.id
"""
TABLES = (
    "otp_totp_totpdevice", "otp_static_statictoken", "otp_static_staticdevice",
    "axes_accessattemptexpiration", "axes_accessattempt", "axes_accesslog", "axes_accessfailurelog",
)  # fmt: skip


def move(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    tables = set(connection.introspection.table_names())
    if "otp_totp_totpdevice" in tables:
        with connection.cursor() as cursor:
            cursor.execute(PHONES)
            phones = cursor.fetchall()
            cursor.execute(CODES)
            codes = cursor.fetchall()
        _store(apps.get_model("mfa", "Authenticator"), phones, codes)
    for table in TABLES:
        if table in tables:
            schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(table)}")


def _store(model: Any, phones: list[tuple[int, str]], codes: list[tuple[int, int, str]]) -> None:
    """Store each user's last phone, and the digests of the recovery codes with the device that
    salts them: `access.second_factor.former_code` makes the same digest of a code."""
    factors = {}
    for user, key in phones:
        secret = encrypt(b32encode(bytes.fromhex(key)).decode())
        factors[user, "totp"] = {"secret": secret}
    for user, device, digest in codes:
        name = f"otp_static.staticdevice/{device}"
        data = factors.get((user, "recovery_codes"))
        if data is None or data["former_device"] != name:
            data = {"former_device": name, "viewed_at": 1, "used_mask": 0, "migrated_codes": []}
            factors[user, "recovery_codes"] = data
        data["migrated_codes"].append(encrypt(digest))
    # Codes serve beside a phone only.
    model.objects.bulk_create(
        model(user_id=user, type=kind, data=data)
        for (user, kind), data in factors.items()
        if (user, "totp") in factors
    )
