"""Files and pasted texts as a Document. `texts.parsing` reads files, in a child process."""

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple

from dates.text import collapse
from record.confined import Reader, UnreadableFile
from record.text import unstorable, without_controls
from texts.encodings import guess_encoding

MOST_BYTES = 20_000_000
FORMATS = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".html": "text/html",
    ".htm": "text/html",
    ".txt": "text/plain",
}
TOO_HEAVY = "Pesa más de 20 MB: suba solo las páginas que cita."
ONLY_THESE = (
    "Se admite un archivo PDF, DOCX, ODT, HTML o TXT. De otro programa, guárdelo como DOCX o PDF; "
    "una imagen, transcríbala."
)
OLD_WORD = "Es de un Word antiguo, o tiene contraseña: guárdelo como DOCX, sin ella."
ADVICE = "Ábralo en su programa, copie el texto y péguelo."
READER = Reader("texts.parsing.read_text", 300 << 20, 20, ADVICE)
_NO_TITLE = re.compile(
    r"\.(docx?|odt|pdf|rtf|html?|indd|qxp?|pmd|tmp)$"
    r"|^(microsoft |untitled|sin t[ií]tulo|about:|https?:)|powerpoint",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


class Page(NamedTuple):
    """`number` is 0 in a text without pages."""

    number: int
    lines: list[str]


class Document(NamedTuple):
    """A text as its file has it, before it is mended.

    A line of an `is_wrapped` text (PDF, TXT, pasted) may end in the middle of a sentence; an empty
    line stands where a paragraph begins or, in PDF, seems to begin. A hyphen that ends a line stays
    there. In DOCX, ODT and HTML a line is a paragraph, or a row of a table, with tabs. Ligatures,
    soft hyphens and marks of no width are as in the file. `title` and `language` are "" if the file
    gives none that is plausible. `notes`, in Spanish, name the parts left out or moved.
    """

    pages: list[Page]
    is_wrapped: bool
    title: str
    language: str
    notes: list[str]


def read_document(content: bytes, file_name: str) -> Document:
    """Raises UnreadableFile."""
    if problem := misfit(content, file_name):
        raise UnreadableFile(problem)
    kind = _kind(file_name)
    (title, language, notes), *pages = READER.read(content, kind=kind)
    return Document(
        [Page(number, _storable(lines)) for number, lines in pages],
        kind in ("pdf", "txt"),
        _plausible(title),
        language if _LANGUAGE.fullmatch(language := language.replace("_", "-")) else "",
        notes,
    )


def pasted(text: str) -> Document:
    return Document([Page(0, _storable(text.splitlines()))], True, "", "", [])


def _storable(lines: Iterable[str]) -> list[str]:
    return [without_controls(line) for line in lines]


def _plausible(title: str) -> str:
    """The title of a file, or "" if it is the name of a file or of a program."""
    title = collapse(without_controls(title))
    return title if " " in title and len(title) <= 300 and not _NO_TITLE.search(title) else ""


# The format of a file


def misfit(content: bytes, file_name: str) -> str:
    """Why a file is refused, in Spanish, with what to do; "" if it has the format of its name."""
    named, actual = _kind(file_name), _format(content)
    if not named:
        return ONLY_THESE
    if len(content) > MOST_BYTES:
        return TOO_HEAVY
    if named == actual or (named, actual) == ("html", "txt"):
        return ""
    advice = f"Por dentro es un {actual.upper()}: cámbiele la terminación." if actual else ""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        advice = OLD_WORD
    name = named.upper()
    return f"Se llama {name}, pero no es un {name} que se pueda leer. {advice}".strip()


def _kind(file_name: str) -> str:
    suffix = PurePath(file_name).suffix.lower()
    return ("html" if suffix == ".htm" else suffix[1:]) if suffix in FORMATS else ""


def _format(content: bytes) -> str:
    """`pdf`, `docx`, `odt`, `html` or `txt`, by the content; "" for others."""
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"PK\x03\x04"):  # the names in a ZIP are plain
        is_odt = b"application/vnd.oasis.opendocument.text" in content[:200]
        return "docx" if b"word/document.xml" in content else "odt" if is_odt else ""
    text = content.decode(guess_encoding(content), "replace")
    if not content or unstorable(text):
        return ""
    return "html" if re.match(r"\s*<(!doctype )?html\b", text, re.IGNORECASE) else "txt"
