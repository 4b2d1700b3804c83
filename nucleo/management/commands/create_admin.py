import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

# Letters and digits that no one takes for another: no l, 1, I, O or 0.
READABLE = "abcdefghijkmnpqrstuvwxyz23456789"


class Command(BaseCommand):
    help = "Where nobody can log in yet, create the user admin and print its password, once."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()._default_manager
        if users.exists():
            return
        password = readable_password()
        users.create_superuser(username="admin", password=password)
        self.stdout.write(f"Staff login: admin / {password}   (shown this once; keep it)")


def readable_password() -> str:
    """20 characters in four groups: 100 bits of chance."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(5)) for _ in range(4))
