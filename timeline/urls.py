from django.urls import path

from timeline import feeds, views

app_name = "timeline"
urlpatterns = [
    path("linea-de-tiempo/", views.event_list, name="event_list"),
    path("linea-de-tiempo/atom.xml", feeds.EventFeed(), name="event_feed"),
    path("linea-de-tiempo/calendario.ics", feeds.calendar, name="calendar"),
    path("linea-de-tiempo/<slug:slug>/", views.EventView.as_view(), name="event_detail"),
    path(
        "linea-de-tiempo/<slug:slug>/cita.<slug:format_name>",
        views.EventView.as_view(),
        name="event_reference",
    ),
    path("pronunciamientos/", views.statement_list, name="statement_list"),
    path("pronunciamientos/atom.xml", feeds.StatementFeed(), name="statement_feed"),
    path("pronunciamientos/<slug:slug>/", views.StatementView.as_view(), name="statement_detail"),
    path(
        "pronunciamientos/<slug:slug>/cita.<slug:format_name>",
        views.StatementView.as_view(),
        name="statement_reference",
    ),
]
