"""Fields of organizations: logos, which are redrawn, so that only their pixels enter the site;
identifiers in other registers; and the article of the name."""

import re
import secrets
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import models
from django.db.models.fields.files import ImageFieldFile
from PIL import Image, ImageOps

from record.jsonld import Node, node

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


class Scheme(NamedTuple):
    """A register of organizations. `pattern` matches an identifier after `normal`; `page` is the
    address of an organization before its identifier, empty if the register has no such pages."""

    label: str
    example: str
    pattern: str
    normal: Callable[[str], str]
    page: str = ""

    def accepts(self, value: str) -> bool:
        return bool(re.fullmatch(self.pattern, value, re.ASCII)) and (
            self.label != "ROR" or _has_right_check_digits(value)
        )


_TO_BASE_32 = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv")


def _has_right_check_digits(ror: str) -> bool:
    """Whether the last two digits check the number before them, which is in Crockford's base 32
    (ISO 7064, MOD 97-10)."""
    return (int(ror[:7].translate(_TO_BASE_32), 32) * 100 + int(ror[7:])) % 97 == 1


SCHEMES = {
    "wikidata": Scheme(
        "Wikidata", "Q42", r"Q[1-9]\d*", str.upper, "https://www.wikidata.org/wiki/"
    ),
    "ror": Scheme(
        "ROR", "03yrm5c26", r"0[a-hj-km-np-tv-z\d]{6}\d\d", str.lower, "https://ror.org/"
    ),
    "cluni": Scheme(
        "CLUNI", "ABC0102030901D", r"[A-ZÑ&]{3}\d{6}[A-Z\d]{5}", str.upper
    ),
    "opencorporates": Scheme(
        "OpenCorporates", "mx/12345", r"[a-z]{2}(_[a-z]{2})?/[\w.-]+", str,
        "https://opencorporates.com/companies/",
    ),
}  # fmt: skip
_ADDRESS = re.compile(
    r"https?://(?:(?:www|m)\.)?(?:(wikidata)\.org/(?:wiki|entity)/|(ror)\.org/"
    r"|(opencorporates)\.com/companies/)([^?#]+?)/?(?:[?#].*)?",
    re.I,
)


class Identifier(NamedTuple):
    """`value` is the identifier of an organization in the register `scheme`, a key of SCHEMES."""

    scheme: str
    value: str

    @property
    def label(self) -> str:
        return SCHEMES[self.scheme].label

    @property
    def node(self) -> Node:
        return node(kind="PropertyValue", propertyID=self.label, value=self.value, url=self.page)

    @property
    def page(self) -> str:
        """The address of the organization in the register; empty if it has none."""
        return f"{page}{self.value}" if (page := SCHEMES[self.scheme].page) else ""


def read_identifier(line: str) -> Identifier:
    """Reads `wikidata:Q42`, in any case of letters, or the address of a page of a register. Raises
    ValidationError."""
    if address := _ADDRESS.fullmatch(line):
        name, value = filter(None, address.groups())
    else:
        name, _colon, value = (part.strip() for part in line.partition(":"))
    scheme = SCHEMES.get(name.lower())
    if scheme is None:
        known = ", ".join(f"«{key}:{scheme.example}»" for key, scheme in SCHEMES.items())
        raise ValidationError(f"«{line}» no es de un registro conocido. Escriba uno de: {known}.")
    value = scheme.normal(value)
    if not scheme.accepts(value):
        expected = f"«{name.lower()}:{scheme.example}»"
        raise ValidationError(
            f"«{value}» no es un identificador de {scheme.label}. Escriba, por ejemplo, {expected}."
        )
    return Identifier(name.lower(), value)


class IdentifiersField(models.TextField):
    """Identifiers in other registers, one a line: `wikidata:Q42`."""

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        lines = filter(None, map(str.strip, super().clean(value, model_instance).splitlines()))
        return "\n".join(dict.fromkeys(":".join(read_identifier(line)) for line in lines))

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Migrations see a plain TextField."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class Articled:
    """Has a name with an article, in sentences."""

    article: Any

    @property
    def with_article(self) -> str:
        """«el Foro», «la Red Cívica», «IEC»."""
        return f"{self.article} {self}".strip()

    @property
    def of(self) -> str:
        """«del Foro», «de la Red Cívica», «de IEC»."""
        return f"del {self}" if self.article == "el" else f"de {self.with_article}"

    @property
    def to(self) -> str:
        """«al Foro», «a la Red Cívica», «a IEC»."""
        return f"al {self}" if self.article == "el" else f"a {self.with_article}"
