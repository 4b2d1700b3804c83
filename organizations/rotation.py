"""What the terms of representation say and do not say: in words, and as rows of the charts."""

from collections.abc import Iterable
from itertools import chain

from django.conf import settings

from organizations.charts import rotation_chart, zoom_chart
from organizations.models import (
    Membership,
    Organization,
    RepresentationTerm,
    RepresentationTermQuerySet,
)
from record import dates
from record.charts import Entry
from record.dates import EDTF, parse
from record.pages import counted, in_words, sentence
from record.periods import Period
from sources.models import Citation

FEMININE_ENDINGS = ("a", "ción", "sión", "dad", "red")
NAMES_SHOWN = GAPS_SHOWN = 12
Role = RepresentationTerm.Role


def listed(names: Iterable[str]) -> str:
    """«Alfa, Beta y Gama»; «Alfa e Iota»; how many, where they would be too many to name."""
    names = list(dict.fromkeys(names))
    if len(names) > NAMES_SHOWN:
        return counted(len(names), "organización", "organizaciones", feminine=True)
    *others, last = names
    joint = "e" if last.lower().startswith(("i", "í", "hi")) else "y"
    return f"{', '.join(others)} {joint} {last}" if others else last


def with_article(name: str) -> str:
    """«el Núcleo», «la Alianza para…»: Spanish tells by the ending of the first word."""
    first = name.split()[0].lower() if name.split() else ""
    return f"{'la' if first.endswith(FEMININE_ENDINGS) else 'el'} {name}"


def headline(spoke: int, dated: int, coalition: Organization | None) -> str:
    """`spoke` organizations were representatives, and of `dated` it is known since when."""
    short_name = coalition.short_name if coalition else ""
    name = with_article(short_name or settings.SITE_NAME)
    if not spoke:
        return f"No consta quién habló por {name}"
    if spoke == 1:
        return f"Una habló por {name}; {'' if dated else 'no '}se sabe desde cuándo"
    which = "todas" if dated >= spoke else in_words(dated, feminine=True)
    return f"{sentence(in_words(spoke))} hablaron por {name}; de {which} se sabe desde cuándo"


def lead(terms: list[RepresentationTerm]) -> str:
    """How far the source goes: the order, who is dated, the co-representatives."""
    first = [term for term in terms if term.role == Role.REPRESENTATIVE]
    second = [term for term in terms if term.role == Role.CO_REPRESENTATIVE]
    sentences = []
    if first:
        sentences.append(f"{_order(first)}; desde cuándo, {_since(first)}.")
    if second:
        names = listed(str(term.organization) for term in second)
        sentences.append(f"Como co-representante nombra a {names}.")
    return " ".join(sentences)


def _order(terms: list[RepresentationTerm]) -> str:
    ordered = sum(term.order is not None for term in terms)
    if len(terms) == 1:
        return f"La fuente nombra a {terms[0].organization}"
    if not ordered:
        return "La fuente no da su orden"
    which = in_words(ordered, feminine=True)
    if ordered < len(terms):
        return f"La fuente da el orden de {which}"
    return f"La fuente nombra a las {which} en este orden"


def _since(terms: list[RepresentationTerm]) -> str:
    dated = [str(term.organization) for term in terms if is_dated(term.period)]
    if len(dated) == len(terms):
        return "también lo dice"
    return f"solo lo dice de {listed(dated)}" if dated else "no lo dice"


def is_dated(period: Period) -> bool:
    """Whether its start is known, to the day, the month or the year."""
    return period.start.kind in ("day", "month", "year")


def gaps(periods: Iterable[Period], role: str) -> list[str]:
    """The stretches in which no day has a certain holder of the role, in words."""
    periods = list(periods)
    certain = sorted(filter(_is_certain, periods), key=lambda period: period.start.latest)
    if not certain:
        return [f"De ningún día consta quién era {role}."] if periods else []
    found, until = [_before(periods, certain[0], role)], certain[0].end
    for period in certain[1:]:
        if _leaves_a_gap(until, period.start):
            found.append(_between(until.lower, period.start.upper, role))
        until = max(until, period.end, key=lambda end: end.earliest)
    return [*found, _after(until, role)]


def _is_certain(period: Period) -> bool:
    """Whether there is a day on which it certainly was so."""
    started, ending = period.start.last_day, period.end.first_day
    return bool(started and ending and started <= ending)


def _leaves_a_gap(end: EDTF, start: EDTF) -> bool:
    """A hand-over on the next day, or within one month, leaves none."""
    days_between = (start.last_day - end.first_day).days - 1
    return days_between > 0 and end.earliest[:7] != start.latest[:7]


def _before(periods: list[Period], first: Period, role: str) -> str:
    """What precedes the first certain day, as far back as any bound goes."""
    bounded = [period.start for period in periods if period.start.lower]
    earliest = min(bounded, key=lambda start: start.earliest, default=EDTF())
    if earliest.lower and earliest.earliest < first.start.earliest:
        return _between(earliest.lower, first.start.upper, role)
    return f"Antes {_of(first.start.upper)} no consta quién era {role}."


