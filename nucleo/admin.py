from django.contrib import admin


class NucleoAdminSite(admin.AdminSite):
    site_header = "Núcleo · Redacción"
    site_title = "Núcleo · Redacción"
