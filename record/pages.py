"""What the public pages share: counts in words, numbered pages, the moment of the last change, and
the pages of lists and of records, with previews and redirects from old slugs."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.text import slugify
from django.views.generic import DetailView

from dates.edtf import EDTF, parse
from record import jsonld
from record.proof import is_fact, missing_proof
from record.publishing import Record, RecordQuerySet, viewer
from record.references import FORMATS, Reference, References

NUMBERS = (
    "ninguno uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte"
).split()
BEFORE_NOUNS = {"ninguno": "ningún", "uno": "un"}
NAMES_SHOWN = 12
MOMENTS = ("updated_at", "publish_at")


def in_words(count: int, feminine: bool = False) -> str:
    """«diecisiete»; figures from 21 on."""
    if feminine and count < 2:
        return ("ninguna", "una")[count]
    return NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"


def counted(count: int, singular: str, plural: str = "", feminine: bool = False) -> str:
    """«una anterior», «diecisiete acontecimientos»."""
    number = in_words(count, feminine)
    noun = singular if count < 2 else plural or f"{singular}s"
    return f"{BEFORE_NOUNS.get(number, number)} {noun}"


def listed(records: Iterable[Any]) -> str:
    """«Alfa, Beta y Gama»; «Alfa e Iota»; «catorce organizaciones» for too many."""
    names = list(dict.fromkeys(map(str, records)))
    if len(names) > NAMES_SHOWN:
        return counted(len(names), "organización", "organizaciones", feminine=True)
    *others, last = names
    return f"{', '.join(others)} {joint(last)} {last}" if others else last


def joint(name: str) -> str:
    """The «y» before a name, «e» before the sound of an «i»."""
    return "e" if name.lower().startswith(("i", "í", "hi")) else "y"


def page_of(
    request: HttpRequest, records: QuerySet | list[Any], size: int, count: int | None = None
) -> Page:
    """The page that `?pagina=` requests; pass `count` if it is known. Raises Http404."""
    paginator = Paginator(records, size)
    if count is not None:
        paginator.count = count
    try:
        return paginator.page(request.GET.get("pagina", 1))
    except InvalidPage:
        pages = counted(paginator.num_pages, "página", feminine=True)
        raise Http404(f"Esta lista tiene {pages}.") from None


def last_change(*records: Record | Iterable[Record] | None) -> datetime | None:
    """When the records, or the related records fetched with them, last changed or became public."""
    now, fields = timezone.now(), chain(*(vars(record).items() for record in _fetched(records)))
    moments = (value for name, value in fields if name in MOMENTS and value and value <= now)
    return max(moments, default=None)


def _fetched(values: Iterable[Any]) -> Collection[Model]:
    """The records and rows in nested lists, with those in their fetched foreign keys and in the
    lists set on them."""
    records: dict[int, Model] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Model):
            if id(value) not in records:
                records[id(value)] = value
                waiting += value._state.fields_cache.values()
                waiting += (field for field in vars(value).values() if type(field) is list)
        elif value is not None and not isinstance(value, str):
            waiting += value
    return records.values()


def list_page(
    request: HttpRequest,
    template: str,
    section: tuple[str, str],
    context: dict[str, Any],
    main: jsonld.Node | None = None,
) -> TemplateResponse:
    """The page of a list. `section` is its title and its URL name, `main` its subject as JSON-LD.
    `context` contains `changed`, the moment of the last change, and may contain `quoted`, the
    References to what the list quotes."""
    crumb, changed = (section[0], reverse(section[1])), context["changed"]
    context["linked"] = jsonld.page(
        request, crumb, kind="CollectionPage", changed=changed, main=main
    )
    context["references"] = references(request, section[0], changed, context.get("quoted", ()))
    return TemplateResponse(request, template, context)


def references(
    request: HttpRequest,
    title: str,
    changed: datetime | None,
    quoted: Iterable[Reference] = (),
    url: str = "",
    key: str = "",
) -> References | None:
    """How to cite a page as of its last change, and what it quotes; None without a change. `url` is
    the path of the page, if it is not the requested one."""
    if changed is None:
        return None
    publisher = settings.PUBLISHER or settings.SITE_NAME
    page = Reference(
        key=key or slugify(request.path.replace("/", " ")),
        title=title,
        url=request.build_absolute_uri(url or None),
        site=settings.SITE_NAME if publisher != settings.SITE_NAME else "",
        authors=[publisher],
        issued=_day(timezone.localdate(changed)),
        accessed=_day(timezone.localdate()),
    )
    return References(page, list(quoted))


def _day(day: date) -> EDTF:
    return parse(day.isoformat())


class RecordView(DetailView):
    """The page of a record, and its reference as a file. The page of a public record includes the
    reference and JSON-LD. For these, `get_context_data` returns `changed`, the moment of the last
    change; `main`, the record as JSON-LD; `based_on`, its sources as JSON-LD; `quoted`, the
    References to what it quotes; and `cited_title`, if it is not the name of the record."""

    section: tuple[str, str]
    """The title and the URL name of the list that the record is in."""
    page_kind = "WebPage"
    is_ours = True
    """Whether most of the page is our own text, and not the text of a source."""

    def get_queryset(self) -> RecordQuerySet[Any]:
        records: RecordQuerySet[Any] = self.model.objects.visible_to(viewer(self.request))
        return records

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if kwargs.get("format_name", "bib") not in FORMATS:
            raise Http404("Las citas se descargan como BibTeX (.bib) o CSL-JSON (.json).")
        try:
            response = super().get(request, *args, **kwargs)
        except Http404:
            return self._redirect()
        if not self.object.is_public():
            response["X-Robots-Tag"] = "noindex"
        if viewer(request) or not self.object.is_public():  # staff also see related drafts
            add_never_cache_headers(response)
        return response

    def _redirect(self) -> HttpResponse:
        """Redirects from the old slug of a visible record. Raises Http404."""
        record = self.get_queryset().moved_from(self.kwargs["slug"]).first()
        if record is None:
            raise Http404
        return HttpResponsePermanentRedirect(self.address_of(record))

    def address_of(self, record: Any) -> str:
        """The address of this page, or file, of a record under its present slug."""
        name = self.kwargs.get("format_name")
        file_name = f"cita.{name}" if name else ""
        return f"{record.get_absolute_url()}{file_name}"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        meta = self.object._meta
        name = f"admin:{meta.app_label}_{meta.model_name}_open"
        context["edit"] = reverse(name, args=[self.object.slug])  # alike for all visitors
        if self.object.is_public():
            context["references"] = self._references(context)
            context["linked"] = self._linked(context)
        if "format_name" in self.kwargs:
            return self._file(context.get("references"), self.kwargs["format_name"])
        return super().render_to_response(context, **kwargs)

    def _file(self, cited: References | None, format_name: str) -> HttpResponse:
        if cited is None:
            raise Http404
        text = cited.bibtex if format_name == "bib" else cited.csl
        headers = {
            "Content-Disposition": f'attachment; filename="{cited.page.key}.{format_name}"',
            "X-Robots-Tag": "noindex",  # search engines should find the page
        }
        content_type = f"{FORMATS[format_name]}; charset=utf-8"
        return HttpResponse(text, content_type=content_type, headers=headers)

    def _references(self, context: dict[str, Any]) -> References | None:
        record = self.object
        title = context.get("cited_title", str(record))
        period = getattr(record, "period", None)
        title += f" ({period.when})" if period and period.when else ""
        uncited = missing_proof(record) if is_fact(type(record)) else ""
        return references(
            self.request,
            f"{title} {uncited}".strip(),
            context["changed"],
            context.get("quoted", ()),
            record.get_absolute_url(),
            f"{record._meta.model_name}-{record.slug}",
        )

    def _linked(self, context: dict[str, Any]) -> jsonld.Node:
        title, url_name = self.section
        return jsonld.page(
            self.request,
            (title, reverse(url_name)),
            (str(self.object), self.object.get_absolute_url()),
            kind=self.page_kind,
            changed=context["changed"],
            main=context["main"],
            sources=context.get("based_on", ()),
            is_ours=self.is_ours,
        )
