"""The form of a citation, which shows the places of the quote in its source, and the form of a
source, which corrects its text together with the citations that the text breaks."""

import hashlib
from contextlib import suppress
from functools import cache
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.utils.text import capfirst

from dates.text import collapse
from editing.forms import PlainTextField, RecordForm
from record.text import word_diff
from sources.models import Citation, Source
from texts.alignment import LONGEST_QUOTE, is_single_word, silent, style_differences
from texts.passages import Passages

PLACES_SHOWN = 10


def read_quote(source: Source | None, words: str) -> dict[str, Any]:
    """The context of `sources/_quote_reading.html`: the places of `words` in the source, with their
    sentences, and the difference in style from one place; if there are none, the most similar words
    and the difference."""
    words = collapse(words)
    if not source or not words or len(words) > LONGEST_QUOTE:
        return {"source": source, "too_long": len(words) > LONGEST_QUOTE, "empty": not words}
    spans = source.passages.spans(words)
    places = [_place(source, *span) for span in spans[:PLACES_SHOWN]]
    reading = {"source": source, "times": len(spans), "places": places}
    if len(spans) == 1:
        reading["differences"] = style_differences(words, places[0]["exact"])
    elif not spans and (nearest := source.passages.nearest(words)):
        reading["nearest"] = place = _place(source, *nearest)
        reading["difference"] = word_diff(silent(words), silent(place["exact"]))
    reading["more"] = len(spans) - len(places)
    reading["single_word"] = is_single_word(words)
    return reading


def _place(source: Source, start: int, end: int) -> dict[str, Any]:
    passages = source.passages
    sentence = passages.sentence_around(start, end)
    return {
        "before": passages.text[sentence.start : start],
        "exact": passages.text[start:end],
        "after": passages.text[end : sentence.end],
        "paragraph": passages.block_number(start),
        "unique": passages.unique(start, end),
    }


def source_field() -> forms.TypedChoiceField:
    """The select of all citations of a form: it reads each source once, and selects the source if
    there is only one."""

    @cache
    def titles() -> list[tuple[int | str, str]]:
        options: list[tuple[int | str, str]] = [*Source.objects.values_list("pk", "title")]
        return options if len(options) == 1 else [("", "Elija la fuente"), *options]

    @cache
    def source(pk: int) -> Source:
        if found := Source.objects.filter(pk=pk).first():
            return found
        raise ValueError("The source was deleted after its title was read")

    return forms.TypedChoiceField(
        label="Fuente",
        choices=titles,
        coerce=lambda pk: source(int(pk)),
        initial=lambda: titles()[0][0] if len(titles()) == 1 else "",
    )


def _words_for(quote: str, before: Passages, after: Passages) -> str:
    """The words of a corrected text to take the place of a quote, sought where its sentence was."""
    start, end = before.sentence_around(*before.spans(quote)[0])[:2]
    if not (around := after.nearest(before.text[start:end])):
        return ""
    within = Passages(after.text[slice(*around)])
    spans = within.spans(quote) or [within.nearest(quote) or (0, len(within.text))]
    return after.unique(around[0] + spans[0][0], around[0] + spans[0][1])


class QuoteInput(AdminTextareaWidget):
    """A text area with the places of its words in `source` below."""

    template_name = "sources/quote_input.html"
    source: Source | None = None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        attrs = {"rows": 2} | (attrs or {})
        return super().get_context(name, value, attrs) | read_quote(self.source, value or "")


def quote_field() -> PlainTextField:
    return PlainTextField(
        label="Palabras exactas",
        max_length=LONGEST_QUOTE,
        widget=QuoteInput(attrs={"data-reads": "quote"}),
        help_text=Citation._meta.get_field("exact").help_text,
    )


class CitationForm(RecordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep_supported()
        if "source" in self.fields:
            with suppress(TypeError, ValueError):  # no source is chosen
                field: Any = self.fields["source"]
                self.fields["exact"].widget.source = field.coerce(self["source"].value())

    def has_changed(self) -> bool:
        """A new citation without words is blank, even if its field or its source is chosen."""
        words = self.data.get(self.add_prefix("exact")) or ""
        return super().has_changed() and bool(self.instance.pk or words.strip())

    def clean(self) -> None:
        """A locator that was not touched goes with the words to their new place."""
        super().clean()
        if "exact" in self.changed_data and "locator" not in self.changed_data:
            self.cleaned_data["locator"] = ""

    def _keep_supported(self) -> None:
        """Keeps the stored field among the choices, which now leave out some fields."""
        supported: Any = self.fields.get("field")
        stored = self.initial.get("field")
        if supported and stored and stored not in dict(supported.choices):
            label = capfirst(self.instance.get_field_display() or stored)
            supported.choices = [*supported.choices, (stored, label)]


class SourceForm(RecordForm):
    """If a corrected text breaks citations, asks for new words for each, and saves all together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked: dict[str, str] = {}  # the broken quote of each field for new words
        self.unanswered = False
        if "text" in self.fields:
            field: Any = self.fields["text"]
            field.strip, field.widget.attrs["rows"] = False, 20
            if self.is_bound and self.instance.pk:
                self._ask_for_new_words(field.to_python(self["text"].data or ""))

    def _ask_for_new_words(self, text: str) -> None:
        corrected = Source(title=self.instance.title, slug=self.instance.slug, text=text)
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        self.data = data
        before = Passages(self.instance.text)
        broken = [quote for quote, words in self.instance.quotes_in(text).items() if not words]
        for words in broken:
            name = f"requote-{hashlib.sha256(words.encode()).hexdigest()[:12]}"
            self.asked[name] = words
            self.fields[name] = PlainTextField(label=f"En vez de «{words}»", widget=QuoteInput())
            self.fields[name].widget.source = corrected
            if name not in data:
                self.unanswered = True
                data[name] = _words_for(words, before, corrected.passages)

    @property
    def requotes(self) -> list[forms.BoundField]:
        return [self[name] for name in self.asked]

    def clean(self) -> None:
        super().clean()
        new_words = {name: self.cleaned_data.get(name, "") for name in self.asked}
        self.instance.requoted = {self.asked[name]: words for name, words in new_words.items()}
        if self.unanswered:
            raise ValidationError(
                "Con este texto se romperían citas. Revise abajo las palabras propuestas para cada "
                "una y guarde de nuevo; texto y citas se guardan juntos."
            )
        for name, words in new_words.items():
            reading = read_quote(self.fields[name].widget.source, words)
            if words and (reading.get("times") != 1 or reading["single_word"]):
                self.add_error(name, "Deben estar en el texto nuevo una sola vez, y ser dos o más.")
