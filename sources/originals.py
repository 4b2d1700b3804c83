"""The original files of sources, stored as they came under the SHA-256 of their bytes. A file that
is replaced stays, since the versions of the source name it; only the present one can be read."""

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import models
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Substr

from texts.files import FORMATS, MOST_BYTES, misfit

FOLDER = "originals/"


def check_original(file: File) -> None:
    """Refuses a file that is too large, or not of the format that its name declares."""
    file.seek(0)
    content = file.read(MOST_BYTES + 1)
    file.seek(0)
    if problem := misfit(content, str(file.name)):
        raise ValidationError(problem)


def stored_name(file: File) -> str:
    """The name under which a file is stored: `originals/`, its digest, and the ending."""
    file.seek(0)
    digest = hashlib.sha256(file.read()).hexdigest()
    file.seek(0)
    return f"{FOLDER}{digest}{PurePath(str(file.name)).suffix.lower()}"


def checked_name(path: Path) -> str:
    """The name under which the file at `path` is stored. Raises OSError or ValidationError."""
    with path.open("rb") as content:
        file = File(content, path.name)
        check_original(file)
        return stored_name(file)


def digest_of_name(field: str, label: str) -> models.GeneratedField:
    """A generated column with the digest in the name of a file."""
    return models.GeneratedField(
        expression=Substr(field, len(FOLDER) + 1, 64),
        output_field=models.CharField(max_length=64),
        db_persist=True,
        verbose_name=label,
    )


class Original(FieldFile):
    @property
    def format(self) -> str:
        """«PDF»."""
        return PurePath(str(self.name)).suffix[1:].upper()

    @property
    def content_type(self) -> str:
        return FORMATS[PurePath(str(self.name)).suffix]

    @property
    def weight(self) -> int:
        """The size in bytes; 0 if the file is lost."""
        try:
            return self.size
        except FileNotFoundError:
            return 0

    def save(self, name: str, content: File, save: bool = True) -> None:
        """Check the file before it is stored, for `original.save` and the record's `save` alike.
        A file with the same bytes is stored once."""
        check_original(content := File(content, name))
        stored = stored_name(content)
        if self.storage.exists(stored) and self.storage.size(stored) == content.size:
            self.name, self._committed = stored, True
            setattr(self.instance, self.field.attname, stored)
            if save:
                self.instance.save()
        else:
            super().save(PurePath(stored).name, content, save)


class OriginalField(models.FileField):
    attr_class = Original

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        own: dict[str, Any] = {
            "validators": [check_original],
            "help_text": "PDF, DOCX, ODT, HTML o TXT, de hasta 20 MB. Se ofrece para descargar.",
        }
        return super().formfield(**own | kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Migrations see a plain FileField."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.FileField", args, kwargs
