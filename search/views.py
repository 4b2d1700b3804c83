"""The page of a search, and the suggestions on the page of error 404."""

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from dates.edtf import EDTF, at, of
from record import jsonld
from record.pages import counted, last_change, page_of
from search.hits import Hit, hits_of
from search.kinds import BY_NAME, KINDS, Kind
from search.models import BODY, NAMES, SUMMARY, TITLE, Entry, EntryQuerySet
from search.query import Query, parse, synonyms
from timeline.models import Event

ON_A_PAGE, SHOWN, SUGGESTED, WORDS_TRIED = 20, 200, 5, 4
HEADINGS = {
    TITLE: "En el título",
    NAMES: "En otros nombres o en la fecha",
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
    typed, chosen = request.GET.get("q", ""), _chosen(request)
    asked = parse(typed, synonyms() if typed else {})
    query, rows, alone = asked, _rows(asked), list[tuple[Query, int]]()
    if not rows:
        alone = [(word, _entries(word).count()) for word in asked.alone()]
        query = _loosened(asked, alone)
        rows = _rows(query)
    keys = [key for key, letter in rows if not chosen or letter == chosen.letter]
    letters, total = [letter for _key, letter in rows], len(keys)
    counts = {kind: letters.count(kind.letter) for kind in KINDS}
    page = page_of(request, keys[:SHOWN], ON_A_PAGE)
    hits = hits_of(_entries(query).filter(pk__in=page.object_list), query)
    context: dict[str, Any] = {
        "searched": asked,
        "found": bool(rows),
        "left_out": [each for each in asked.wanted if rows and each not in query.wanted],
        "offers": _offers(asked),
        "page": page,
        "sections": [(HEADINGS[t], list(group)) for t, group in groupby(hits, attrgetter("tier"))],
        "total": f"{total:,}",
        "one": total == 1,
        "choices": _choices(asked, counts, chosen),
        "chosen": chosen,
        "cut": SHOWN if total > SHOWN and not page.has_next() else 0,
        "alone": [(word.text, f"{n:,}", _address(word) if n else "") for word, n in alone],
        "changed": last_change(hit.record for hit in hits),
    }
    context["linked"] = jsonld.page(
        request, ("Búsqueda", request.path), kind="SearchResultsPage", changed=context["changed"]
    )
    return TemplateResponse(request, "search/results.html", context)


def _entries(query: Query) -> EntryQuerySet:
    return Entry.objects.public().matching(query)


def _rows(query: Query) -> list[tuple[int, str]]:
    """The primary keys and the letters of the kinds of all hits."""
    return list(_entries(query).values_list("pk", "kind"))


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


def _loosened(query: Query, alone: list[tuple[Query, int]]) -> Query:
    """The query without the words that no record has and, until a record has all that remain,
    without the rarest of the others. `alone` are the words with their numbers of hits."""
    rarest = sorted(alone, key=itemgetter(1))
    left_out = [word.wanted[0] for word, count in rarest if not count]
    for word, _count in rarest[len(left_out) :]:
        if _entries(query.without(left_out)).exists():
            break
        left_out.append(word.wanted[0])
    return query.without(left_out)


def _offers(query: Query) -> list[tuple[str, str]]:
    """The pages that answer a date or a role: the text and the address of each."""
    if query.when:
        events = Event.objects.visible_to(None).around(query.when).filter(Q(surely=True)).count()
        happened = f", y qué pasó: {counted(events, 'acontecimiento')}" if events else ""
        text = f"Quién pertenecía y quién representaba {at(query.when.text)}{happened}"
        return [(text, reverse("as_of", args=[query.when])), *_timeline_of(query.when)]
    if query and query.is_role:
        return [("Quién ha representado, turno por turno", reverse("organizations:representation"))]
    return []


def _timeline_of(when: EDTF) -> list[tuple[str, str]]:
    """The link to the events of a year or of a month in the timeline, the bounded ones too."""
    if when.kind not in ("year", "month"):
        return []
    count = Event.objects.visible_to(None).filter(sort_day__startswith=when.text).count()
    text = f"La línea de tiempo {of(when.text)}: {counted(count, 'acontecimiento')}"
    return [(text, f"{reverse('timeline:event_list')}?anio={when.text}")] if count else []


def meant_by(address: str) -> list[Hit]:
    """The hits of all words at the end of an address without a page, or else of a single word."""
    typed = address.rstrip("/").rpartition("/")[2].replace("-", " ").replace("_", " ")
    words = parse(typed, synonyms())
    for query in (words, *words.alone()[:WORDS_TRIED]):
        if hits := hits_of(_entries(query)[:SUGGESTED], query):
            return hits
    return []
