from django.urls import path

from organizations.models import Organization
from sharing import views
from sharing.pictures import FILE
from sources.models import Source
from timeline.models import Event, Statement

PICTURES = {
    "organization": ("organizaciones", Organization),
    "event": ("linea-de-tiempo", Event),
    "statement": ("pronunciamientos", Statement),
    "source": ("fuentes", Source),
}
app_name = "sharing"
urlpatterns = [
    path(FILE, views.picture, name="picture"),
    *(
        path(
            f"{folder}/<slug:slug>/{FILE}",
            views.PictureView.as_view(model=model),
            name=f"{kind}_picture",
        )
        for kind, (folder, model) in PICTURES.items()
    ),
]
