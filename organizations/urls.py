from django.urls import path

from organizations import views

app_name = "organizations"
urlpatterns = [
    path("organizaciones/", views.organization_list, name="organization_list"),
    path(
        "organizaciones/<slug:slug>/", views.OrganizationView.as_view(), name="organization_detail"
    ),
    path("representacion/", views.representation, name="representation"),
]
