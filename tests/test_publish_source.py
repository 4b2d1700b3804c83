"""One act publishes a source and its facts, with their proof, or nothing."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from desk.changes import change_of, changes_of, conflicts, hold, withdraw
from desk.models import PendingChange, PublicationReceipt
from tests import records
from tests.markup import words
from tests.staff import address_of, answers, confirm, save
from tests.test_editing import again
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
QUOTE = {"exact": "decidieron sumarse", "field": "start"}


def hidden_source(**fields: Any) -> Any:
    return records.source(title="El comunicado", **{"publish_at": None} | fields)


# Changes of public records


def test_a_change_of_a_public_record_waits_and_grows_by_the_next(editor: Any) -> None:
    source, event = hidden_source(), records.event(start="2012", location="Lima")
    beta = records.organization()
    held = hold(source, event, {"start": "2012-05"}, [QUOTE], editor.user)
    more = {"location": "Quito", "is_named": [beta], "category": records.category("relevo")}
    again_held = hold(source, event, more, [QUOTE | {"exact": "decidieron  sumarse"}], editor.user)
    assert held == again_held == PendingChange.objects.get()
    stored = changes_of(event).get()
    assert stored.changes["start"] == ["2012", "2012-05"]
    assert stored.changes["location"] == ["Lima", "Quito"]
    assert stored.changes["is_named"] == [[], [beta.pk]]
    assert [quote["exact"] for quote in stored.quotes] == ["decidieron sumarse"]
    assert (again(event).start, event.citations.count()) == ("2012", 0)
    hold(source, event, {"start": "2012", "location": "Lima"}, [], editor.user)
    assert changes_of(event).get().changes.keys() == {"is_named", "category"}


def test_a_change_that_the_record_does_not_allow_is_refused_at_once(editor: Any) -> None:
    source, event = hidden_source(), records.event(start="2012", end="2013")
    for changes, quote, field in (
        ({"end": "2011"}, QUOTE, "end"),
        ({"start": "2012-13"}, QUOTE, "start"),
        ({"title": ""}, QUOTE, "title"),
        ({"date_label": "a finales de año"}, QUOTE, "date_label"),
        ({}, {"exact": "no lo dice nadie"}, "exact"),
        ({}, QUOTE | {"field": "no_such_field"}, "field"),
        ({"convenes": [organization := records.organization()], "is_named": [organization]},
         QUOTE, "is_named"),
        ({"title": event.title}, None, "__all__"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as refused:
            hold(source, event, changes, [quote] if quote else [], editor.user)
        assert field in getattr(refused.value, "error_dict", {"__all__": ""})
    assert not PendingChange.objects.exists()


def test_who_may_not_write_drafts_holds_no_change(reader: Any, editor: Any, publisher: Any) -> None:
    source, event = hidden_source(), records.event()
    with pytest.raises(PermissionDenied):
        hold(source, event, {"title": "Otro"}, [], reader.user)
    held = hold(source, event, {"title": "Otro"}, [], publisher.user)
    with pytest.raises(PermissionDenied):
        withdraw(held, editor.user)
    withdraw(held, publisher.user)
    assert not changes_of(event).exists()


def test_a_change_is_saved_as_one_version_unless_its_field_changed_meanwhile(
    editor: Any, publisher: Any
) -> None:
    source, event, beta = hidden_source(), records.event(start="2012"), records.organization()
    held = hold(source, event, {"start": "2012-05", "convenes": [beta]}, [QUOTE], editor.user)
    change_of(held).save(publisher.user, "sale la fuente", timezone.now())
    stored, version = again(event), event.history.first()
    assert (stored.start, [*stored.organizations.all()]) == ("2012-05", [beta])
    assert (version.history_change_reason, version.history_user) == (
        "sale la fuente", publisher.user,
    )  # fmt: skip
    assert event.history.count() == 2
    assert event.citations.get().history.get().history_user == publisher.user
    assert conflicts(held) == []
    records.by_save(stored, start="2011")
    assert conflicts(held) == ["inicio"]
    with pytest.raises(ValidationError, match="inicio"):
        change_of(held)


def test_a_membership_takes_what_it_replaces_from_the_change(editor: Any) -> None:
    beta = records.organization()
    member = records.membership(start="2015")
    held = hold(hidden_source(), member, {"replaces": [beta]}, [], editor.user)
    change_of(held).save(editor.user, "", timezone.now())
    assert [*again(member).replaces.all()] == [beta]
    with pytest.raises(ValidationError, match="a sí misma"):
        hold(hidden_source(), member, {"replaces": [member.organization]}, [], editor.user)


# The page and its act


def page_of(source: Any) -> str:
    return address_of("publish_all", source)


def items(page: Any) -> dict[str, Any]:
    """The items of the page by the name of their tick."""
    return {item.name: item for item in page.context["batch"].items}


def publish(person: Any, source: Any, *without: str, **chosen: Any) -> Any:
    """Presses the button with all ticks but these."""
    ticks = [n for n, i in items(person.get(page_of(source))).items() if i.is_ticked]
    ticked = [name for name in ticks if name not in without]
    return confirm(person, page_of(source), **{"item": ticked} | chosen)


def communique(**fields: Any) -> tuple[Any, Any, Any, Any]:
    """A draft source with the drafts of an organization, its event and its statement."""
    source = hidden_source(**fields)
    drafts = [
        records.organization(name="La nueva", publish_at=None),
        records.event(title="La convocatoria", start="2012-05", publish_at=None),
        records.statement(title="La salida", publish_at=None),
    ]
    for draft in drafts:
        records.citation(draft, source=source)
    return source, *drafts


def test_all_that_a_source_gave_is_published_in_one_act(publisher: Any, visitor: Any) -> None:
    source, *drafts = communique()
    held = hold(source, public := records.event(start="2012"), {"location": "Lima"}, [QUOTE],
                publisher.user)  # fmt: skip
    page = publisher.get(page_of(source))
    title = "Publicar esta fuente, 3 borradores y 1 cambio"
    for text in (title, "Publicar los 5", drafts[1].get_absolute_url(), "Lugar:"):
        assert text in page.text
    done = publish(publisher, source)
    assert done.status_code == 302
    assert [again(record).is_public() for record in (source, *drafts)] == [True] * 4
    assert (again(public).location, public.citations.count()) == ("Lima", 1)
    assert not PendingChange.objects.filter(pk=held.pk).exists()
    reasons = {record.history.first().history_change_reason for record in (source, *drafts, public)}
    assert reasons == {"por probar"}
    assert visitor.get(drafts[1].get_absolute_url()).status_code == 200
    assert "publicó acontecimiento" in publisher.get("/admin/bitacora/?tipo=publicaciones").text
    assert done["Location"] in publisher.get(address_of("history", source)).text


def test_the_act_is_whole_or_nothing(publisher: Any, monkeypatch: Any) -> None:
    source, *drafts = communique()
    event = records.event(start="2012")
    hold(source, event, {"location": "Lima"}, [QUOTE], publisher.user)

    def fail(**fields: Any) -> None:
        raise RuntimeError("the last write")

    monkeypatch.setattr(PublicationReceipt.objects, "create", fail)
    with pytest.raises(RuntimeError, match="the last write"):
        publish(publisher, source)
    assert all(again(record).is_draft() for record in (source, *drafts))
    assert (again(event).location, event.citations.count(), changes_of(event).count()) == ("", 0, 1)
    assert event.history.count() == drafts[0].history.count() == 1


def test_nothing_is_done_if_something_changed_after_the_page(publisher: Any, editor: Any) -> None:
    source, organization, event, _statement = communique()
    public = records.event(start="2012")
    for change in (
        lambda: save(editor, address_of("change", event), title="Otro título"),
        lambda: records.citation(records.event(publish_at=None), source=source),
        lambda: hold(source, public, {"location": "Lima"}, [], editor.user),
        lambda: hold(source, public, {"location": "Quito"}, [], editor.user),
        lambda: records.by_save(public, title="Otro"),
    ):
        page = publisher.get(page_of(source))
        sent = answers(page) | {"item": [*items(page)]}
        change()
        refused = publisher.post(page_of(source), sent)
        assert refused.status_code == 409
        assert "No se hizo nada: cambió algo" in refused.text
        assert again(source).is_draft()
        assert again(organization).is_draft()


def test_only_who_may_publish_does_it_and_others_see_whom_to_ask(
    reader: Any, editor: Any, publisher: Any, visitor: Any
) -> None:
    source, *_drafts = communique()
    sent = answers(publisher.get(page_of(source)))
    for person in (reader, editor):
        page = person.get(page_of(source))
        assert "Pídalo a publisher" in page.text
        assert "Publicar los" not in page.text
        assert "quite" not in page.text.lower()
        assert person.post(page_of(source), sent).status_code == 403
    assert visitor.get(page_of(source)).status_code == 302
    assert visitor.get(source.get_absolute_url()).status_code == 404
    assert again(source).is_draft()


def test_what_is_unticked_stays_a_draft_and_the_source_goes_with_the_rest(publisher: Any) -> None:
    source, organization, event, statement = communique()
    publish(publisher, source, f"event-{event.pk}", f"statement-{statement.pk}")
    drafts = [each for each in (source, organization, event, statement) if again(each).is_draft()]
    assert drafts == [event, statement]
    page = publisher.get(page_of(source))
    assert items(page).keys() == {f"event-{event.pk}", f"statement-{statement.pk}"}
    nothing = publisher.post(page_of(source), answers(page))
    assert nothing.status_code == 422
    assert "Marque algo" in nothing.text


def test_a_field_that_no_quote_proves_has_three_ways_out(publisher: Any) -> None:
    source = hidden_source()
    events = [records.event(start="2012-05", publish_at=None) for _ in range(2)]
    for event in events:
        records.citation(event, source=source, field="title")
    page = publisher.get(page_of(source))
    assert page.text.count("inicio (mayo de 2012)") >= 2
    assert page.text.count(">Dejarlo vacío<") == page.text.count(">Publicarlo así<") == 2
    assert f"hecho=existente&amp;registro=event-{events[0].pk}" in page.text
    assert "2</dd>" in page.text.split("datos sin cita")[1][:20]
    publish(publisher, source, **{f"unproven-event-{events[1].pk}-start": "alone"})
    assert [again(event).start for event in events] == ["", "2012-05"]


def test_a_change_that_the_record_outran_is_named_and_waits(publisher: Any) -> None:
    source, *_drafts = communique()
    event = records.event(title="Lo público", start="2012")
    held = hold(source, event, {"start": "2012-05"}, [QUOTE], publisher.user)
    records.by_save(event, start="2011")
    page = publisher.get(page_of(source))
    assert "Otra persona cambió después «inicio»." in page.text
    assert not items(page)[f"change-{held.pk}"].is_ticked
    sent = answers(page) | {"item": [*items(page)]}
    refused = publisher.post(page_of(source), sent)
    assert refused.status_code == 422
    assert "«Lo público»: Otra persona cambió después «inicio»" in refused.text
    publish(publisher, source)
    assert (again(event).start, changes_of(event).count()) == ("2011", 1)
    form = publisher.get(address_of("change", event))
    assert "Hay un cambio por publicar, de la fuente" in form.text
    assert page_of(source) in form.text
    assert publisher.post(page_of(source), {"withdraw": held.pk}).status_code == 302
    assert not changes_of(event).exists()


def test_a_change_needs_a_reason_and_does_not_wait_for_a_day(publisher: Any) -> None:
    source, organization, *_others = communique()
    held = hold(source, records.event(), {"location": "Lima"}, [QUOTE], publisher.user)
    later = {"when": "day", "day": "1 de enero de 2090"}
    refused = publish(publisher, source, **later)
    assert refused.status_code == 422
    assert "no se programa" in refused.text
    assert publish(publisher, source, change_reason="").status_code == 422
    publish(publisher, source, f"change-{held.pk}", change_reason="", **later)
    assert again(organization).publish_at == again(source).publish_at
    assert again(source).state == "scheduled"


def test_two_hundred_go_in_one_act_and_the_others_in_the_next(publisher: Any) -> None:
    source = hidden_source()
    event = records.event(slug="first", publish_at=None)
    Event.objects.bulk_create(
        [Event(slug=f"e-{n}", title=f"E {n}", category=event.category) for n in range(210)]
    )
    for one in Event.objects.filter(publish_at=None):
        records.citation(one, source=source)
    page = publisher.get(page_of(source))
    assert "quedan 12 para después" in page.text
    publish(publisher, source)
    assert Event.objects.filter(publish_at=None).count() == 12
    publish(publisher, source)
    assert not Event.objects.filter(publish_at=None).exists()


# The undo


def test_a_publication_is_undone_but_for_what_changed_since(publisher: Any, editor: Any) -> None:
    source, organization, event, statement = communique()
    public = records.event(start="2012")
    hold(source, public, {"start": "2012-05"}, [QUOTE], editor.user)
    receipt = publish(publisher, source)["Location"]
    assert "Deshacer en 5 registros" in publisher.get(receipt).text
    assert editor.post(receipt).status_code == 403
    publisher.post(receipt)
    assert all(again(record).is_draft() for record in (source, organization, event, statement))
    assert (again(public).start, public.citations.count()) == ("2012", 0)
    held = changes_of(public).get()
    assert (held.changes, held.user) == ({"start": ["2012", "2012-05"]}, editor.user)
    assert publisher.post(receipt, follow=True).text.count("ya se había deshecho") == 1

    receipt = publish(publisher, source)["Location"]
    save(publisher, address_of("change", event), title="Otro título")
    page = publisher.get(receipt)
    assert "Deshacer en 4 registros" in page.text
    assert "publisher lo cambió después" in words(page)
    undone = publisher.post(receipt, follow=True)
    assert [again(record).is_public() for record in (source, organization, event, statement)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert "Se deshizo en 3 registros." in undone.text
    assert "otros hechos públicos lo necesitan" in undone.text
    assert again(public).start == "2012"


def test_the_front_page_and_the_list_of_sources_lead_to_the_desk(publisher: Any) -> None:
    source, *_drafts = communique()
    hold(source, records.event(), {"location": "Lima"}, [QUOTE], publisher.user)
    front = publisher.get("/admin/")
    assert "Seguir leyendo: oración 3 de" in front.text
    assert address_of("desk", source) in front.text
    fact = "borradores y cambios de «El comunicado»"
    (notice,) = (notice for notice in front.context["notices"] if notice.fact == fact)
    assert (notice.count, notice.url) == (4, page_of(source))
    listed = publisher.get(address_of("changelist", type(source)))
    assert f'href="{address_of("desk", source)}"' in listed.text


def test_a_membership_and_the_draft_organization_that_it_needs_go_together(publisher: Any) -> None:
    source, needed = hidden_source(), records.organization(name="La necesaria", publish_at=None)
    member = records.membership(organization=needed, publish_at=None)
    late = records.membership(
        organization=records.organization(name="La retirada", unpublish_at=records.YESTERDAY),
        publish_at=None,
    )
    for membership in (member, late):
        records.citation(membership, source=source)
    heir = records.membership(organization=records.organization(name="La heredera"))
    hold(source, heir, {"replaces": [needed]}, [QUOTE | {"field": "replaces"}], publisher.user)
    page = publisher.get(page_of(source))
    assert "La necesaria" in page.text
    assert "No se vería sin «La retirada»" in page.text
    needs = f"organization-{needed.pk}"
    refused = publish(publisher, source, needs)
    assert refused.status_code == 422
    assert refused.text.count("»: No se vería sin «La necesaria»") == 2
    publish(publisher, source)
    states = [again(record).state for record in (needed, member, late)]
    assert states == ["public", "public", "draft"]
