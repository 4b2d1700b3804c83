"""The page of a search, and the suggestions on the page of error 404."""

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from record import jsonld
from record.pages import last_change, page_of
from search.hits import Hit, hits_of
from search.kinds import BY_NAME, KINDS, Kind
from search.models import BODY, NAMES, SUMMARY, TITLE, Entry, EntryQuerySet
from search.query import Query, parse

ON_A_PAGE, SHOWN, SUGGESTED, WORDS_TRIED = 20, 200, 5, 4
HEADINGS = {
    TITLE: "En el título",
    NAMES: "En otros nombres",
    SUMMARY: "En el resumen",
    BODY: "En el texto",
}


@dataclass(frozen=True, slots=True)
class KindLink:
    """A filter by kind. `url` selects the kind or, for the chosen kind, all kinds."""

    text: str
    count: str
    url: str
    chosen: bool


def results(request: HttpRequest) -> HttpResponse:
    query, chosen = parse(request.GET.get("q", "")), _chosen(request)
    entries = _entries(query)
    rows = list(entries.values_list("pk", "kind"))
    keys = [key for key, letter in rows if not chosen or letter == chosen.letter]
    letters, total = [letter for _key, letter in rows], len(keys)
    counts = {kind: letters.count(kind.letter) for kind in KINDS}
    page = page_of(request, keys[:SHOWN], ON_A_PAGE)
    hits, by_tier = hits_of(entries.filter(pk__in=page.object_list), query), attrgetter("tier")
    context: dict[str, Any] = {
        "searched": query,
        "page": page,
        "sections": [(HEADINGS[tier], list(group)) for tier, group in groupby(hits, by_tier)],
        "total": f"{total:,}",
        "one": total == 1,
        "choices": _choices(query, counts, chosen),
        "chosen": chosen,
        "cut": SHOWN if total > SHOWN and not page.has_next() else 0,
        "alone": [] if hits else _alone(query),
        "changed": last_change(hit.record for hit in hits),
    }
    context["linked"] = jsonld.page(
        request, ("Búsqueda", request.path), kind="SearchResultsPage", changed=context["changed"]
    )
    return TemplateResponse(request, "search/results.html", context)


def _entries(query: Query) -> EntryQuerySet:
    return Entry.objects.public().matching(query)


def _chosen(request: HttpRequest) -> Kind | None:
    name = request.GET.get("tipo", "")
    if name and name not in BY_NAME:
        raise Http404(f"No hay registros del tipo «{name[:60]}».")
    return BY_NAME.get(name)


def _choices(query: Query, counts: dict[Kind, int], chosen: Kind | None) -> list[KindLink]:
    """A link for each kind that has hits, and for the chosen kind."""
    kinds = [kind for kind in KINDS if counts[kind] or (query and kind is chosen)]
    return [
        KindLink(
            kind.plural, f"{counts[kind]:,}",
            _address(query, None if kind is chosen else kind), kind is chosen,
        )
        for kind in kinds
    ]  # fmt: skip


def _address(query: Query, kind: Kind | None = None) -> str:
    asked = {"q": query.text} | ({"tipo": kind.name} if kind else {})
    return f"{reverse('search:results')}?{urlencode(asked)}"


def _alone(query: Query) -> list[tuple[str, str, str]]:
    """The words of the query that have hits alone: each as typed, its number of hits, its
    address."""
    counted = ((word, _entries(word).count()) for word in query.alone()[:WORDS_TRIED])
    return [(word.text, f"{count:,}", _address(word)) for word, count in counted if count]


def meant_by(address: str) -> list[Hit]:
    """The hits of all words at the end of an address without a page, or else of a single word."""
    words = parse(address.rstrip("/").rpartition("/")[2].replace("-", " ").replace("_", " "))
    for query in (words, *words.alone()[:WORDS_TRIED]):
        if hits := hits_of(_entries(query)[:SUGGESTED], query):
            return hits
    return []
