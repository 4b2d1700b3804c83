from typing import Any

from django import template
from django.db.models.options import Options
from django.http import HttpRequest

from exchange.imports import RESOURCES
from exchange.rights import may_export, may_import

register = template.Library()


@register.inclusion_tag("admin/exchange/_links.html")
def exchange_links(request: HttpRequest, opts: Options) -> dict[str, Any]:
    """The ways in and out of a model's list, for whoever may use them."""
    resource = next((r for r in RESOURCES.values() if r.model._meta is opts), None)
    return {
        "resource": resource,
        "may_import": resource and may_import(request.user, resource),
        "may_export": resource and may_export(request.user, resource),
        "filters": request.GET.urlencode(),
    }
