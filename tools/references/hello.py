"""A view that says «hello» behind the apps and middleware of `startproject`, its connection to the
database kept and unused."""

import os

import dj_database_url
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

APPS = "admin auth contenttypes sessions messages staticfiles".split()
MIDDLEWARE = """django.middleware.security.SecurityMiddleware
django.contrib.sessions.middleware.SessionMiddleware
django.middleware.common.CommonMiddleware
django.middleware.csrf.CsrfViewMiddleware
django.contrib.auth.middleware.AuthenticationMiddleware
django.contrib.messages.middleware.MessageMiddleware
django.middleware.clickjacking.XFrameOptionsMiddleware""".split()


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


urlpatterns = [path("", hello)]
settings.configure(
    DEBUG=False,
    SECRET_KEY="a key for a page that says hello and guards nothing",  # noqa: S106, no secret
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)},
    INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS],
    MIDDLEWARE=MIDDLEWARE,
)
application = get_wsgi_application()
