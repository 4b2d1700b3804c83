from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.utils import timezone

from access import throttle
from access.models import LogHead, LoginEvent, Seal


class Command(BaseCommand):
    help = (
        "Delete expired login events, sessions and failed attempts, and print the head of the log;"
        " to be run every day."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        throttle.delete_expired_attempts()
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
        LoginEvent.objects.expired().delete()
        Seal.objects.forget(LoginEvent._meta.label_lower)
        self.stdout.write(f"log: {LogHead.objects.first()}")
