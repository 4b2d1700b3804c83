"""The page of the reading desk: the sentences of a source, and the panel that makes records of
them. And the undo of a save."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ProtectedError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from desk.forms import admin_of, token_of
from desk.models import FactlessSentence, PendingChange
from desk.panel import Panel
from desk.reading import WINDOW, FactKey, Reading, Selection
from editing.forms import edit_of, link
from editing.snapshots import lock, snapshot_at
from record.history import replace_lists
from record.publishing import may_publish
from record.text import is_key
from sources.models import SUPPORTED, Citation, Source, supported_model

LISTED = 12
SALT, UNDONE_WITHIN = "desk.saved", 3600
UNDONE = "Deshecho: lo que se había guardado ya no está."
CHANGED_SINCE = "Ya no se puede deshacer: pasó más de una hora, o alguien lo cambió después."


class Desk:
    """The context of the page."""

    def __init__(self, request: Any, source: Source, query: QueryDict) -> None:
        self.request, self.source = request, source
        self.panel = Panel(request, source, query)
        self.is_whole = "todo" in query.getlist("texto")
        self.may_write = bool(self.panel.kinds)
        self.chosen = [selection.number for selection in self.panel.selections]
        self.at = self.chosen[-1] if self.chosen else 1
        if is_key(first := query.get("desde", "")):
            self.at = int(first) + WINDOW // 3

    # The text

    @cached_property
    def reading(self) -> Reading:
        return Reading(self.source)

    @cached_property
    def numbers(self) -> range:
        return self.reading.window(self.at)

    @property
    def rows(self) -> Iterator[dict[str, Any]]:
        for number in self.numbers:
            others = [s for s in self.panel.selections if s.number != number]
            added = [] if number in self.chosen else [Selection(number)]
            link = self.panel.query(selections=[*others, *added])
            yield self.reading.row(number) | {"is_chosen": not added, "link": link}

    @property
    def near(self) -> set[int]:
        """The numbers of the paragraphs with a chosen sentence."""
        starts = [self.reading.sentences[number - 1].start for number in self.chosen]
        return {*map(self.reading.passages.block_number, starts)}

    @property
    def before(self) -> str:
        """The address of the sentences before those on the page; empty if there are none."""
        first = self.numbers.start
        return f"{self.address}&desde={max(1, first - WINDOW)}" if first > 1 else ""

    @property
    def after(self) -> str:
        end = self.numbers.stop
        return f"{self.address}&desde={end}" if end <= len(self.reading.sentences) else ""

    @property
    def strip(self) -> Iterator[dict[str, Any]]:
        """A cell for each sentence or, in a long text, for each run of sentences."""
        total = len(self.reading.sentences)
        size = -(-total // WINDOW) or 1
        for first in range(1, total + 1, size):
            run = range(first, min(first + size, total + 1))
            states = [self.reading.states[number - 1] for number in run]
            read = sum(map(bool, states))
            yield {
                "first": first, "last": run[-1], "read": read,
                "state": states[0] if len({*states}) == 1 else "drafted" if read else "",
                "link": self.panel.query([Selection(first)]) if size == 1 else f"desde={first}",
                "is_chosen": not {*run}.isdisjoint(self.chosen),
            }  # fmt: skip

    # The addresses

    @property
    def address(self) -> str:
        return self.panel.query()

    @property
    def let_go(self) -> str:
        return self.panel.query([])

    @property
    def next_unread(self) -> tuple[int, str] | None:
        """The next unread sentence, and the address that chooses it."""
        number = self.reading.next_unread(self.chosen[-1] if self.chosen else 0)
        return (number, self.panel.query([Selection(number)])) if number else None

    # The records

    @property
    def made(self) -> list[tuple[Any, str, int]]:
        """The first facts made of the source, drafts first: the record, its link and the number of
        its quotes."""
        facts = self.reading.facts["drafted"] + self.reading.facts["used"]
        firsts, made = [*facts][: LISTED if self.chosen else WINDOW], dict[FactKey, Any]()
        for name in SUPPORTED:
            keys = [key for kind, key in firsts if kind == name]
            by_key = admin_of(name).get_queryset(self.request).in_bulk(keys) if keys else {}
            made |= {(name, key): record for key, record in by_key.items()}
        return [(made[fact], link(made[fact]), facts[fact]) for fact in firsts if fact in made]

    @property
    def saved(self) -> dict[str, Any] | None:
        """What the save that the address names made; None if it was undone."""
        receipt = self.request.GET.get("guardado", "")
        quotes, lines = read_receipt(receipt, self.request.user)
        records = [record_of(name, key) for name, key, *_tokens in lines]
        if not lines or not all(records):
            return None
        are_held = not all(name for name, *_rest in lines)
        links = [link(record) for record in records]
        return {"links": links, "quotes": quotes, "are_held": are_held, "receipt": receipt}

    @property
    def factless(self) -> str:
        """The digests of the chosen sentences."""
        return " ".join(map(self.reading.digest, dict.fromkeys(self.chosen)))

    def mark_factless(self, digests: list[str]) -> None:
        """Marks these sentences, or takes the mark away if all have it."""
        known = {self.reading.digest(n) for n in range(1, len(self.reading.sentences) + 1)}
        marks = self.source.factless_sentences.filter(digest__in=digests)
        new = known.intersection(digests) - {*marks.values_list("digest", flat=True)}
        if not new:
            marks.delete()
        rows = [FactlessSentence(source=self.source, digest=d, user=self.request.user) for d in new]
        FactlessSentence.objects.bulk_create(rows, ignore_conflicts=True)

    def act(self) -> HttpResponse | None:
        """Does what the button that was pressed asks for; None if the page is to be shown again."""
        request, stays = self.request, self.request.POST.get("save") == "another"
        user, receipt, done = request.user, "", False
        if not self.may_write:
            raise PermissionDenied
        if "undo" in request.POST:
            messages.info(request, undo(request.POST["undo"], user))
            stays = done = True
        elif "factless" in request.POST:
            self.mark_factless(request.POST["factless"].split())
            done = True
        elif lines := self.panel.save() if self.panel.is_bound else []:
            content = [user.pk, len(self.panel.quotes), lines]
            receipt = f"&guardado={signing.dumps(content, salt=SALT, compress=True)}"
            done = True
        if not done:
            return None
        vars(self).pop("reading", None)  # from before the act
        following = self.next_unread
        onward = self.address if stays else following[1] if following else self.let_go
        return redirect(f"{request.path}?{onward}{receipt}")


def desk_view(model_admin: Any, request: Any, object_id: str) -> HttpResponse:
    source = model_admin.get_object(request, unquote(object_id))
    if source is None:
        raise Http404
    if not model_admin.has_view_or_change_permission(request, source):
        raise PermissionDenied
    desk = Desk(request, source, QueryDict(request.POST.get("go", "")) or request.GET)
    if request.method == "POST" and (response := desk.act()):
        return response
    context = model_admin.admin_site.each_context(request) | {
        "desk": desk,
        "panel": desk.panel,
        "reading": desk.reading,
        "review": edit_of(request).review,
        "original": source,
        "title": "Mesa de lectura",
        "subtitle": str(source),
        "opts": model_admin.opts,
        "media": model_admin.media + desk.panel.media,
        "has_delete_permission": model_admin.has_delete_permission(request, source),
        "may_publish": may_publish(request.user),
    }
    status = 409 if edit_of(request).stale else 200
    return TemplateResponse(request, "admin/desk/desk.html", context, status=status)


# The undo of a save


def read_receipt(receipt: str, user: Any) -> tuple[int, list[list[Any]]]:
    """The number of quotes of a save of this user in the last hour, and a line of each record:
    the name of its kind, its key, and its tokens before and after."""
    try:
        key, quotes, lines = signing.loads(receipt, salt=SALT, max_age=UNDONE_WITHIN)
    except signing.BadSignature:
        return 0, []
    return (quotes, lines) if key == user.pk else (0, [])


def record_of(name: str, key: int) -> Any:
    """The record of a line; of a change that is held, whose line has no name, the public record."""
    if name:
        return supported_model(name)._base_manager.filter(pk=key).first()
    pending = PendingChange.objects.filter(pk=key).first()
    return pending and pending.record


def undo(receipt: str, user: Any) -> str:
    """Takes back a save, unless a record was changed since. Returns what to tell the user."""
    try:
        return _undo(receipt, user)
    except ProtectedError:  # another record refers to a new one
        return CHANGED_SINCE


def _undo(receipt: str, user: Any) -> str:
    with transaction.atomic():
        _quotes, lines = read_receipt(receipt, user)
        for name, key, *_tokens in lines:
            if name:
                lock(supported_model(name), [key])
        if not lines or any(token_of(*line[:2]) != line[3] for line in lines):
            return CHANGED_SINCE
        for name, key, before, _after in reversed(lines):
            if not name:
                _let_go(PendingChange.objects.get(pk=key), before)
            elif before:
                _restore(name, key, before, user)
            else:
                record_of(name, key).delete()
    return UNDONE


def _let_go(pending: PendingChange, before: Any) -> None:
    """Takes back what was added to a change that is held: `before`, it held these changes and this
    number of quotes."""
    if not before:
        pending.delete()
        return
    pending.changes, count = before
    pending.quotes = pending.quotes[:count]
    pending.save()


def _restore(name: str, key: int, before: str, user: Any) -> None:
    """Gives a record the fields and lists that it had before, and takes its new citations away."""
    model = supported_model(name)
    past: Any = snapshot_at(before, model, key, admin_of(name).relations())
    kept = [part.pk for part in past.parts if isinstance(part, Citation)]
    Citation.objects.filter(**{name: key}).exclude(pk__in=kept).delete()
    past.record.skip_history_when_saving = True
    past.record.save()
    replace_lists({each: {key: keys} for each, keys in past.lists.items()})
    model.versions.write([key], "~", "Se deshizo lo guardado en la mesa", user.pk)
