"""Makes small PDF, DOCX and ODT files."""

import io
import zipfile
from collections.abc import Iterable

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table")
)
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'


def zip_of(parts: dict[str, bytes | str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            way = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, way)
    return file.getvalue()


def docx(body: str, **parts: str) -> bytes:
    """`footnotes="<w:footnote …>"` is the content of `word/footnotes.xml`."""
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    others = {
        f"word/{name}.xml": f"<w:{name} {W}>{text}</w:{name}>" for name, text in parts.items()
    }
    return zip_of({"word/document.xml": document} | others)


def paragraphs(*texts: str) -> str:
    return "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in texts)


def odt(body: str, meta: str = "", manifest: str = "") -> bytes:
    return zip_of(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            "content.xml": f"<office:document-content {ODF}><office:body><office:text>{body}"
            "</office:text></office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {ODF} {DC}>{meta}</office:document-meta>",
        }
    )


Placed = tuple[int, int, str]
"""A line of a page: its place from the left and from the foot, in points, and its text."""


def column(*lines: str, left: int = 50, top: int = 780, leading: int = 14) -> list[Placed]:
    """Lines from the top down; an empty one is a space."""
    return [(left, top - leading * n, line) for n, line in enumerate(lines) if line]


def pdf(*pages: Iterable[Placed], catalog: str = "", info: str = "") -> bytes:
    """Pages with lines in 12 points, and what else stands in the catalog and in the metadata."""
    objects = [b"", b"", FONT]
    kids = []
    for page in pages:
        shown = "".join(f"1 0 0 1 {x} {y} Tm ({text}) Tj " for x, y, text in page)
        content = f"BT /F1 12 Tf {shown}ET".encode("cp1252")
        objects += [stream_of(content), page_of(len(objects) + 1)]
        kids.append(f"{len(objects)} 0 R")
    objects[:2] = [
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>".encode(),
        f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(kids)}]>>".encode(),
    ]
    return pdf_of(objects, info)


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>"


def stream_of(content: bytes, entries: str = "") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), entries.encode(), content)


def page_of(content: int) -> bytes:
    """The third object is its font; `content` is the number of another."""
    return (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
        b"/Contents %d 0 R>>" % content
    )


def pdf_of_stream(content: bytes, entries: str = "", font: bytes = FONT, *others: bytes) -> bytes:
    """A page with this content; the font may refer to other objects, from the sixth."""
    pages = b"<</Type/Pages/Count 1/Kids[5 0 R]>>"
    stream = stream_of(content, entries)
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", pages, font, stream, page_of(4), *others])


def pdf_of(objects: list[bytes], info: str = "") -> bytes:
    """The first object is the catalog."""
    objects = [*objects, f"<<{info}>>".encode("cp1252")]
    out, places = b"%PDF-1.7\n", []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"<</Size %d/Root 1 0 R/Info %d 0 R>>" % (size, len(objects))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer%s\nstartxref\n%d\n%%%%EOF" % (
        size, table, trailer, len(out),
    )  # fmt: skip
