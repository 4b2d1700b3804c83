from django.urls import path

from sources import views

app_name = "sources"
urlpatterns = [
    path("fuentes/", views.source_list, name="source_list"),
    path("fuentes/<slug:slug>/", views.SourceView.as_view(), name="source_detail"),
    path(
        "fuentes/<slug:slug>/cita.<slug:format_name>",
        views.SourceView.as_view(),
        name="source_reference",
    ),
]
