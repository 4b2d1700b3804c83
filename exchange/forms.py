from typing import Any

from django import forms

from exchange.imports import ADMIN_BYTES, ADMIN_ROWS
from exchange.tables import DELIMITERS, ENCODINGS

TOO_LARGE = (
    f"Pesa más de {ADMIN_BYTES >> 20} MB, o no es lo que este formulario envía. Para archivos "
    "grandes use la orden «manage.py import_records»."
)


class ReadingForm(forms.Form):
    """How to read a file, where what was found out is wrong."""

    encoding = forms.ChoiceField(
        label="Codificación", required=False, choices=[("", "Reconocerla sola"), *ENCODINGS.items()]
    )
    delimiter = forms.ChoiceField(
        label="Separador", required=False, choices=[("", "Reconocerlo solo"), *DELIMITERS.items()]
    )


class UploadForm(ReadingForm):
    file = forms.FileField(
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

    @property
    def first(self) -> list[forms.BoundField]:
        return [self["file"], self["reason"]]

    @property
    def seldom(self) -> list[forms.BoundField]:
        return [self["encoding"], self["delimiter"]]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > ADMIN_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        return file
