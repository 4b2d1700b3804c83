"""Hostile queries on the lists of the admin and on the pages that export them: each is answered at
once, none with 500."""

import time
from collections.abc import Iterable
from itertools import cycle, islice, product
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse

from exchange.imports import RESOURCES
from tests.conftest import Person
from tests.records import citation, event, source
from tests.staff import address_of
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
SECONDS = 5
LISTS = {model: address_of("changelist", model) for model in admin.site._registry}
EXPORTS = {
    resource.model: reverse("admin:exchange_export", args=[name])
    for name, resource in RESOURCES.items()
}
HUGE = "9" * 30
VALUES = (
    "",
    "x",
    "0",
    "-1",
    "10000",
    HUGE,
    "[",
    "(a+)+$",
    "2017-01-01,x",
    "a,,b",
    "\udc80",
    "\u202e",
)
LOOKUPS = (
    "year", "year__gt", "iso_year", "year__range", "year__in", "date", "date__lte", "time", "hour",
    "week_day__gte", "month", "regex", "iregex", "range", "in", "isnull", "exact", "gt", "contains",
    "trim", "nada", "pk", "year__year__year", "", "_",
)  # fmt: skip
PARAMETERS = (
    *("o=1.-2", f"o={HUGE}", "o=-", "o=.", "o=x", "o=1.1.1", f"p={HUGE}", "p=0", "p=-1", "p=x"),
    *("e=1", "e=x", "all=", "all=x", "q=%00", "q=%ff", f"q={'a+' * 3000}", f"q={'[' * 9000}"),
    *("_popup=1", "_popup=x", "_to_field=nada", "_to_field=id", "_to_field=password", "_facets=x"),
    *("_changelist_filters=%25", "_changelist_filters=a%3Db%26c", "__=1", "=", "=1", "&&&", "%"),
    *("estado=nada", "estado=", "estado=borrador&estado=publico", "citas=x", "fecha=x", "apoya=x"),
    *("pk=1", "pk__in=1,x", "id__in=" + ",".join(map(str, range(3000))), "id=1e999", "a" * 5000),
    *("source__text__contains=a", "groups__permissions=1", "password__startswith=a", "user__id=x"),
    *("groups__user__password__contains=a", "history_user=1", "formato=nada", "formato=", "%00=1"),
)  # fmt: skip
AUTOCOMPLETE = (
    "", "app_label=timeline", "app_label=nada&model_name=x&field_name=y",
    *(f"app_label={label}&model_name={model}&field_name={field}{more}"
      for label, model, field in (
          ("timeline", "eventorganization", "organization"), ("timeline", "event", "organizations"),
          ("timeline", "event", "title"), ("timeline", "event", "nada"), ("auth", "user", "groups"),
          ("sources", "citation", "source"), ("timeline", "eventorganization", "id"),
          ("admin", "logentry", "user"), ("contenttypes", "contenttype", "permission"),
          ("organizations", "organization", "memberships"), ("auth", "permission", "content_type"),
      )
      for more in ("&term=a", f"&term={'%20a' * 3000}&page={HUGE}", "&page=-1", "&page=x")),
)  # fmt: skip

FORM_PARAMETERS = ("_popup=1", "_to_field=nada", "_to_field=password", "_changelist_filters=%25%00",
                   "_changelist_filters=a%3Db%26c%3D%2581", f"organization={HUGE}&source=x&exact=[",
                   "organizations=x&start=9999-99&publish_at=x&groups=x", "from=x", "p=-1",
                   f"version={HUGE}", f"antes=x&despues={HUGE}", f"apoya=event&event={HUGE}",
                   "apoya=membership&source=%ff", f"p={HUGE}")  # fmt: skip


def queries(model: type[models.Model]) -> list[str]:
    """Some of the lookups of each field, each with one of the values, and all PARAMETERS."""
    fields = [*(field.name for field in model._meta.get_fields()), "nada", "history__history_date"]
    values = cycle(quote(value.encode("utf-8", "surrogateescape")) for value in VALUES)
    pairs = islice(product(fields, LOOKUPS), None, None, 11)
    return [f"{name}__{lookup}={next(values)}" for name, lookup in pairs] + [*PARAMETERS]


@pytest.fixture
def staff(reader, editor, publisher, keeper, admin) -> list[Person]:
    people = [reader, editor, publisher, keeper, admin]
    for person in people:
        person.verify()
        person.raise_request_exception = False
    citation(event(), source=source())
    return people


def errors(people: Iterable[Person], addresses: Iterable[str]) -> list[tuple[str, int, float]]:
    """Asks for each address as the next of the people. Returns errors of the site and slow answers
    with their seconds."""
    wrong = []
    for person, url in zip(cycle(people), addresses, strict=False):
        began = time.monotonic()
        status = person.get(url).status_code
        seconds = time.monotonic() - began
        if status >= 500 or seconds > SECONDS:
            wrong.append((url[:120], status, seconds))
    return wrong


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.model_name)
def test_no_query_of_a_list_or_of_its_export_is_an_error_of_the_site_or_slow(staff, model):
    pages = [LISTS[model], *([EXPORTS[model]] if model in EXPORTS else [])]
    assert {staff[-1].get(page).status_code for page in pages} == {200}
    superuser_and_others = [person for other in staff for person in (staff[-1], other)]
    addresses = [
        f"{page}?{query}" for query, page in zip(queries(model), cycle(pages), strict=False)
    ]
    assert errors(superuser_and_others, addresses) == []


def test_no_query_of_another_page_of_the_admin_is_an_error_of_the_site_or_slow(staff):
    forms = [address_of(page, record) for page in ("change", "delete", "history")
             for record in (Event.objects.get(), staff[0].user)]  # fmt: skip
    forms += [address_of("add", model) for model in LISTS]
    assert staff[0].get("/admin/%00%01/").status_code == 404
    assert staff[0].get("/admin/%00%01/", headers={"Host": "otro.example"}).status_code == 400
    addresses = [f"{reverse('admin:autocomplete')}?{query}" for query in AUTOCOMPLETE]
    addresses += [f"{form}?{query}" for form in forms for query in FORM_PARAMETERS]
    assert errors([staff[-1]], addresses) == []


def test_a_lookup_that_no_filter_of_the_list_has_is_refused_and_a_filter_is_not(reader, publisher):
    category = event().category
    for person, page in (
        (reader, LISTS[Event]),
        (publisher, LISTS[Event]),
        (publisher, EXPORTS[Event]),
    ):
        person.verify()
        for query in ("title__contains=a", "title=a", "slug__regex=(a%2B)%2B$", "category__regex=[",
                      "publish_at__year=2017", "publish_at__iso_year=-1", "nada=1"):  # fmt: skip
            assert person.get(f"{page}?{query}").status_code == 400, query
        for query in (
            f"category__id__exact={category.pk}",
            "estado=publico",
            "citas=sin&fecha=sin",
            "p=99",
        ):
            context = person.get(f"{page}?{query}").context
            assert (context["cl"].result_count if "cl" in context else context["count"]) == 1, query
