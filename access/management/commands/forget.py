from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.utils import timezone

from access.models import Count, LogHead, LoginEvent, Seal
from desk.models import ReceivedText


class Command(BaseCommand):
    help = (
        "Delete expired login events, sessions, counts of failures and texts that nobody saved, and"
        " print the head of the log; to be run every day."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        Count.objects.expired().delete()
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
        open_sessions = Session.objects.values("session_key")
        UserSession.objects.exclude(session_key__in=open_sessions).delete()
        LoginEvent.objects.expired().delete()
        ReceivedText.objects.expired().delete()
        Seal.objects.forget(LoginEvent._meta.label_lower)
        self.stdout.write(f"log: {LogHead.objects.first()}")
