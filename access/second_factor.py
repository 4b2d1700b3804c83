"""The secrets of second factors: their encryption, recovery codes of version 1.0, and the removal
of all factors of a user."""

import secrets
from base64 import b32encode, urlsafe_b64encode
from hashlib import scrypt

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac

# Without l, 1, I, O and 0, which look alike.
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def random_code(groups: int, length: int) -> str:
    """Return a code like «x7kq-2mzd», with five random bits a character."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(length)) for _ in range(groups))


def _cipher() -> MultiFernet:
    """Return a cipher whose key is made from SECRET_KEY, and which decrypts the texts of the keys
    in SECRET_KEY_FALLBACKS too."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac("access.mfa", "", key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])


def encrypt(text: str) -> str:
    return _cipher().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Return a random secret, which no code fits, for a text that another key encrypted."""
    try:
        return _cipher().decrypt(text.encode()).decode()
    except InvalidToken:
        return b32encode(secrets.token_bytes(20)).decode()


def remove(user: User) -> None:
    """Delete the user's factors and end the user's sessions."""
    Authenticator.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user):
        session.end()


def former_code(user: User, code: str) -> str:
    """Return the digest that version 1.0 kept of a recovery code, if the user's codes are of that
    version, else the code."""
    plain = "".join(filter(str.isalnum, code.lower()))
    codes = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    device = codes.data.get("former_device") if codes else None
    if device is None or len(plain) != 8:  # the code of a phone has 6 characters
        return code
    salt = salted_hmac("access.recovery", device, algorithm="sha256").digest()
    cost = settings.RECOVERY_CODE_COST
    return b32encode(scrypt(plain.encode(), salt=salt, n=cost, r=8, p=1, dklen=10)).decode()
