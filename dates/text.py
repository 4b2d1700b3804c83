"""Text as the record compares it: white space collapsed, case and accents folded."""

import unicodedata


def collapse(text: str) -> str:
    """Every run of white space, line breaks and no-break spaces included, as one space."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """Lower case without accents: to a search, «Pública» and «publica» are the same word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    if decomposed.isascii():
        return decomposed
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
