"""Links from text to the organizations that it names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Self

from django.conf import settings
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dates.text import collapse
from organizations.models import Organization

_TAG = re.compile(r'(<(?:"[^"]*"|[^">])*>)')
_PARAGRAPH = re.compile(r"<(?:p|li|h[1-6]|blockquote|div)\b")
_WORD = re.compile(r"\w+")


class Names:
    """The names of organizations. Matches whole words in the exact spelling («fundar» is a verb),
    the longest name first, and ignores names that two organizations share."""

    coalition: Organization | None = None
    """The coalition, if it is among the organizations."""

    def __init__(self, organizations: Iterable[Organization]) -> None:
        self._bearers: dict[str, Organization | None] = {}
        self._lengths: dict[str, set[int]] = defaultdict(set)
        """The possible lengths of a name, in words, by its first word."""
        for organization in organizations:
            if organization.slug == settings.COALITION:
                self.coalition = organization
            names = (organization.name, organization.short_name, *organization.other_names_list)
            for name in names:
                self._add(name, organization)

    def _add(self, name: str, organization: Organization) -> None:
        if words := list(_WORD.finditer(name)):
            name = collapse(name[words[0].start() : words[-1].end()])
            is_shared = self._bearers.get(name, organization) != organization
            self._bearers[name] = None if is_shared else organization
            self._lengths[words[0][0]].add(len(words))

    @classmethod
    def public(cls) -> Self:
        return cls(Organization.objects.visible_to(None).defer("summary", "description"))

    def places(self, text: str) -> Iterator[tuple[int, int, Organization]]:
        """The start and the end of each name in plain text, in order and without overlaps."""
        words, at = list(_WORD.finditer(text)), 0
        while at < len(words):
            start, length = words[at].start(), 1
            for count in sorted(self._lengths.get(words[at][0], ()), reverse=True):
                end = words[min(at + count, len(words)) - 1].end()
                if organization := self._bearers.get(collapse(text[start:end])):
                    yield start, end, organization
                    length = count
                    break
            at += length

    def linked(self, html: str, but: Organization | None = None) -> SafeString:
        """Links the first mention of each organization except `but` in each paragraph, outside of
        other links. Escapes `html` unless it is marked safe."""
        pieces, open_links, seen = [], 0, {but}
        for number, piece in enumerate(_TAG.split(conditional_escape(html))):
            is_tag = number % 2
            pieces.append(piece if is_tag or open_links else self._linked(piece, seen))
            if is_tag:
                open_links += piece.startswith(("<a ", "<a>")) - (piece == "</a>")
                seen = {but} if _PARAGRAPH.match(piece) else seen
        return mark_safe("".join(pieces))  # noqa: S308, of safe pieces and escaped names

    def _linked(self, piece: str, seen: set[Organization | None]) -> str:
        """Links the names in HTML without tags, and adds their organizations to `seen`."""
        text, pieces, at = unescape(piece), [], 0
        for start, end, organization in self.places(text):
            if organization not in seen:
                seen.add(organization)
                link = '<a href="{}">{}</a>'
                link = format_html(link, organization.get_absolute_url(), text[start:end])
                pieces += [escape(text[at:start]), link]
                at = end
        return "".join([*pieces, escape(text[at:])]) if pieces else piece
