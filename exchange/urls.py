from django.urls import path

from exchange import views

app_name = "exchange"
urlpatterns = [
    path("datos/", views.open_data, name="open_data"),
    path("datos/<slug:table>.<slug:format_name>", views.table, name="table"),
]