def _after(end: EDTF, role: str) -> str:
    silence = ", la fuente calla" if end.kind == "after" else f" no consta quién era {role}"
    return f"Después {_of(end.lower)}{silence}."


def _of(level_0: str) -> str:
    return f"de {dates.in_words(level_0, 'el ')}".replace("de el ", "del ")


def _between(lower: str, upper: str, role: str) -> str:
    stretch = f"Entre {dates.in_words(lower, 'el ')} y {dates.in_words(upper, 'el ')}"
    stretch = f"Dentro de {lower}" if lower == upper else stretch
    return f"{stretch} no consta, de ningún día, quién era {role}."


def overlaps(terms: list[RepresentationTerm]) -> list[str]:
    """Which terms of a role may have held at once, by more than the month of a hand-over."""
    found, group, until = [], [], ""
    by_start = sorted(terms, key=lambda term: (term.role, term.start_earliest))
    for term in [*by_start, None]:
        same_role = term and group and term.role == group[0].role
        if not same_role or term.start_earliest[:7] >= until[:7]:
            found.append(_sharing(group))
            group, until = [], ""
        if term:
            group.append(term)
            until = max(until, term.end_latest)
    return [*filter(None, found)]


def _sharing(terms: list[RepresentationTerm]) -> str:
    if len(terms) < 2:
        return ""
    names = listed(str(term.organization) for term in sorted(terms, key=lambda t: t.order or 0))
    same = len({(term.start, term.end) for term in terms}) == 1
    room = "comparten un mismo tramo posible" if same else "tienen tramos posibles que coinciden"
    ordered = all(term.order for term in terms)
    order = "da su orden, no cuándo termina una y empieza otra" if ordered else "no los separa"
    return f"{names} {room}: la fuente {order}."


def caption(number: int) -> str:
    one = "El mismo periodo, en tabla"
    return one if number == 1 else f"Los mismos {counted(number, 'periodo')}, en tabla"


def notes(records: list[Membership | RepresentationTerm]) -> list[tuple[str, str]]:
    """Each of our notes once, with whom it is about."""
    about: dict[str, list[str]] = {}
    for record in records:
        if note := record.note.removeprefix("Nota nuestra:").strip():
            about.setdefault(sentence(note), []).append(str(record.organization))
    return [(listed(names), note) for note, names in about.items()]


def citations(
    terms: list[RepresentationTerm],
) -> tuple[tuple[Citation, ...], tuple[Citation, ...]]:
    """The quotes of the terms, each once: of order and role, and the others."""
    all_of_them = [citation for term in terms for citation in term.citations.all()]
    general = [citation for citation in all_of_them if citation.field in ("order", "role")]
    once = {c.passage: c for c in [*all_of_them, *general]}
    shown = sorted(once.values(), key=lambda citation: (citation.source_id, citation.number))
    return (
        tuple(citation for citation in shown if citation.field in ("order", "role")),
        tuple(citation for citation in shown if citation.field not in ("order", "role")),
    )


def entries(terms: list[RepresentationTerm], close: bool = False) -> list[Entry]:
    """«5.º Alfa», «Co-representante: Beta»; for the chart seen `close`, «Alfa», «Beta (co-)»."""
    return [
        Entry(_name(term, close), term.period, second=term.role == Role.CO_REPRESENTATIVE)
        for term in terms
    ]


def _name(term: RepresentationTerm, close: bool) -> str:
    name, co = str(term.organization), term.role == Role.CO_REPRESENTATIVE
    if close:
        return f"{name} (co-)" if co else name
    place = f"{term.order}.º " if term.order else ""
    return f"{place}{term.get_role_display().capitalize()}: {name}" if co else f"{place}{name}"


def of_page(terms: list[RepresentationTerm], until: EDTF, whole: bool) -> dict[str, object]:
    """What is drawn and said of the terms on a page; `whole`: no others are on another page."""
    general, particular = citations(terms)
    return {
        "lead": lead(terms) if whole else "",
        "caption": caption(len(terms)),
        "overlaps": overlaps(terms) if whole else [],
        "notes": notes(terms),
        "rotation_chart": rotation_chart(entries(terms), until),
        "zoom_chart": zoom_chart(entries(terms, close=True), until),
        "general_citations": general,
        "term_citations": particular,
    }


def of_all(every: RepresentationTermQuerySet, coalition: Organization | None) -> dict[str, object]:
    """The title and the gaps: of all terms, however many."""
    rows = every.order_by().values_list("organization", "role", "start", "end")
    terms = [(who, role, Period(parse(start), parse(end))) for who, role, start, end in rows]
    spoke = {who for who, role, _when in terms if role == Role.REPRESENTATIVE}
    dated = {who for who, role, when in terms if role == Role.REPRESENTATIVE and is_dated(when)}
    found = [gaps([p for _, r, p in terms if r == role], role.label)[:GAPS_SHOWN] for role in Role]
    return {
        "title": headline(len(spoke), len(dated), coalition),
        "gaps": sorted(dict.fromkeys(chain(*found)), key=lambda said: said.startswith("Después")),
    }
