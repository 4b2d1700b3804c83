"""Every write of a record updates the index, which holds no draft."""

from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction

from exchange.formats import read_dataset
from exchange.imports import run_import, undo_import
from exchange.models import Receipt
from organizations.models import Organization
from search.index import differences, rebuild
from search.models import Entry
from tests.records import (
    FAR_OFF,
    LONG_AGO,
    WAYS,
    by_raw_sql,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from tests.test_search import slugs
from timeline.models import Event

pytestmark = pytest.mark.django_db
KEEPING = [way for way in WAYS if way is not by_raw_sql]


def is_held(word: str) -> bool:
    """Whether the index has the word, public or not."""
    return Entry.objects.filter(text__contains=word).exists()


# Writes


@pytest.mark.parametrize("way", KEEPING)
def test_every_way_of_writing_a_record_updates_the_index(way):
    record, other = event(title="Ornitorrinco"), event(title="Ornitorrinco")
    way(record, title="Girafa")
    assert slugs("girafa")
    assert differences() == 0
    way(record, publish_at=None)
    way(other, publish_at=FAR_OFF)
    assert differences() == 0
    assert not Entry.objects.exclude(key__in=Event.objects.exclude(publish_at=None)).exists()


def test_raw_sql_withdraws_at_once_though_no_index_hears_it():
    by_raw_sql(event(title="Girafa"), publish_at=None)
    assert slugs("girafa") == []
    assert is_held("giraf")
    rebuild()
    assert not is_held("giraf")


def test_a_draft_is_not_in_the_index_and_comes_in_when_its_moment_is_set():
    draft = event(title="Girafa", publish_at=None)
    for moment in (None, FAR_OFF, None):
        draft.publish_at = moment
        draft.save()
        assert is_held("giraf") is bool(moment)
        assert slugs("girafa") == []


def test_a_note_goes_with_its_organization():
    who = organization(publish_at=None)
    membership(organization=who, note="Girafa")
    term(organization=who, note="Girafa")
    assert not is_held("giraf")
    who.publish_at = LONG_AGO
    who.save()
    assert len(slugs("girafa")) == 2
    Organization.objects.update(publish_at=None)
    assert not is_held("giraf")


def test_what_is_deleted_is_gone():
    for make_record in (source, organization, event, statement):
        title = {"name" if make_record is organization else "title": "Girafa"}
        record, other = make_record(**title), make_record(**title)
        record.delete()
        assert len(slugs("girafa")) == 1
        type(other).objects.filter(pk=other.pk).delete()
        assert not is_held("giraf")


def test_new_other_names_slug_and_text_are_found_and_old_ones_are_not():
    who = organization(slug="antes", name="Casa", other_names="Ornitorrinco")
    who.other_names, who.slug = "Girafa", "despues"
    who.save()
    assert (slugs("girafa"), slugs("ornitorrinco")) == (["despues"], [])
    here = source(text="Un ornitorrinco dijo algo.")
    here.text = "Una girafa azul dijo algo."
    here.save()
    assert (slugs("girafa azul"), slugs("ornitorrinco")) == ([here.slug], [])


def test_an_import_is_found_and_its_undoing_too():
    admin = User.objects.create_superuser("admin")
    event(slug="viejo", title="Ornitorrinco")
    rows = ["identificador,titulo,categoria,se_publica"]
    rows += [f"{slug},Girafa,acuerdo,2020-01-01 00:00" for slug in ("viejo", "nuevo")]
    sheet = BytesIO("\n".join([*rows, "oculto,Girafa,acuerdo,"]).encode())
    receipt = Receipt(resource="eventos", file_name="hoja.csv", user=admin)
    run_import(receipt, read_dataset(sheet, 1000))
    assert (slugs("girafa"), slugs("ornitorrinco")) == (["nuevo", "viejo"], [])
    assert Entry.objects.count() == 2
    undo_import(receipt, admin)
    assert (slugs("girafa"), slugs("ornitorrinco")) == ([], ["viejo"])
    assert differences() == 0


def test_what_is_rolled_back_is_not_in_the_index():
    with transaction.atomic():
        event(title="Girafa")
        transaction.set_rollback(True)
    assert not is_held("giraf")


# The whole index


def test_the_index_is_rebuilt_from_the_record_and_nothing_else(capsys):
    kept, gone = event(slug="uno", title="Girafa"), event(title="Ornitorrinco")
    citation(kept, source=source())
    Entry.objects.filter(key=kept.pk, kind="e").update(text=" nada | | | ")
    fields: dict[str, Any] = dict.fromkeys(("title_end", "names_end", "summary_end"), 1)
    Entry.objects.create(kind="e", key=10**6, slug="x", text=" x ", **fields)
    by_raw_sql(gone, title="Azul")
    assert differences() == 5  # two entries that are out of date, and one without a record
    with pytest.raises(SystemExit):
        call_command("rebuild_search", check=True)
    assert "differs" in capsys.readouterr().out
    call_command("rebuild_search")
    call_command("rebuild_search", check=True)
    assert (slugs("girafa"), slugs("azul"), slugs("ornitorrinco")) == (["uno"], [gone.slug], [])
    assert slugs("nada") == []


def test_only_an_empty_index_is_filled_when_so_asked():
    record = event(title="Girafa")
    Entry.objects.all().delete()
    call_command("rebuild_search", if_empty=True, verbosity=0)
    assert slugs("girafa") == [record.slug]
    by_raw_sql(record, title="Azul")
    call_command("rebuild_search", if_empty=True)
    assert slugs("girafa") == [record.slug]


def test_the_databases_own_index_of_words_is_kept_by_it():
    """On SQLite by triggers, which a migration that rebuilds the table would drop."""
    for n in range(5):
        event(title=f"Girafa {n}")
    Event.objects.filter(title__endswith="1").delete()
    Event.objects.filter(title__endswith="2").update(title="Azul")
    assert len(slugs("girafa")) == 3
    if connection.vendor == "sqlite":
        check = "INSERT INTO search_words(search_words, rank) VALUES ('integrity-check', 1)"
        with connection.cursor() as cursor:
            cursor.execute(check)


def test_a_save_costs_few_queries_more(django_assert_max_num_queries):
    record = event(title="Girafa")
    with django_assert_max_num_queries(9):
        record.save()
