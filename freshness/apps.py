from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class FreshnessConfig(AppConfig):
    name = "freshness"

    def ready(self) -> None:
        from freshness import triggers

        pre_migrate.connect(triggers.suspend, sender=self, dispatch_uid="freshness-suspended")
        # After each `migrate`, since SQLite drops the triggers of a table that it rebuilds.
        post_migrate.connect(triggers.keep, sender=self, dispatch_uid="freshness-triggers")
