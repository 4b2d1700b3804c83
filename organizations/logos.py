"""Logos are redrawn, so that only their pixels enter the site."""

import secrets
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import models
from django.db.models.fields.files import ImageFieldFile
from PIL import Image, ImageOps

FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
MOST_BYTES, MOST_PIXELS, LONGEST_SIDE = 5_000_000, 12_000_000, 800
MOST_SCANS = 100  # of a progressive JPEG, which has about 10; each scan takes as long as a picture
NO_LOGO = "No es una imagen PNG, JPEG o WebP que se pueda leer."
TOO_MANY = "Tiene demasiados pixeles: guárdela más pequeña."


class Redrawn(ContentFile):
    """A logo that went through `redrawn`."""


def redrawn(file: File) -> Redrawn:
    """The picture in the same format, without metadata, at most LONGEST_SIDE wide and high, under a
    new name. Raises ValidationError if the file is not a PNG, JPEG or WebP, or is too large."""
    if file.size > MOST_BYTES:
        raise ValidationError(f"Pesa más de {MOST_BYTES // 1_000_000} MB.")
    try:
        file.seek(0)
        content = file.read()
        picture = Image.open(BytesIO(content), formats=list(FORMATS))
        if picture.format == "JPEG" and content.count(b"\xff\xda") > MOST_SCANS:
            raise ValidationError(NO_LOGO)
        if picture.width * picture.height <= MOST_PIXELS:  # from the header
            kind = str(picture.format)
            return Redrawn(_drawn(picture, kind), f"{secrets.token_hex(16)}.{FORMATS[kind]}")
    except Image.DecompressionBombError as problem:
        raise ValidationError(TOO_MANY) from problem
    except Exception as problem:  # a hostile file may raise anything
        raise ValidationError(NO_LOGO) from problem
    raise ValidationError(TOO_MANY)


def _drawn(picture: Image.Image, kind: str) -> bytes:
    mode = "RGB" if kind == "JPEG" else "RGBA"
    if picture.mode in ("1", "P", "PA"):  # would be made small without shades
        picture = picture.convert(mode)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # first, while other copies would be large
    picture = ImageOps.exif_transpose(picture).convert(mode)
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    out = BytesIO()
    bare.save(out, kind)
    return out.getvalue()


class LogoFormField(forms.FileField):
    def to_python(self, data: Any) -> Any:
        file = super().to_python(data)
        return file and redrawn(file)


class Logo(ImageFieldFile):
    def save(self, name: str, content: File, save: bool = True) -> None:
        """Redraw the file before it is stored, for `logo.save` and the record's `save` alike."""
        content = content if isinstance(content, Redrawn) else redrawn(content)
        super().save(str(content.name), content, save)


class LogoField(models.ImageField):
    attr_class = Logo

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        own: dict[str, Any] = {
            "form_class": LogoFormField,
            "help_text": "PNG, JPEG o WebP, de hasta 5 MB.",
        }
        return super().formfield(**own | kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Migrations see a plain ImageField."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ImageField", args, kwargs
