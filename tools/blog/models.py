"""The blog of Wagtail's tutorial: an index page that lists its entries, the newest first."""

from datetime import date, timedelta
from typing import Any

from django.db import models
from django.http import HttpRequest
from wagtail.fields import RichTextField
from wagtail.models import Page, Site


class BlogIndexPage(Page):
    intro = RichTextField(blank=True)

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().get_context(request)
        context["blogpages"] = self.get_children().live().order_by("-first_published_at")
        return context


class BlogPage(Page):
    date = models.DateField("Post date")
    intro = models.CharField(max_length=250)
    body = RichTextField(blank=True)


def fill() -> None:
    """An index under the site's first page, with ten entries."""
    home = Site.objects.get(is_default_site=True).root_page
    index = home.add_child(instance=BlogIndexPage(title="Blog", slug="blog", intro="<p>Hello</p>"))
    for number in range(10):
        entry = BlogPage(
            title=f"What was said on day {number}",
            slug=f"entry-{number}",
            date=date(2017, 5, 1) + timedelta(days=number),
            intro=f"A sentence or two that say what is in entry number {number}. " * 2,
            body="<p>All that was said, in several sentences.</p>" * 5,
        )
        index.add_child(instance=entry).save_revision().publish()
