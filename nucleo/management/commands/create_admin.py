from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from access.second_factor import random_code


class Command(BaseCommand):
    help = "Where nobody can log in yet, create the user admin and print its password, once."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()._default_manager
        if users.exists():
            return
        password = random_code(4, 5)  # 100 random bits
        users.create_superuser(username="admin", password=password)
        self.stdout.write(f"Staff login: admin / {password}   (shown this once; keep it)")
