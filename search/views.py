"""The page of a search, and what a missing page may have meant."""

from dataclasses import dataclass
from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from record import linked
from record.pages import last_change, page_of
from search.finding import Count, find
from search.hits import Hit, hits_of
from search.kinds import BY_NAME, Kind
from search.models import BODY, NAMES, SUMMARY, TITLE
from search.query import Query, parse

ON_A_PAGE, SHOWN, SUGGESTED, WORDS_TRIED = 20, 200, 5, 4
HEADINGS = {
    TITLE: "En el título",
    NAMES: "En otros nombres",
    SUMMARY: "En el resumen",
    BODY: "En el texto",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """`url` shows this kind alone or, where it is the one chosen, all of them."""

    text: str
    count: str
    url: str
    chosen: bool


def results(request: HttpRequest) -> HttpResponse:
    query, chosen = parse(request.GET.get("q", "")), _chosen(request)
    found, counts = find(query, _wanted(request), chosen)
    total = _sum(counts, chosen)
    page = page_of(request, found, ON_A_PAGE, min(total.number, SHOWN))
    hits = hits_of(page.object_list, query)
    context = {
        "searched": query,
        "page": page,
        "sections": [(HEADINGS[tier], list(of_it)) for tier, of_it in groupby(hits, _tier)],
        "total": _in_figures(total),
        "one": total == Count(1),
        "choices": _choices(query, counts, chosen),
        "chosen": chosen,
        "cut": SHOWN if total.number > SHOWN and not page.has_next() else 0,
        "alone": [] if hits else list(_alone(query)),
        "changed": last_change(hit.record for hit in hits),
    }
    context["linked"] = linked.page(
        request, ("Búsqueda", request.path), kind="SearchResultsPage", changed=context["changed"]
    )
    return TemplateResponse(request, "search/results.html", context)


def _tier(hit: Hit) -> int:
    return hit.tier


def _chosen(request: HttpRequest) -> Kind | None:
    name = request.GET.get("tipo", "")
    if name and name not in BY_NAME:
        raise Http404(f"No hay registros del tipo «{name[:60]}».")
    return BY_NAME.get(name)


def _wanted(request: HttpRequest) -> int:
    """As many hits as there are up to the page asked for."""
    asked = request.GET.get("pagina", "1")
    page = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 4 else 1
    return min(page * ON_A_PAGE, SHOWN)


def _sum(counts: dict[Kind, Count], chosen: Kind | None = None) -> Count:
    some = [count for kind, count in counts.items() if chosen in (None, kind)]
    return Count(sum(one.number for one in some), any(one.more for one in some))


def _in_figures(count: Count) -> str:
    return f"{'más de ' if count.more else ''}{count.number:,}"


def _choices(query: Query, counts: dict[Kind, Count], chosen: Kind | None) -> list[Choice]:
    """The kinds of which anything is found, and the one chosen."""
    return [
        Choice(
            kind.many, _in_figures(count), _address(query, None if kind is chosen else kind),
            kind is chosen,
        )
        for kind, count in counts.items()
        if count.number or kind is chosen
    ]  # fmt: skip


def _address(query: Query, kind: Kind | None = None) -> str:
    asked = {"q": query.text} | ({"tipo": kind.name} if kind else {})
    return f"{reverse('search:results')}?{urlencode(asked)}"


def _alone(query: Query) -> list[tuple[str, str, str]]:
    """Of several words that are nowhere together, those that are found alone: as typed, how often,
    where."""
    counted = ((one, _sum(find(one, 0)[1])) for one in query.alone()[:WORDS_TRIED])
    return [(one.text, _in_figures(n), _address(one)) for one, n in counted if n.number]


def meant_by(address: str) -> list[Hit]:
    """What the last words of an address that leads nowhere may have meant: records that have all of
    them, or else any."""
    words = parse(address.rstrip("/").rpartition("/")[2].replace("-", " ").replace("_", " "))
    for query in (words, *words.alone()[:WORDS_TRIED]):
        if found := find(query, SUGGESTED)[0]:
            return hits_of(found, query)
    return []
