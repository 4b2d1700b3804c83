from django.urls import path

from timeline import views

app_name = "timeline"
event, statement = views.EventView.as_view(), views.StatementView.as_view()
reference = "<slug:slug>/cita.<slug:format_name>"
urlpatterns = [
    path("linea-de-tiempo/", views.event_list, name="event_list"),
    path("linea-de-tiempo/<slug:slug>/", event, name="event_detail"),
    path(f"linea-de-tiempo/{reference}", event, name="event_reference"),
    path("pronunciamientos/", views.statement_list, name="statement_list"),
    path("pronunciamientos/<slug:slug>/", statement, name="statement_detail"),
    path(f"pronunciamientos/{reference}", statement, name="statement_reference"),
]
