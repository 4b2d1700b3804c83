from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = "Búsqueda"

    def ready(self) -> None:
        from search import index

        index.listen()
