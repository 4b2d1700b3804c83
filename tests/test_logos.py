"""Logos are redrawn from their pixels, and no other part of a file is kept."""

import struct
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from PIL import Image, PngImagePlugin

from organizations.fields import LONGEST_SIDE, MOST_BYTES, redrawn
from organizations.models import Organization
from tests import records
from tests.conftest import Person
from tests.test_richtext import peak_memory

SECRET = b"<script>alert('canario')</script>"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), **options: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "#8c1236").save(out, kind, **options)
    return out.getvalue()


def with_text() -> bytes:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", SECRET.decode())
    return picture(pnginfo=note)


def bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def uploaded(content: bytes, name: str = "logo.png", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, kind)


def save(person: Person, file: SimpleUploadedFile) -> HttpResponse:
    formsets = ("memberships", "terms", "citations")
    form = {f"{name}-{of}_FORMS": 0 for name in formsets for of in ("TOTAL", "INITIAL")}
    form |= {"name": "Una", "slug": "una", "logo": file}
    return person.post("/admin/organizations/organization/add/", form)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_drawn_anew_under_a_new_name(kind, admin, media):
    original = picture(kind, (1600, 900))
    assert save(admin, uploaded(original, "../../etc/<b>.svg", "image/svg+xml")).status_code == 302
    kept = Path(Organization.objects.get().logo.path)
    assert (kept.parent, len(kept.stem)) == (media / "logos", 32)
    assert kept.read_bytes() != original
    with Image.open(kept) as drawn:
        assert (drawn.format, drawn.size) == (kind, (LONGEST_SIDE, LONGEST_SIDE * 9 // 16))


@pytest.mark.parametrize(
    "content",
    [
        with_text(),
        picture() + SECRET,
        picture("JPEG", comment=SECRET),
        picture("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + SECRET),
        picture("WEBP", xmp=SECRET),
    ],
    ids=["text", "behind", "comment", "exif", "xmp"],
)
def test_nothing_but_the_pixels_of_a_logo_is_kept(content):
    assert SECRET in content
    assert SECRET not in redrawn(uploaded(content)).read()


REFUSED = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
    "script": SECRET,
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "ico": picture("ICO", (16, 16)),
    "cut": picture()[:60],
    "cut_jpeg": picture("JPEG")[:200],
    "nul": b"\0" * 1000,
    "pdf": b"%PDF-1.4",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_not_png_jpeg_or_webp_is_refused(content, monkeypatch):
    """Other decoders do not even see it."""
    monkeypatch.setitem(Image.OPEN, "GIF", (lambda *_: pytest.fail("decoded"), None))
    with pytest.raises(ValidationError, match="No es una imagen"):
        redrawn(uploaded(content))


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    large = picture(size=(5001, 5000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("unpacked"))
    for content in (bomb(), large):
        with pytest.raises(ValidationError, match="demasiados pixeles"):
            redrawn(uploaded(content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "WEBP"])
def test_the_largest_logo_is_drawn_in_little_memory(mode):
    out, is_webp = BytesIO(), mode == "WEBP"
    large = Image.new("RGB" if is_webp else mode, (4000, 3000))
    large.save(out, "WEBP" if is_webp else "PNG")
    del large
    peak_memory()
    before = peak_memory()
    assert redrawn(uploaded(out.getvalue())).size < 10_000
    assert peak_memory() - before < 220  # MB


def test_a_progressive_jpeg_of_many_scans_is_refused_in_time():
    """Each scan costs a few bytes, and takes as long as the whole picture."""
    progressive = picture("JPEG", (3000, 3000), progressive=True)
    assert redrawn(uploaded(progressive)).size
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    started = time.process_time()
    with pytest.raises(ValidationError, match="No es una imagen"):
        redrawn(uploaded(progressive[:-2] + scan * 10_000 + progressive[-2:]))
    assert time.process_time() - started < 1


def test_the_form_says_why_a_logo_is_refused_and_keeps_nothing(admin, media):
    for content, problem in (
        (SECRET, "No es una imagen"),
        (bomb(), "demasiados pixeles"),
        (picture() + b"\0" * MOST_BYTES, "Pesa más de 5 MB"),
    ):
        answer = save(admin, uploaded(content))
        assert answer.status_code == 200
        assert problem in answer.text
    assert not Organization.objects.exists()
    assert list(media.rglob("*.*")) == []


@pytest.mark.django_db
def test_a_logo_is_drawn_anew_when_code_saves_it_too():
    assigned = records.organization(logo=uploaded(picture() + SECRET))
    saved = records.organization()
    saved.logo.save("logo.png", uploaded(picture() + SECRET), save=False)
    saved.save()
    for owner in (assigned, saved):
        logo = Organization.objects.get(pk=owner.pk).logo
        assert SECRET not in Path(logo.path).read_bytes()
        assert not logo.name.endswith("logo.png")
    with pytest.raises(ValidationError):
        saved.logo.save("logo.png", uploaded(SECRET))


def test_a_logo_is_served_with_its_kind_alone_and_while_its_organization_is(visitor, reader):
    owner = records.organization(logo=uploaded(picture()))
    answer = visitor.get(owner.logo.url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer.getvalue()[:4] == b"\x89PNG"
    assert answer["Cache-Control"] == "no-cache"
    kept = {"If-None-Match": answer["ETag"]}
    assert visitor.get(owner.logo.url, headers=kept).status_code == 304
    owner.publish_at = None
    owner.save()
    for headers in ({}, kept):
        assert visitor.get(owner.logo.url, headers=headers).status_code == 404
    preview = reader.get(owner.logo.url)
    assert (preview.status_code, preview.getvalue()[:4]) == (200, b"\x89PNG")
    assert "no-store" in preview["Cache-Control"]


@pytest.mark.django_db
def test_a_logo_that_is_not_there_is_missing(visitor):
    for name in ("..%2f..%2fsettings.py", "x.png", "%2e%2e/x", "x%00.png", "a" * 5000):
        assert visitor.get(f"/media/logos/{name}").status_code in (400, 404)
