"""The second factor: a code from a phone (TOTP), or one of ten recovery codes, each of which serves
once. Both are throttled, and a code that was used is refused (django-otp)."""

import secrets
from base64 import b32encode
from hashlib import scrypt

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString, mark_safe
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

CODES = 10
# Letters and digits that no one takes for another: no l, 1, I, O or 0.
READABLE = "abcdefghijkmnpqrstuvwxyz23456789"


def readable(groups: int, length: int) -> str:
    """«x7kq-2mzd»: five bits of chance a character."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(length)) for _ in range(groups))


def phone_of(user: AbstractBaseUser) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def codes_left(user: AbstractBaseUser) -> int:
    return StaticToken.objects.filter(device__user=user).count()


def phone_to_be(user: AbstractBaseUser) -> TOTPDevice:
    """The same until it is confirmed, so that the page may be loaded again."""
    waiting = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return waiting or TOTPDevice.objects.create(user=user, confirmed=False, name="teléfono")


def confirm_phone(user: AbstractBaseUser, code: str) -> TOTPDevice | None:
    """The phone to be, once it shows the right code, in the place of any other."""
    phone = verify_token(user, phone_to_be(user).persistent_id, code)
    if phone is not None:
        with transaction.atomic():
            TOTPDevice.objects.filter(user=user).exclude(pk=phone.pk).delete()
            phone.confirmed = True
            phone.save(update_fields=["confirmed"])
    return phone


def new_codes(user: AbstractBaseUser) -> list[str]:
    """Ten recovery codes in the place of any others; only their digests are kept."""
    codes = [readable(2, 4) for _ in range(CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="códigos de recuperación")
        tokens = [StaticToken(device=device, token=_digest(device, code)) for code in codes]
        StaticToken.objects.bulk_create(tokens)
    return codes


def _digest(device: StaticDevice, code: str) -> str:
    """What the package's 16 columns hold of a code: slow to guess, and not without our key."""
    salt = salted_hmac("access.recovery", device.persistent_id, algorithm="sha256").digest()
    plain = "".join(filter(str.isalnum, code.lower())).encode()
    cost = settings.RECOVERY_CODE_COST
    return b32encode(scrypt(plain, salt=salt, n=cost, r=8, p=1, dklen=10)).decode()


def verified_by_phone(user: AbstractBaseUser, code: str) -> Device | None:
    phone = phone_of(user)
    return verify_token(user, phone.persistent_id, code) if phone else None


def verified_by_recovery(user: AbstractBaseUser, code: str) -> Device | None:
    device = StaticDevice.objects.filter(user=user, confirmed=True).first()
    return verify_token(user, device.persistent_id, _digest(device, code)) if device else None


def remove(user: AbstractBaseUser) -> None:
    """Whoever is in by it is out at the next request."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def drawn(phone: TOTPDevice) -> SafeString:
    """The QR code as SVG, which needs neither style nor script."""
    import qrcode  # here, for every worker starts without it
    from qrcode.image.svg import SvgPathImage

    image = qrcode.make(phone.config_url, image_factory=SvgPathImage, border=0)
    return mark_safe(image.to_string(encoding="unicode"))  # noqa: S308, qrcode draws paths only


def key_of(phone: TOTPDevice) -> str:
    """For whoever types it: groups of four."""
    key = b32encode(phone.bin_key).decode()
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))
