from django.urls import path

from sources import views

app_name = "sources"
detail = views.SourceView.as_view()
urlpatterns = [
    path("fuentes/", views.source_list, name="source_list"),
    path("fuentes/<slug:slug>.txt", views.TextView.as_view(), name="source_text"),
    path("fuentes/<slug:slug>/original", views.OriginalView.as_view(), name="source_original"),
    path("fuentes/<slug:slug>/", detail, name="source_detail"),
    path("fuentes/<slug:slug>/citas/<int:number>/", views.PassageView.as_view(), name="passage"),
    path("fuentes/<slug:slug>/cita.<slug:format_name>", detail, name="source_reference"),
]
