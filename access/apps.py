from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Acceso"

    def ready(self) -> None:
        from access import signals  # noqa: F401, the import connects the receivers
