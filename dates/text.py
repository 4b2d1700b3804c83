"""Text as the record compares it: white space collapsed, case and accents folded; and words that
depend on the number of the sources."""

import re
import unicodedata
from collections.abc import Callable
from contextvars import ContextVar

several_sources: ContextVar[Callable[[], bool]] = ContextVar(
    "several_sources", default=lambda: False
)
"""Whether the public record quotes several sources. A middleware of `sources` sets it."""


def by_sources(one: str, several: str) -> str:
    """`by_sources("la fuente calla", "las fuentes callan")`."""
    return several if several_sources.get()() else one


def collapse(text: str) -> str:
    """Every run of white space, line breaks and no-break spaces included, as one space; letters
    with their accents as one character (NFC), since files of some systems hold two."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """Lower case without accents: to a search, «Pública» and «publica» are the same word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    if decomposed.isascii():
        return decomposed
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def name_keys(*texts: str) -> set[str]:
    """The names in texts, one a line, as they are compared: letters and digits without accents and
    case."""
    keys = ("".join(re.findall(r"[^\W_]+", fold(line))) for t in texts for line in t.splitlines())
    return {key for key in keys if key}
