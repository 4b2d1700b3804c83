"""The second factor, by django-otp: a code from a phone (TOTP) or a recovery code. django-otp
throttles both, and accepts each code once."""

import secrets
from base64 import b32encode
from hashlib import scrypt

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString, mark_safe
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10
# Without l, 1, I, O and 0, which look alike.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def random_code(groups: int, length: int) -> str:
    """Return a code like «x7kq-2mzd», with five random bits a character."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(length)) for _ in range(groups))


def phone_of(user: User) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def codes_left(user: User) -> int:
    return StaticToken.objects.filter(device__user=user).count()


def unconfirmed_phone(user: User) -> TOTPDevice:
    """Return the phone that the user enrols, and create it at the first call. Its key stays the
    same when the page is loaded again."""
    phone = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return phone or TOTPDevice.objects.create(user=user, confirmed=False, name="teléfono")


def confirm_phone(user: User, code: str) -> TOTPDevice | None:
    """Replace the user's phone by the unconfirmed phone and return it, if the code is right."""
    phone = verify_token(user, unconfirmed_phone(user).persistent_id, code)
    if phone is not None:
        with transaction.atomic():
            TOTPDevice.objects.filter(user=user).exclude(pk=phone.pk).delete()
            phone.confirmed = True
            phone.save(update_fields=["confirmed"])
    return phone


def new_codes(user: User) -> list[str]:
    """Replace the user's recovery codes and return the new codes. Only digests are stored."""
    codes = [random_code(2, 4) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="códigos de recuperación")
        tokens = [StaticToken(device=device, token=_digest(device, code)) for code in codes]
        StaticToken.objects.bulk_create(tokens)
    return codes


def _digest(device: StaticDevice, code: str) -> str:
    """Return a digest that fits the 16 characters of StaticToken's column. scrypt makes guessing
    slow, and the salt makes it impossible without the secret key."""
    salt = salted_hmac("access.recovery", device.persistent_id, algorithm="sha256").digest()
    plain = "".join(filter(str.isalnum, code.lower())).encode()
    cost = settings.RECOVERY_CODE_COST
    return b32encode(scrypt(plain, salt=salt, n=cost, r=8, p=1, dklen=10)).decode()


def verified_by_phone(user: User, code: str) -> Device | None:
    phone = phone_of(user)
    return verify_token(user, phone.persistent_id, code) if phone else None


def verified_by_recovery(user: User, code: str) -> Device | None:
    device = StaticDevice.objects.filter(user=user, confirmed=True).first()
    return verify_token(user, device.persistent_id, _digest(device, code)) if device else None


def remove(user: User) -> None:
    """Delete the user's devices. Sessions that they verified end at the next request."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def qr_code(phone: TOTPDevice) -> SafeString:
    """Return the QR code as SVG, which needs neither style nor script."""
    import qrcode  # slow to import, and rarely needed
    from qrcode.image.svg import SvgPathImage

    image = qrcode.make(phone.config_url, image_factory=SvgPathImage, border=0)
    return mark_safe(image.to_string(encoding="unicode"))  # noqa: S308, qrcode draws paths only


def key_of(phone: TOTPDevice) -> str:
    """Return the key for typing, in groups of four characters."""
    key = b32encode(phone.bin_key).decode()
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))
