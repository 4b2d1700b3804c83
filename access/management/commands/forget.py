from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.utils import timezone

from access import throttle
from access.models import LoginEvent


class Command(BaseCommand):
    help = "Delete what is kept of logins for a time only and is past it; to be run every day."

    def handle(self, *args: Any, **options: Any) -> None:
        throttle.forget()
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
        LoginEvent.objects.past_keeping().delete()
