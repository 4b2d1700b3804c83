"""Events and statements in the words of schema.org."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from organizations.linked import organization_in_short
from organizations.models import Organization
from record.linked import Node, iso, told
from timeline.models import Event, Statement


def event_in_short(request: HttpRequest, event: Event) -> Node:
    url = request.build_absolute_uri(event.get_absolute_url())
    return told(kind="Event", id=f"{url}#acontecimiento", name=event.title, url=url)


def statement_in_short(request: HttpRequest, statement: Statement) -> Node:
    url = request.build_absolute_uri(statement.get_absolute_url())
    return told(kind="Article", id=f"{url}#texto", headline=statement.title, url=url)


def event_node(request: HttpRequest, event: Event, statements: Iterable[Statement]) -> Node:
    period = event.period
    exact = iso(period.start) and (iso(period.end) or not period.end)
    dated = "" if exact else f"Fecha: {period.when or 'la fuente no la dice'}."
    return event_in_short(request, event) | told(
        startDate=iso(period.start),
        endDate=iso(period.end),
        description=" ".join(filter(None, (event.summary, dated))),
        about=[organization_in_short(request, one) for one in event.organizations.all()],
        subjectOf=[statement_in_short(request, one) for one in statements],
    )


def statement_node(
    request: HttpRequest, statement: Statement, author: Organization | None, events: Iterable[Event]
) -> Node:
    mentioned = statement.organizations.all()
    return statement_in_short(request, statement) | told(
        **_said(request, statement, author),
        abstract=statement.summary,
        about=[event_in_short(request, event) for event in events],
        mentions=[organization_in_short(request, one) for one in mentioned],
    )


def question_node(
    request: HttpRequest, statement: Statement, author: Organization | None, text: str
) -> Node:
    """For a page that is a FAQPage; `text` is the answer."""
    url = request.build_absolute_uri(statement.get_absolute_url())
    answer = told(kind="Answer", text=text, url=url, **_said(request, statement, author))
    return told(
        kind="Question",
        id=f"{url}#texto",
        name=statement.title,
        acceptedAnswer=answer if text else None,
    )


def _said(
    request: HttpRequest, statement: Statement, author: Organization | None
) -> dict[str, Any]:
    """The author, and the date as far as the source says it."""
    return told(
        author=organization_in_short(request, author) if author else None,
        datePublished=iso(statement.when),
    )
