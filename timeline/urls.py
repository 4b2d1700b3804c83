from django.urls import path

from timeline import views

app_name = "timeline"
urlpatterns = [
    path("linea-de-tiempo/", views.event_list, name="event_list"),
    path("linea-de-tiempo/<slug:slug>/", views.EventView.as_view(), name="event_detail"),
    path("pronunciamientos/", views.statement_list, name="statement_list"),
    path("pronunciamientos/<slug:slug>/", views.StatementView.as_view(), name="statement_detail"),
]
