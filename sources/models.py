import hashlib
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction
from django.db.models import Max, Q
from django.urls import reverse

from dates.edtf import ImpossibleDate, parse
from dates.fields import Earliest, EDTFField, Latest, day_column, possible_date
from record.history import Versions, lists_in
from record.proof import labels_lost
from record.publishing import Publishable, Record
from record.text import LanguageField, WebAddressField
from sources.originals import OriginalField, digest_of_name
from texts.alignment import is_single_word, style_differences
from texts.passages import Passages, read_locator

SUPPORTED = ("organization", "membership", "representation_term", "event", "statement")
BOUNDS = {"": "", "_earliest": "no antes de", "_latest": "no después de"}
"""The endings of the names of a date and of its bounds, which a citation may support alone."""
SAYS_NO_DATE = "Solo una cita que contradice una fecha dice otra: elija «contradice» y la fecha."
SAYS_THE_SAME = "Dice lo mismo que el registro: márquela como apoyo."


class Source(Publishable):
    """A text on which the record is based, stored in full."""

    class Kind(models.TextChoices):
        PAGE = "page", "página"
        DOCUMENT = "document", "documento"
        PRESS = "press", "prensa"
        VIDEO = "video", "video"
        MINUTES = "minutes", "minuta"

    passage_count: int  # set by the list of sources

    title = models.CharField("título", max_length=300)
    publisher = models.CharField(
        "quién la publicó", max_length=300, blank=True, help_text="Vacío: no consta."
    )
    kind = models.CharField("tipo", max_length=20, blank=True, choices=Kind)
    language = LanguageField("idioma", blank=True)
    url = WebAddressField("dirección web", max_length=500, blank=True)
    archived_url = WebAddressField("copia archivada", max_length=500, blank=True)
    published = EDTFField("publicada", help_text="Vacío: no consta.")
    published_earliest = day_column(Earliest("published"), "publicada: no antes de")
    published_latest = day_column(Latest("published"), "publicada: no después de")
    describes_until = EDTFField("describe hasta", help_text="La última fecha de la que habla.")
    describes_until_earliest = day_column(
        Earliest("describes_until"), "describe hasta: no antes de"
    )
    describes_until_latest = day_column(Latest("describes_until"), "describe hasta: no después de")
    retrieved = EDTFField("consultada", help_text="Cuándo la copió usted.")
    retrieved_earliest = day_column(Earliest("retrieved"), "consultada: no antes de")
    retrieved_latest = day_column(Latest("retrieved"), "consultada: no después de")
    text = models.TextField(
        "texto completo",
        help_text="Tal como está publicado, un párrafo por renglón. "
        "Cada página empieza con «[p. 14]» en su propio renglón; cada minuto de un video, con "
        "«[12:31]». Al corregirlo se revisan las citas que apoya.",
    )
    original = OriginalField("archivo original", upload_to="originals/", blank=True)
    original_sha256 = digest_of_name("original", "SHA-256 del original")

    history = Versions()

    class Meta:
        verbose_name = "fuente"
        verbose_name_plural = "fuentes"
        ordering = ["title", "slug"]
        permissions = [("publish_record", "Puede publicar y cambiar lo que es público")]
        constraints = [
            *(possible_date(name) for name in ("published", "describes_until", "retrieved")),
            Publishable.publication_constraint(),
            Publishable.lower_slug(),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("sources:source_detail", args=[self.slug])

    @property
    def text_address(self) -> str:
        return reverse("sources:source_text", args=[self.slug])

    def passage_address(self, number: int) -> str:
        return reverse("sources:passage", args=[self.slug, number])

    @property
    def original_address(self) -> str:
        return reverse("sources:source_original", args=[self.slug]) if self.original else ""

    @property
    def sha256(self) -> str:
        """The digest of the text in UTF-8, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def passages(self) -> Passages:
        return Passages(self.text)

    def quotes_in(self, text: str) -> dict[str, str]:
        """The quotes, each with its words in `text`; empty if it does not occur there once."""
        if not self.pk:
            return {}
        quotes = [*self.citations.values_list("exact", flat=True)]
        quotes += [q["exact"] for change in self.pending_changes.all() for q in change.quotes]
        passages, words = Passages(text), {}
        for exact in dict.fromkeys(quotes):
            spans = passages.spans(exact)
            words[exact] = passages.text[slice(*spans[0])] if len(spans) == 1 else ""
        return words

    def clean(self) -> None:
        """Refuses a text that breaks citations, unless `requoted` maps their words to new ones."""
        super().clean()
        broken = {exact for exact, words in self.quotes_in(self.text).items() if not words}
        if broken := broken - getattr(self, "requoted", {}).keys():
            quotes = "; ".join(f"«{exact}»" for exact in sorted(broken))
            raise ValidationError(
                {"text": f"Con este texto se romperían las citas de estas palabras: {quotes}."}
            )
        if self.pk and (labels := labels_lost(self, self.text)):
            words = f"Son palabras de la fuente junto a una fecha: {'; '.join(labels)}."
            raise ValidationError({"text": f"Este texto ya no las dice. {words}"})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves; if the text changed, moves the citations to the new places of their words."""
        self.__dict__.pop("passages", None)
        with transaction.atomic():
            before = self.stored_text() if self.pk else None
            super().save(*args, **kwargs)
            if before not in (None, self.text) and self.stored_text() == self.text:
                self.move_citations(getattr(self, "requoted", {}))

    def stored_text(self) -> str | None:
        """The text in the database, locked until the transaction ends."""
        locked = Source.objects.select_for_update().filter(pk=self.pk)
        return locked.values_list("text", flat=True).first()

    def move_citations(self, requoted: dict[str, str]) -> None:
        """Finds the quotes in a new text. `moved` has the words of each before and after."""
        self.moved, numbers = dict[str, str](), dict[str, int]()
        for citation in self.citations.select_for_update().order_by("number"):
            citation.source, before = self, citation.exact
            citation.exact = requoted.get(before, before)
            citation.locator = "" if self.passages.places else citation.locator  # marks count
            citation.locate()
            self.moved[before] = citation.exact
            # A passage keeps its number; two passages that became one share the first number.
            citation.number = numbers.setdefault(citation.exact, citation.number)
            models.Model.save(citation)
        for change in self.pending_changes.select_for_update():
            self.moved |= change.move_quotes(self, requoted)


def supported_model(name: str) -> type[Record]:
    """The model of a foreign key in SUPPORTED."""
    return cast("type[Record]", Citation._meta.get_field(name).related_model)


def _supported(model: str, verbose_name: str) -> models.ForeignKey:
    """A foreign key to a record that a citation may support."""
    return models.ForeignKey(
        model, models.CASCADE, verbose_name=verbose_name, related_name="citations",
        null=True, blank=True, db_index=False,
    )  # fmt: skip


def _index_of(name: str) -> models.Index:
    """An index without the citations of other kinds of record: with them, SQLite would judge the
    index useless and read the whole table."""
    condition = Q(**{f"{name}__isnull": False})
    return models.Index(fields=[name], name=f"cited_{name}", condition=condition)


def date_and_bound(field: str) -> tuple[str, str]:
    """The name of a field, and the ending of the bound that the name has: `start`, `_latest`."""
    bound = next((bound for bound in BOUNDS if bound and field.endswith(bound)), "")
    return field.removesuffix(bound), bound


class Citation(Record):
    """A quote from a source that supports or contradicts a record: a TextQuoteSelector of the W3C
    Web Annotation model. `prefix` and `suffix` complete the sentence around `exact`."""

    class Stance(models.TextChoices):
        SUPPORTS = "supports", "apoya"
        CONTRADICTS = "contradicts", "contradice"

    source = models.ForeignKey(
        Source, models.PROTECT, verbose_name="fuente", related_name="citations"
    )
    exact = models.TextField(
        "palabras exactas",
        help_text="Pegue las palabras de la fuente sin cambiar nada, por ejemplo "
        "«firmaron el acuerdo».",
    )
    prefix = models.TextField(editable=False, blank=True)
    suffix = models.TextField(editable=False, blank=True)
    position = models.PositiveIntegerField("posición en la fuente", editable=False)
    number = models.PositiveIntegerField(
        "número", editable=False,
        help_text="El de sus palabras en la fuente: citas de las mismas palabras lo comparten.",
    )  # fmt: skip
    field = models.CharField(
        "apoya", max_length=60, blank=True, help_text="Vacío: apoya el registro entero."
    )
    locator = models.CharField(
        "lugar", max_length=20, blank=True, help_text="La página o el minuto: «p. 14», «12:31»."
    )
    stance = models.CharField(
        "postura", max_length=20, choices=Stance,
        default=Stance.SUPPORTS, db_default=Stance.SUPPORTS,
        help_text="«Contradice» si esta fuente dice otra cosa: se muestran las dos.",
    )  # fmt: skip
    says = EDTFField(
        "dice", db_default="",
        help_text="La fecha que da esta fuente, si contradice una: «15 de diciembre de 2020».",
    )  # fmt: skip
    says_earliest = day_column(Earliest("says"), "dice: no antes de")
    says_latest = day_column(Latest("says"), "dice: no después de")
    organization = _supported("organizations.Organization", "organización")
    membership = _supported("organizations.Membership", "membresía")
    representation_term = _supported(
        "organizations.RepresentationTerm", "periodo de representación"
    )
    event = _supported("timeline.Event", "acontecimiento")
    statement = _supported("timeline.Statement", "pronunciamiento")

    differences = ""  # of style between the typed words and the words of the source
    visible_through = ("source", *SUPPORTED)
    belongs_to = SUPPORTED
    history = Versions()

    class Meta:
        verbose_name = "cita"
        verbose_name_plural = "citas"
        ordering = ["source", "position", "slug"]
        indexes = [
            models.Index(fields=["source", "position"]),
            models.Index(fields=["source", "number", "id"], name="citation_of_passage"),
            models.Index(fields=["updated_at"], name="citation_updated"),
            *(_index_of(name) for name in SUPPORTED),
        ]
        constraints = [
            Record.lower_slug(),
            models.CheckConstraint(
                name="sources_citation_supports_exactly_one_record",
                condition=Q(
                    *(
                        Q(**{f"{name}__isnull": name != chosen for name in SUPPORTED})
                        for chosen in SUPPORTED
                    ),
                    _connector=Q.OR,
                ),
                violation_error_message="Una cita apoya exactamente un registro.",
            ),
            possible_date("says"),
            models.CheckConstraint(
                name="sources_citation_says_contradicts_a_date",
                condition=Q(says="") | Q(stance="contradicts") & ~Q(field=""),
                violation_error_message=SAYS_NO_DATE,
            ),
        ]

    def __str__(self) -> str:
        return f"Cita {self.number}"

    def get_absolute_url(self) -> str:
        return f"{self.source.get_absolute_url()}#c{self.number}"

    @property
    def passage(self) -> tuple[int, int]:
        """The key of the quoted passage, equal for equal quotes from a source."""
        return self.source_id, self.number

    @property
    def span(self) -> tuple[int, int]:
        """The start and the end of the quote in the collapsed text of the source."""
        return self.position, self.position + len(self.exact)

    @property
    def supported(self) -> str:
        """The name of the foreign key to the supported record; empty if no key is set."""
        cached = self._state.fields_cache  # a new record has no key
        used = (n for n in SUPPORTED if getattr(self, f"{n}_id") is not None or cached.get(n))
        return next(used, "")

    @property
    def record(self) -> Record | None:
        return getattr(self, self.supported) if self.supported else None

    def get_field_display(self) -> str:
        """«inicio: no antes de»; empty if the citation supports the whole record."""
        if not self.field or not self.supported:
            return ""
        model = supported_model(self.supported)
        lists = {each.name: each.verbose_name for each in lists_in(model)}
        field: Any = self.field in lists or model._meta.get_field(self.field)
        return lists.get(self.field) or str(field.verbose_name)

    @property
    def contradicts(self) -> bool:
        return self.stance == self.Stance.CONTRADICTS

    def clean(self) -> None:
        super().clean()
        with suppress(Source.DoesNotExist):  # the field reports it
            if self.exact:
                self.locate()
        try:
            self.get_field_display()
        except FieldDoesNotExist:
            kind = supported_model(self.supported)._meta.verbose_name
            message = f"«{self.field}» no es un dato de {kind}."
            raise ValidationError({"field": message}) from None
        self.check_claim()

    def check_claim(self) -> None:
        """Raises ValidationError if the citation says a date, but no other than the record."""
        if not self.says or not self.supported:
            return
        name, bound = date_and_bound(self.field)
        fields = {field.name: field for field in supported_model(self.supported)._meta.fields}
        if not self.contradicts or not isinstance(fields.get(name), EDTFField):
            raise ValidationError({"says": SAYS_NO_DATE})
        attribute = bound.removeprefix("_") or "text"
        with suppress(ImpossibleDate):  # the field reports it
            ours, theirs = parse(getattr(self.record, name)), parse(self.says)
            if getattr(ours, attribute) == getattr(theirs, attribute):
                raise ValidationError({"says": SAYS_THE_SAME})

    def locate(self) -> None:
        """Finds the quote in its source, takes the words of the source, and completes its sentence;
        its locator is the place that the text marks, if it marks one. Raises ValidationError."""
        locator, passages = read_locator(self.locator), self.source.passages
        spans = passages.spans(self.exact)
        if len(spans) != 1 or is_single_word(self.exact):
            raise ValidationError({"exact": self._why_not(len(spans))})
        self.position, end = spans[0]
        quote, self.exact = self.exact, passages.text[self.position : end]
        self.differences = style_differences(quote, self.exact) or self.differences
        sentence = passages.sentence_around(self.position, end)
        self.prefix = passages.text[sentence.start : self.position]
        self.suffix = passages.text[end : sentence.end]
        marked = passages.locator(self.position, end)
        if marked and locator not in ("", marked):
            message = f"El texto marca ahí «{marked}»: corrija el lugar o déjelo vacío."
            raise ValidationError({"locator": message})
        self.locator = marked or locator

    def _why_not(self, times: int) -> str:
        if not times:
            refusal = f"No está en la fuente «{self.source}». Copie las palabras sin cambiar nada."
            nearest = self.source.passages.nearest(self.exact) or (0, 0)
            words = self.source.passages.text[slice(*nearest)]
            return f"{refusal} Lo más parecido que dice: «{words}»." if words else refusal
        if times > 1:
            return (
                f"Está {times} veces en la fuente; una cita señala un solo lugar. "
                "Agregue palabras hasta que solo quede una."
            )
        return "Una sola palabra no prueba nada: agregue las que la rodean."

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            # Locks the source, so that its text stays and no other citation takes the number.
            if self.source.stored_text() != self.source.text:
                self.source = Source.objects.get(pk=self.source_id)
            self.locate()
            self.number = self._number()
            self.slug = self.slug or self._free_slug()
            super().save(*args, **kwargs)

    def _number(self) -> int:
        """The number of an equal quote; else the present number, if no other quote has it; else the
        next number."""
        others = Citation.objects.filter(source=self.source_id).exclude(pk=self.pk)
        if same := others.filter(exact=self.exact).first():
            return same.number
        if self.number and not others.filter(number=self.number).exists():
            return self.number
        return (others.aggregate(Max("number"))["number__max"] or 0) + 1

    def slug_words(self) -> str:
        return ""

    def _free_slug(self) -> str:
        """`firma-del-acuerdo-event-2`: the slug and model of the record, and the first free
        number."""
        record = getattr(self, self.supported)
        base = f"{record.slug[:90]}-{record._meta.model_name}"
        taken = set(Citation.objects.filter(slug__startswith=base).values_list("slug", flat=True))
        return next(s for n in range(1, len(taken) + 2) if (s := f"{base}-{n}") not in taken)
