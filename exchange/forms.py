from typing import Any

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from import_export.forms import ConfirmImportForm, ImportForm

from exchange.formats import ADMIN_ROWS
from exchange.imports import ADMIN_BYTES
from exchange.models import Receipt
from exchange.tables import DELIMITERS, ENCODINGS

TOO_LARGE = (
    f"Pesa más de {ADMIN_BYTES >> 20} MB, o no es lo que este formulario envía. Para archivos "
    "grandes use la orden «manage.py import_records»."
)


class ReadingForm(forms.Form):
    """How to read a file whose encoding or delimiter was found wrongly."""

    encoding = forms.ChoiceField(
        label="Codificación", required=False, choices=[("", "Reconocerla sola"), *ENCODINGS.items()]
    )
    delimiter = forms.ChoiceField(
        label="Separador", required=False, choices=[("", "Reconocerlo solo"), *DELIMITERS.items()]
    )


class UploadForm(ReadingForm, ImportForm):
    """A file. There is one resource a page and one format, which finds out what the file is."""

    import_file = forms.FileField(
        label="Archivo",
        help_text=f"CSV o Excel (.xlsx), hasta {ADMIN_BYTES >> 20} MB y {ADMIN_ROWS:,} filas. "
        "La codificación y el separador se reconocen solos: sirve lo que Excel guarda.",
    )
    reason = forms.CharField(
        label="Por qué esta importación",
        required=False,
        max_length=200,
        help_text="Opcional; quedará en el historial de cada registro.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["resource"], self.fields["format"]

    @property
    def first(self) -> list[forms.BoundField]:
        return [self["import_file"], self["reason"]]

    @property
    def seldom(self) -> list[forms.BoundField]:
        return [self["encoding"], self["delimiter"]]

    def clean_import_file(self) -> UploadedFile:
        file = self.cleaned_data["import_file"]
        if file.size > ADMIN_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        return file

    def receipt(self, user: AbstractBaseUser, resource: str) -> Receipt:
        data = self.cleaned_data
        file, names = data["import_file"], ("reason", "encoding", "delimiter")
        return Receipt(
            user=user, resource=resource, file_name=file.name[:200], content=file.read(),
            **{name: data[name] for name in names},
        )  # fmt: skip


class ConfirmForm(ConfirmImportForm):
    """Confirms one of the `previews` as it was shown: this file, compared with these records. The
    upload is found as a row of the database, never by a file name from the request."""

    import_file_name = forms.ModelChoiceField(Receipt.objects.none(), widget=forms.HiddenInput())
    original_file_name = None
    resource = None
    format = forms.ChoiceField(choices=[("0", "")], widget=forms.HiddenInput())
    sha256 = forms.CharField(widget=forms.HiddenInput())
    state = forms.CharField(widget=forms.HiddenInput())

    def __init__(self, *args: Any, previews: models.QuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["import_file_name"].queryset = previews

    @classmethod
    def of(cls, receipt: Receipt) -> "ConfirmForm":
        shown = {"import_file_name": receipt.pk, "sha256": receipt.sha256, "state": receipt.state}
        previews = Receipt.objects.filter(pk=receipt.pk)
        return cls(previews=previews, initial={"format": "0"} | shown, auto_id=False)

    def clean_import_file_name(self) -> Receipt:
        return self.cleaned_data["import_file_name"]

    def clean(self) -> None:
        receipt = self.cleaned_data.get("import_file_name")
        if receipt and any(getattr(receipt, n) != self.data.get(n) for n in ("sha256", "state")):
            raise forms.ValidationError("It is not what was shown.")

    def keeps(self, slug: str, column: str) -> bool:
        """Whether an emptied cell keeps the stored value, because its loss was not agreed to."""
        ticked = self.data.getlist("borrar")
        return not ("todos" in ticked or f"{slug}:{column}" in ticked)
