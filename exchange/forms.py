"""The forms of an import: upload, correction of encoding and delimiter, confirmation."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from import_export.forms import ConfirmImportForm

from exchange.formats import ADMIN_BYTES, ADMIN_ROWS, DELIMITERS, ENCODINGS, accented_words
from exchange.models import Receipt

TOO_LARGE = (
    f"Pesa más de {ADMIN_BYTES >> 20} MB, o no es lo que este formulario envía. Para archivos "
    "grandes use la orden «manage.py import_records»."
)


class ReadingForm(forms.ModelForm):
    """Corrects the encoding and the delimiter that were recognized."""

    encoding = forms.ChoiceField(
        label="Codificación", required=False, choices=[("", "Reconocerla sola"), *ENCODINGS.items()]
    )
    delimiter = forms.ChoiceField(
        label="Separador", required=False, choices=[("", "Reconocerlo solo"), *DELIMITERS.items()]
    )

    class Meta:
        model = Receipt
        fields = ["encoding", "delimiter"]


class RereadingForm(ReadingForm):
    """Shows words of the file as each encoding reads them, first the encodings that can."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        content = bytes(self.instance.content or b"")
        samples = {name: " · ".join(accented_words(content, name)) for name in ENCODINGS}
        self.fields["encoding"] = forms.ChoiceField(
            label="Leer como",
            widget=forms.RadioSelect,
            choices=[
                (name, f"{label}: {samples[name]}" if samples[name] else label)
                for name, label in sorted(ENCODINGS.items(), key=lambda item: not samples[item[0]])
            ],
        )


class UploadForm(ReadingForm):
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

    class Meta(ReadingForm.Meta):
        fields = ["reason", "encoding", "delimiter"]

    def clean_import_file(self) -> UploadedFile:
        file = self.cleaned_data["import_file"]
        if file.size > ADMIN_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        return file

    def save(self, commit: bool = False) -> Receipt:
        """Put the file into the receipt, and leave saving to `preview_import`."""
        file = self.cleaned_data["import_file"]
        self.instance.file_name, self.instance.content = file.name[:200], file.read()
        return self.instance


class ConfirmForm(ConfirmImportForm):
    """Confirms a preview: its digests of the file and of the records must still be the receipt's.
    The upload is a row of the database; no file name from the request is opened."""

    import_file_name = forms.ModelChoiceField(Receipt.objects.filter(made_at=None))
    original_file_name = resource = None
    format = forms.ChoiceField(choices=[("0", "")])

    def clean_import_file_name(self) -> Receipt:
        receipt = self.cleaned_data["import_file_name"]
        if any(getattr(receipt, name) != self.data.get(name) for name in ("sha256", "state")):
            raise forms.ValidationError("It is not what was shown.")
        return receipt

    def keeps(self, slug: str, column: str) -> bool:
        """Return whether an empty cell leaves the stored value, whose loss was not confirmed."""
        confirmed = self.data.getlist("borrar")
        return not ("todos" in confirmed or f"{slug}:{column}" in confirmed)
