from django.urls import path

from organizations import views

app_name = "organizations"
detail = views.OrganizationView.as_view()
urlpatterns = [
    path("organizaciones/", views.organization_list, name="organization_list"),
    path("organizaciones/<slug:slug>/", detail, name="organization_detail"),
    path(
        "organizaciones/<slug:slug>/cita.<slug:format_name>", detail, name="organization_reference"
    ),
    path("media/logos/<str:name>", views.logo, name="logo"),
    path("representacion/", views.representation, name="representation"),
]
