"""Opens, fills in and sends the forms of the staff."""

from datetime import datetime
from typing import Any

from django.db import models
from django.forms import BaseForm
from django.http import HttpResponse
from django.urls import reverse

from tests import records

QUOTE = "decidieron sumarse"


def address_of(action: str, of: Any) -> str:
    meta = of._meta
    args = [of.pk] if isinstance(of, models.Model) else []
    by_hand = "?a-mano=1" if action == "add" and meta.model_name == "source" else ""
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{action}", args=args) + by_hand


def written(response: HttpResponse) -> dict[str, Any]:
    """The values that the forms of an unchanged page send."""
    data: dict[str, Any] = {}
    context = response.context_data  # `context` mixes pages that threads ask for at once
    forms: list[BaseForm] = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if isinstance(value, datetime) or "publish_at" in field.html_name:
                parts = value if isinstance(value, list) else field.field.widget.decompress(value)
                data |= {f"{field.html_name}_{n}": part or "" for n, part in enumerate(parts)}
            elif value or (isinstance(value, int | str) and value is not False):
                data[field.html_name] = value
    return data


def save(person: Any, address: str, **changes: Any) -> HttpResponse:
    why = {"change_reason": "por probar"}
    return person.post(address, written(person.get(address)) | why | changes)


def confirm(person: Any, address: str, **chosen: Any) -> HttpResponse:
    """Presses the button of the page that shows the effects of an action, with the answers that
    are chosen there; a fact without a quote stands without it."""
    page = person.post(address, chosen)
    assert "No se hizo nada" not in page.text
    sent = answers(page)
    for name in sent:
        field, _of, _fact = name.partition("-")
        sent[name] = chosen.get(field, sent[name])
    return person.post(address, sent | chosen)


def answers(page: HttpResponse) -> dict[str, Any]:
    """What the page that asks before an action sends."""
    context = page.context_data
    sent = {"shown": context.get("tokens", ()), "known": context.get("known", ""), "confirmed": "1"}
    for form in filter(None, (context.get("moment"), context["form"])):
        sent |= {
            field.html_name: field.initial or "alone" for field in form if field.field.required
        }
    return sent | {"change_reason": "por probar"}


def act(person: Any, action: str, record: Any, **chosen: Any) -> HttpResponse:
    """`act(publisher, "publish", event, when="day", day="1 de enero de 2090")`."""
    return confirm(person, address_of(action, record), **chosen)


def problems(response: HttpResponse) -> str:
    assert response.status_code == 200, "it was saved"
    return " ".join(problem["text"] for problem in response.context["problems"])


def draft(make: Any = records.event, **fields: Any) -> Any:
    return make(publish_at=None, **fields)


def quote(record: Any, prefix: str = "citations-0-", **fields: Any) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in ({"exact": QUOTE} | fields).items()}


# Versions, the comparison and the papelera


def page_of(name: str, record: Any, *args: Any) -> str:
    """`page_of("compare", event)`, `page_of("trash", Event())`."""
    meta = record._meta
    address = f"admin:{meta.app_label}_{meta.model_name}_{name}"
    return reverse(address, args=[*([record.pk] if record.pk else []), *args])


def version(record: Any, number: int) -> Any:
    return record.history.order_by("history_id")[number - 1]


def opening(record: Any, number: int) -> str:
    """The address of the form that is filled with a version."""
    return f"{address_of('change', record)}?version={version(record, number).history_id}"


def restore(person: Any, record: Any, number: int, **changes: Any) -> HttpResponse:
    """Opens a version in the form and saves it."""
    return save(person, opening(record, number), **changes)


def from_trash(model: Any, key: int) -> str:
    last = model.history.filter(id=key).order_by("-history_id")[0]
    return f"{address_of('add', model).partition('?')[0]}?from={last.history_id}"


def restore_from_trash(person: Any, model: Any, key: int, **changes: Any) -> HttpResponse:
    return save(person, from_trash(model, key), **changes)
