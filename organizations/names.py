"""Organizations named in running text: found in one pass over its words, however many there are,
and linked where a paragraph first names each."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

from organizations.models import Organization
from record.pages import address
from record.prepared import NOW, prepared
from record.publishing import visible
from record.text import collapse

_TAG = re.compile(r'(<(?:"[^"]*"|[^">])*>)')
_PARAGRAPH = re.compile(r"<(?:p|li|h[1-6]|blockquote|div)\b")
_WORD = re.compile(r"\w+")
_SIGNS_AROUND = re.compile(r"^\W+|\W+$")
FIELDS = ("pk", "slug", "name", "short_name", "other_names", "sector")


def _organization(bearer: tuple) -> Organization:
    return Organization(**dict(zip(FIELDS, bearer, strict=True)))


@prepared
def _public_rows() -> QuerySet:
    return Organization.objects.filter(visible(Organization, NOW)).order_by().values_list(*FIELDS)


@lru_cache(maxsize=2)
def _names(organizations: tuple[tuple, ...]) -> "Names":
    """Made once, as long as the organizations stay the same."""
    return Names(organizations)


class Named(NamedTuple):
    """What is told of an organization where something names it."""

    slug: str
    name: str
    short_name: str

    def __str__(self) -> str:
        return self.short_name or self.name

    def get_absolute_url(self) -> str:
        return address("organizations:organization_detail", self.slug)


class Names:
    """The names of organizations as they are spelled, capitals and accents too: «fundar» is a verb.
    Whole words alone, the longest name first; a name that two organizations bear is nobody's."""

    def __init__(self, organizations: Iterable[tuple[int, str, str, str, str, str]]) -> None:
        """Of each organization, its FIELDS."""
        self._bearers: dict[str, tuple | None] = {}
        self._lengths: dict[str, list[int]] = {}
        self.coalition: Organization | None = None  # where it is among them
        for bearer in organizations:
            if bearer[1] == settings.COALITION:
                self.coalition = _organization(bearer)
            for name in (*bearer[2:4], *bearer[4].splitlines()):
                if words := _WORD.findall(name):
                    self._add(_SIGNS_AROUND.sub("", collapse(name)), words, bearer)

    def _add(self, name: str, words: list[str], bearer: tuple) -> None:
        self._bearers[name] = bearer if self._bearers.get(name, bearer) is bearer else None
        lengths = self._lengths.setdefault(words[0], [])
        if len(words) not in lengths:
            lengths.append(len(words))
            lengths.sort(reverse=True)

    @classmethod
    def public(cls) -> "Names":
        """Those of the organizations that everybody may see."""
        return _names(tuple(_public_rows(now=timezone.now())))

    def found(self, text: str) -> Iterator[tuple[int, int, Organization]]:
        """Where names begin and end in plain text, in order, none within another."""
        words, at = list(_WORD.finditer(text)), 0
        while at < len(words):
            start, length = words[at].start(), 1
            for many in self._lengths.get(words[at][0], ()):
                end = words[min(at + many, len(words)) - 1].end()
                if bearer := self._bearers.get(collapse(text[start:end])):
                    yield start, end, _organization(bearer)
                    length = many
                    break
            at += length

    def linked(self, html: str, but: Organization | None = None) -> SafeString:
        """HTML with links in its text, outside of other links; what is not safe is escaped."""
        done, links, seen = [], 0, {but}
        for number, piece in enumerate(_TAG.split(conditional_escape(html))):
            if number % 2 == 0:
                done.append(piece if links else self._linked(piece, seen))
                continue
            done.append(piece)
            links += piece.startswith(("<a ", "<a>")) - (piece == "</a>")
            if _PARAGRAPH.match(piece):
                seen = {but}
        return mark_safe("".join(done))  # noqa: S308, of safe pieces and escaped names

    def _linked(self, piece: str, seen: set[Organization | None]) -> str:
        """A stretch of HTML without tags; what it links goes into `seen`."""
        text, done, at = unescape(piece), [], 0
        for start, end, organization in self.found(text):
            if organization not in seen:
                seen.add(organization)
                link = '<a href="{}">{}</a>'
                link = format_html(link, organization.get_absolute_url(), text[start:end])
                done += [escape(text[at:start]), link]
                at = end
        return "".join([*done, escape(text[at:])]) if done else piece
