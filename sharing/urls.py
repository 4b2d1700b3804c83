from django.urls import path

from organizations.models import Organization
from sharing import calendars, feeds, views
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
    path("linea-de-tiempo/atom.xml", feeds.EventFeed(), name="event_feed"),
    path("linea-de-tiempo/calendario.ics", calendars.calendar, name="calendar"),
    path("pronunciamientos/atom.xml", feeds.StatementFeed(), name="statement_feed"),
    path("organizaciones/atom.xml", feeds.MembershipFeed(), name="membership_feed"),
    path("representacion/atom.xml", feeds.TermFeed(), name="term_feed"),
    path(
        "organizaciones/<slug:slug>/atom.xml",
        views.OrganizationFeedView.as_view(),
        name="organization_feed",
    ),
    path(
        "organizaciones/<slug:slug>/calendario.ics",
        views.OrganizationCalendarView.as_view(),
        name="organization_calendar",
    ),
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
