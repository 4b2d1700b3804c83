from django.contrib import admin
from django.urls import include, path, register_converter

from dates.converters import DateConverter
from nucleo import errors, sitemaps, views

register_converter(DateConverter, "date")

urlpatterns = [
    path("", views.home, name="home"),
    path("acerca-de/", views.about, name="about"),
    path("al/", views.as_of_form, name="as_of_form"),
    path("al/<date:when>/", views.as_of, name="as_of"),
    path("al/<str:written>/", views.as_of_impossible, name="as_of_impossible"),
    path("sitemap.xml", sitemaps.sitemap, name="sitemap"),
    path("sitemap-<slug:section>.xml", sitemaps.section, name="sitemap_section"),
    path("robots.txt", views.robots, name="robots"),
    path("healthz", errors.healthz, name="healthz"),
    path(".well-known/security.txt", views.security_txt, name="security_txt"),
    path("admin/", include("access.urls")),
    path("admin/", admin.site.urls),
    path("", include("organizations.urls")),
    path("", include("timeline.urls")),
    path("", include("sources.urls")),
    path("", include("sharing.urls")),
    path("", include("exchange.urls")),
    path("", include("search.urls")),
]

handler400 = "nucleo.errors.bad_request"
handler404 = "nucleo.errors.not_found"
handler429 = "access.adapters.locked_out"
handler500 = "nucleo.errors.server_error"
