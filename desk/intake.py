"""«Agregar una fuente», in two pages: a file or a pasted text is received and read; then it is
mended in sight of its author, and saved as a draft through the ordinary form."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Set
from functools import cached_property
from itertools import accumulate
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from dates.edtf import ImpossibleDate
from dates.spanish_dates import read
from dates.text import fold
from desk.models import ReceivedText
from editing.admin import RecordAdmin
from editing.forms import RECORD, PlainTextField, RecordForm, edit_of, link
from record.confined import UnreadableFile
from record.publishing import StaffRequest
from record.text import NO_WEB_ADDRESS, cut
from sources.models import Source
from texts.files import MOST_BYTES, Document, Page, pasted, read_document
from texts.mends import Mend, Patches, mend
from texts.passages import Passages

MOST_WAITING = 5
MOST_BYTES_OF_TEXT = 2_000_000  # a form is sent with at most DATA_UPLOAD_MAX_MEMORY_SIZE
FORM_BYTES = 2_600_000  # of an upload without its file
TOO_LARGE = (
    "Pesa más de 20 MB, o trae más de 2 MB de texto. Divídalo y agregue cada parte como una fuente."
)
GONE = "Este texto ya se guardó, se descartó o venció: se guarda un día. Búsquelo en «Fuentes»."
MOST_TICKS = 100  # of the mends of a kind
UNFOLDED = 2_500  # characters
LONGEST_TITLE = 200
DATED_LINES = 6  # at the beginning and at the end of a text
_PLACE = r"(?:[A-ZÁÉÍÓÚÑ][\w.]*|del?|l[ao]s?|el|y)"
_DATE_LINE = re.compile(
    rf"(?:{_PLACE}(?:,? {_PLACE}){{0,8}}(?:,? al?|, el|,) )?"
    r"(?P<date>(?:\w+,? )?(?:\d{1,2}\.?[º°o]? de )?[^\W\d]+,? (?:del? )?\d{4})\.?"
)
_MARK = re.compile(r"\[(p\. [0-9]+)\]")


def date_of(line: str) -> str:
    """The day or the month, in EDTF, of a line such as «Puebla, a 3 de mayo de 2018»."""
    match = _DATE_LINE.fullmatch(line)
    try:
        date = read(match["date"]) if match else None
    except ImpossibleDate:
        return ""
    return date.text if date and date.kind in ("day", "month") else ""


class MendsOfKind:
    """Up to MOST_TICKS mends have `ticks` of their own. The rest follow the tick of the kind."""

    def __init__(self, name: str, mends: list[Mend]) -> None:
        self.name, self.mends = name, mends
        self.count = sum(mend.times for mend in mends)
        self.rest = len(mends[MOST_TICKS:])
        self.is_ticked = any(mend.is_applied for mend in mends[MOST_TICKS:] or mends)
        own = {mend.key: mend.is_applied for mend in mends[:MOST_TICKS]} if mends[1:] else {}
        self.ticks = {name: self.is_ticked} | own

    @property
    def offered(self) -> list[tuple[Mend, str]]:
        """The mends with ticks, each with its words as they came, whose breaks and signs show."""
        return [(mend, "".join(map(_visible, mend.before))) for mend in self.mends[:MOST_TICKS]]


def _visible(sign: str) -> str:
    return " ⏎ " if sign == "\n" else sign if sign.isprintable() else f"[U+{ord(sign):04X}]"


def _choices(sent: QueryDict) -> dict[str, bool]:
    """The ticks of a page. If the tick of a kind was changed, it decides for its mends."""
    ticked, before = {*sent.getlist("mend")}, {*sent.get("ticked", "").split()}
    offered = sent.get("offered", "").split()
    changed = {key for key in offered if (key in ticked) != (key in before)}
    return {key: key in ticked for key in offered if key.rpartition("-")[0] not in changed}


def _known_words(document: Document) -> Set[str]:
    """The words of all sources, folded, if a line of the document ends with a hyphen."""
    lines = (line.rstrip() for page in document.pages for line in page.lines)
    if not any(line.endswith(("-", "\u2010", "\xad")) for line in lines):
        return frozenset()
    texts = Source.objects.values_list("text", flat=True).iterator(chunk_size=10)
    return {word for text in texts for word in re.findall(r"\w+", fold(text))}


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()


class ReviewedText:
    """`sent` is the form of the page before, with its choices, and with the text if it was
    corrected by hand: then the choices change nothing."""

    def __init__(self, received: ReceivedText, sent: QueryDict) -> None:
        pages, *rest = received.document
        self.received, self.document = received, Document([Page(*page) for page in pages], *rest)
        self.mended = mend(self.document, _known_words(self.document), _choices(sent))
        self.digest = _digest(self.mended.text)
        typed = sent.get("text", "").replace("\r\n", "\n")
        self.is_corrected = bool(typed.strip()) and _digest(typed) != sent.get("digest")
        self.text = typed if self.is_corrected else self.mended.text
        self.page_count = sum(page.number > 0 for page in self.document.pages)
        self.applied = sum(mend.times for mend in self.mended.mends if mend.is_applied)

    @cached_property
    def passages(self) -> Passages:
        return Passages(self.text)

    @cached_property
    def kinds(self) -> list[MendsOfKind]:
        kinds = defaultdict[str, list[Mend]](list)
        for each in self.mended.mends:
            kinds[each.kind].append(each)
        return [MendsOfKind(*pair) for pair in kinds.items()]

    @property
    def ticks(self) -> dict[str, bool]:
        return {key: is_ticked for kind in self.kinds for key, is_ticked in kind.ticks.items()}

    @cached_property
    def blocks(self) -> tuple[list[tuple[str, Patches]], list[tuple[str, Patches]]]:
        """The lines that are shown, and the lines that are folded, as pieces with their mends; of
        the mark of a page, its place and the mends beside it."""
        plain: list[Patches] = [[(line, None)] for line in self.text.splitlines() if line.strip()]
        blocks: list[tuple[str, Patches]] = []
        for pieces in plain if self.is_corrected else self.mended.blocks:
            mark = _MARK.fullmatch(pieces[0][0])
            blocks.append((mark[1], pieces[1:]) if mark else ("", pieces))
        lengths = accumulate(sum(len(text) for text, _ in pieces) for _, pieces in blocks)
        count = 1 + sum(length < UNFOLDED for length in lengths)
        return blocks[:count], blocks[count:]

    @cached_property
    def card(self) -> dict[str, str]:
        """The values with which the form of the source is opened."""
        first = next(iter(self._lines), "")
        title = first if len(first) <= LONGEST_TITLE else self.document.title or first
        return {
            "title": cut(title, LONGEST_TITLE), "published": self.published[0], "text": self.text,
            "language": self.document.language, "url": self.received.url,
        }  # fmt: skip

    @property
    def _lines(self) -> dict[str, str]:
        """The paragraphs, each with its locator."""
        spans, text = self.passages.blocks, self.passages.text
        return {text[s.start : s.end]: self.passages.locator(s.start, s.end) for s in spans}

    @cached_property
    def published(self) -> tuple[str, str]:
        """The date of the only date line near the beginning or the end, and where it stands."""
        lines = [*self._lines.items()]
        lines = [*lines[:DATED_LINES], *lines[DATED_LINES:][-DATED_LINES:]]
        dates = {date: (line, place) for line, place in lines if (date := date_of(line))}
        if len(dates) != 1:
            return "", ""
        ((date, (line, place)),) = dates.items()
        return date, f"Por «{line}»{place and f', {place}'}."


def _field(name: str, help_text: str, **options: Any) -> Any:
    """A field of the form of a source."""
    field: Any = Source._meta.get_field(name)
    return field.formfield(help_text=help_text, **options)


class ReceivedForm(forms.ModelForm):
    field_order = ("original", "text", "url")
    original = _field(
        "original",
        "PDF con texto, DOCX, ODT, HTML o TXT, hasta 20 MB. Se guarda el original, sin tocarlo.",
        label="Archivo",
    )
    text = PlainTextField(
        label="O pegue el texto",
        required=False,
        widget=forms.Textarea(attrs={"placeholder": "Todo el texto, tal como está publicado"}),
        help_text="Los saltos sobrantes se arreglan en el paso siguiente, a la vista de usted.",
    )
    url = _field(
        "url",
        "De dónde lo tomó. No se descarga nada de ahí.",
        error_messages={"invalid": NO_WEB_ADDRESS},
    )

    class Meta:
        model = ReceivedText
        fields = ["url"]

    def clean(self) -> None:
        super().clean()
        if not self.errors:
            self._check_number()
            self._read(self.cleaned_data["original"], self.cleaned_data["text"])

    def _check_number(self) -> None:
        if bool(self.cleaned_data["original"]) == bool(self.cleaned_data["text"]):
            raise ValidationError("Elija un archivo o pegue el texto, y solo uno de los dos.")
        if ReceivedText.objects.waiting_for(self.instance.user).count() >= MOST_WAITING:
            raise ValidationError(
                f"Ya tiene {MOST_WAITING} textos por revisar: guarde o descarte alguno de la lista."
            )

    def _read(self, file: UploadedFile | None, text: str) -> None:
        received, name = self.instance, str(file.name)[-200:] if file else ""
        received.file_name, received.content = name, file.read() if file else text.encode()
        try:
            received.document = read_document(received.content, name) if file else pasted(text)
        except UnreadableFile as error:
            raise ValidationError({"original": str(error)}) from error
        if len(ReviewedText(received, QueryDict()).text.encode()) > MOST_BYTES_OF_TEXT:
            raise ValidationError(TOO_LARGE)


class IntakeAdmin(RecordAdmin):
    def get_urls(self) -> list[Any]:
        view: Any = self.admin_site.admin_view(self.received_view)
        view.model_admin = self  # late posts show the texts of its form
        name = "sources_source_received"
        return [path("recibido/<int:pk>/", view, name=name), *super().get_urls()]

    @csrf_exempt
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuses an upload that is too large before reading it. The CSRF check reads the form and
        therefore runs after the check of the size."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_form = {"a-mano", "from"} & request.GET.keys()
        view: Any = super().add_view if is_form else self._receive
        try:
            if int(request.headers.get("content-length") or 0) > MOST_BYTES + FORM_BYTES:
                raise RequestDataTooBig
            return csrf_protect(view)(request, *args, **kwargs)
        except RequestDataTooBig:
            return self._intake_page(request, ReceivedForm(), 413, problem=TOO_LARGE)

    def _receive(self, request: StaffRequest) -> HttpResponse:
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = ReceivedForm(data, files, instance=ReceivedText(user=request.user))
        is_sent = "_check" not in request.POST  # a late form of another account is only shown
        if is_sent and form.is_valid():
            ReceivedText.objects.expired().delete()
            return redirect("admin:sources_source_received", form.save().pk)
        return self._intake_page(request, form, 422 if is_sent and form.errors else 200)

    def _intake_page(
        self, request: HttpRequest, form: ReceivedForm, status: int, **context: Any
    ) -> HttpResponse:
        context |= self.admin_site.each_context(request) | {
            "opts": self.opts, "form": form, "title": "Agregar una fuente", "step": "Agregar",
            "waiting": ReceivedText.objects.waiting_for(request.user).defer("content"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/intake.html", context, status=status)

    def received_view(self, request: StaffRequest, pk: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        received = ReceivedText.objects.waiting_for(request.user).filter(pk=pk).first()
        if received is None:
            raise Http404(GONE)
        if "_discard" in request.POST:
            received.delete()
            messages.success(request, f"Se descartó «{received}». Nada quedó guardado.")
            return redirect(self.address("add"))
        return self._received_page(request, ReviewedText(received, request.POST))

    def _received_page(self, request: StaffRequest, reviewed: ReviewedText) -> HttpResponse:
        edit, file_name = edit_of(request), reviewed.received.file_name
        content = bytes(reviewed.received.content)
        sha256 = hashlib.sha256(content).hexdigest()
        same_file = Q(original_sha256=sha256) if file_name else Q(pk=None)
        twins = Source.objects.visible_to(request.user).filter(Q(text=reviewed.text) | same_file)
        links = [link(source) for source in twins.only("title")]
        refused = "_save" in request.POST and bool(links) and "another" not in request.POST
        vars(request)["reviewed"], edit.filling = reviewed, {RECORD: reviewed.card}
        if request.method == "POST":
            edit.check_only = "_save" not in request.POST or refused
            data: Any = request.POST.copy()
            request.POST, data["text"] = data, reviewed.text
            if file_name:
                request.FILES["original"] = SimpleUploadedFile(file_name, content)
        context = {"reviewed": reviewed, "sha256": sha256, "twins": links, "refused": refused}
        response = self.changeform_view(request, None, "", context)
        if isinstance(response, TemplateResponse):
            response.template_name = "admin/desk/received.html"
        return response

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[RecordForm]:
        form: Any = super().get_form(request, *args, **kwargs)
        if reviewed := vars(request).get("reviewed"):
            fields = form.base_fields
            fields["title"].help_text = "Tomado del texto o del archivo: compruébelo."
            fields["published"].help_text = reviewed.published[1] or fields["published"].help_text
            fields["url"].widget = forms.URLInput()  # the admin's names a value that is stored
        return form

    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        """Deletes the received text in the transaction that saves its source."""
        reviewed = vars(request).get("reviewed")
        if reviewed and not reviewed.received.delete()[0]:
            raise Http404(GONE)  # another request saved it at the same moment
        response = super().response_add(request, obj, *args)
        return redirect(self.address("desk", obj.pk)) if reviewed else response
