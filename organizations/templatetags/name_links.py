"""Running text with the organizations that it names linked."""

from django import template
from django.utils.safestring import SafeString

from organizations.name_links import Names

register = template.Library()


@register.filter
def linking(html: str, names: Names) -> SafeString:
    """`{{ event.body|prose|linking:names }}`, or a filter block around what includes build."""
    return names.linked(html)
