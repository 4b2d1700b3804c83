import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")

# What a start makes stays: nothing of it is looked through for garbage, now or at any page.
gc.disable()

# Who connects to the proxy is, to all behind it, who connects: the last that it says, and only what
# a proxy of ours says.
application = wrap_wsgi_with_proxy_headers(
    get_wsgi_application(), trusted_hosts=settings.TRUSTED_PROXIES
)
import_module(settings.ROOT_URLCONF)  # before the first page asks for it
gc.freeze()
gc.enable()
