"""Logos: what is kept is drawn anew from the pixels, whatever came in and whatever way."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin

from organizations.logos import LONGEST_SIDE, MOST_BYTES, redrawn
from organizations.models import Organization
from tests import records
from tests.conftest import Person

pytestmark = pytest.mark.django_db
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
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def uploaded(content: bytes, name: str = "logo.png", kind: str = "image/png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, kind)


def form(**fields: Any) -> dict[str, Any]:
    formsets = ("memberships", "terms", "citations")
    management = {f"{name}-{of}_FORMS": 0 for name in formsets for of in ("TOTAL", "INITIAL")}
    return {"name": "Una", "slug": "una"} | management | fields


def save(person: Person, file: Any) -> Any:
    return person.post("/admin/organizations/organization/add/", form(logo=file))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_drawn_anew_under_a_new_name(kind, admin, media):
    original = picture(kind, (1600, 900))
    assert save(admin, uploaded(original, "../../etc/<b>.svg", "image/svg+xml")).status_code == 302
    logo = Organization.objects.get().logo
    kept = Path(logo.path)
    assert kept.parent == media / "logos"
    assert len(kept.stem) == 32
    assert kept.read_bytes() != original
    with Image.open(kept) as drawn:
        assert drawn.format == kind
        assert drawn.size == (LONGEST_SIDE, LONGEST_SIDE * 9 // 16)


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


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
        SECRET,
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
        picture("ICO", (16, 16)),
        picture()[:60],
        picture("JPEG")[:200],
        bomb(),
        picture(size=(5001, 5000)),
        b"\0" * 1000,
        b"%PDF-1.4",
    ],
    ids="svg html script gif bmp tiff ico cut cut_jpeg bomb many_pixels nul pdf".split(),
)
def test_what_is_no_png_jpeg_or_webp_of_a_sane_size_is_refused(content, admin, media):
    answer = save(admin, uploaded(content))
    assert answer.status_code == 200
    assert "No es una imagen" in answer.text or "demasiados pixeles" in answer.text
    assert not Organization.objects.exists()
    assert list(media.rglob("*.*")) == []


def test_a_logo_that_weighs_too_much_is_refused(admin):
    answer = save(admin, uploaded(picture() + b"\0" * MOST_BYTES))
    assert "Pesa más de 5 MB" in answer.text


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("unpacked"))
    with pytest.raises(Exception, match="demasiados pixeles"):
        redrawn(uploaded(bomb()))


def test_a_logo_is_drawn_anew_when_code_saves_it_too(media):
    one = records.organization()
    one.logo.save("x.png", uploaded(picture() + SECRET), save=False)
    one.save()
    other = Organization(slug="otra", name="Otra", logo=uploaded(picture() + SECRET))
    other.save()
    assert SECRET not in Path(other.logo.path).read_bytes()
    assert not other.logo.name.endswith("logo.png")


def test_a_logo_is_served_with_its_kind_alone_and_while_its_organization_is(visitor, reader):
    one = Organization(
        slug="una", name="Una", logo=uploaded(picture()), publish_at=records.LONG_AGO
    )
    one.save()
    answer = visitor.get(one.logo.url)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert b"".join(answer.streaming_content)[:4] == b"\x89PNG"
    assert answer["Cache-Control"] == "no-cache"
    kept = {"If-None-Match": answer["ETag"]}
    assert visitor.get(one.logo.url, headers=kept).status_code == 304
    one.publish_at = None
    one.save()
    assert visitor.get(one.logo.url).status_code == 404
    assert visitor.get(one.logo.url, headers=kept).status_code == 404
    draft_seen = reader.get(one.logo.url)
    assert draft_seen.status_code == 200
    assert "no-store" in draft_seen["Cache-Control"]
    draft_seen.close()


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsettings.py", "x.png", "%2e%2e/x", "x%00.png", "a" * 5000]
)
def test_a_logo_that_is_not_there_is_missing(name, visitor):
    assert visitor.get(f"/media/logos/{name}").status_code in (400, 404)
