"""The first record: built from facts.yaml and the text, loaded once, the same every time."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import models

from exchange.facts import FILES, KINDS, FactsError, read_facts
from record.dates import parse
from record.text import collapse
from sources.models import Citation

FIXTURES = settings.BASE_DIR / "fixtures"
ALL_MODELS = [*KINDS.values(), Citation]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("facts.yaml", "nucleo-de-sociedad-civil.txt"):
        shutil.copy(FIXTURES / name, tmp_path)
    return tmp_path


def changed(folder: Path, section: str, which: str, **values: object) -> Path:
    """facts.yaml with some fields of one record replaced."""
    path = folder / "facts.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    next(record for record in data[section] if record["slug"] == which).update(values)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def problems(path: Path) -> str:
    with pytest.raises(FactsError) as caught:
        read_facts(path)
    return str(caught.value)


def test_the_committed_fixtures_are_what_facts_yaml_says() -> None:
    call_command("build_fixtures", check=True)


def test_a_changed_fact_makes_the_check_fail(folder: Path) -> None:
    call_command("build_fixtures", folder=folder)
    changed(folder, "events", "salida-del-stt", title="Otro título")
    with pytest.raises(CommandError, match=r"timeline\.json"):
        call_command("build_fixtures", folder=folder, check=True)


def test_fixtures_are_built_the_same_twice_without_primary_keys(folder: Path) -> None:
    first, second = (read_facts(folder / "facts.yaml").fixtures() for _ in range(2))
    assert first == second
    for text in first.values():
        assert all("pk" not in row for row in json.loads(text))


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"organizations": ["no-existe"]}, "unknown organization 'no-existe'"),
        ({"start": "2017-02-30"}, "febrero de 2017 tiene 28 días"),
        ({"start": "2017-05-23", "end": "2016"}, "ends before it starts"),
        ({"citations": [{"exact": "esto no está en el texto"}]}, "«esto no está en el texto»"),
        ({"citations": [{"exact": "Tercer Plan de Acción"}]}, "stands 4 times"),
        ({"citations": [{"exact": ""}]}, "no quote"),
        ({"citations": [{"field": "title"}]}, "no quote"),
        ({"citations": [{"exact": "su salida del STT", "field": "color"}]}, "'color' is no field"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"title": "x" * 10_000}, "title"),
        ({"title": "nulo \0"}, "NUL"),
    ],
)
def test_a_wrong_fact_is_refused_naming_its_place(
    folder: Path, values: dict, complaint: str
) -> None:
    message = problems(changed(folder, "events", "salida-del-stt", **values))
    assert complaint in message
    assert "events 'salida-del-stt'" in message


def test_a_duplicate_slug_is_refused(folder: Path) -> None:
    assert "duplicate slug" in problems(
        changed(folder, "events", "se-crea-el-nucleo", slug="salida-del-stt")
    )


def test_an_address_that_runs_is_refused(folder: Path) -> None:
    message = problems(changed(folder, "organizations", "fundar", website="javascript:alert(1)"))
    assert "organizations 'fundar', website" in message


def test_certainly_overlapping_terms_are_refused(folder: Path) -> None:
    path = changed(
        folder, "representation_terms", "representante-1", start="2016", end="[2017-05-23..]"
    )
    assert "overlaps" in problems(path)


def test_a_file_that_is_no_yaml_is_refused(folder: Path) -> None:
    (folder / "facts.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(CommandError, match=r"facts\.yaml"):
        call_command("build_fixtures", folder=folder)


def test_nothing_is_written_when_something_is_wrong(folder: Path) -> None:
    changed(folder, "events", "salida-del-stt", start="2017-13")
    with pytest.raises(CommandError):
        call_command("build_fixtures", folder=folder)
    assert not list(folder.glob("*.json"))


def rows(model: type[models.Model]) -> list[dict]:
    names = [f.name for f in model._meta.concrete_fields if f.name != "id"]
    related = [f.name for f in model._meta.many_to_many]
    return [
        {name: getattr(row, name) for name in names}
        | {name: sorted(str(other.slug) for other in getattr(row, name).all()) for name in related}
        for row in model.objects.order_by("slug").prefetch_related(*related)
    ]


@pytest.mark.django_db
def test_loading_the_fixtures_twice_gives_the_same_rows() -> None:
    call_command("loaddata", *FILES, verbosity=0)
    first = {model: rows(model) for model in ALL_MODELS}
    call_command("loaddata", *FILES, verbosity=0)
    assert {model: rows(model) for model in ALL_MODELS} == first
    assert all(first.values())


@pytest.mark.django_db
def test_the_record_is_loaded_with_first_versions_and_only_into_an_empty_database(
    capsys: pytest.CaptureFixture,
) -> None:
    call_command("load_record")
    for model in ALL_MODELS:
        assert model.history.count() == model.objects.count()
    event = KINDS["events"].objects.get(slug="salida-del-stt")
    version = event.history.get()
    assert version.history_change_reason == "Primera carga"
    assert version.organizations.count() == event.organizations.count() > 0
    KINDS["statements"].objects.all().delete()
    call_command("load_record")
    assert "nothing was loaded" in capsys.readouterr().out
    assert not KINDS["statements"].objects.exists()


@pytest.mark.django_db
def test_everything_loaded_stands_up_to_its_own_rules() -> None:
    call_command("load_record")
    for model in ALL_MODELS:
        for record in model.objects.all():
            record.full_clean()


def test_every_record_but_the_source_is_cited_and_every_bound_of_a_date_too() -> None:
    facts = read_facts(FIXTURES / "facts.yaml")
    cited: dict[int, set[str]] = {}
    for citation in facts.citations:
        cited.setdefault(id(citation.record), set()).add(citation.field)
    for model, records in facts.records.items():
        for record in records.values() if model is not KINDS["sources"] else ():
            assert id(record) in cited, record.slug
            for name in ("start", "end", "date"):
                date = parse(getattr(record, name, ""))
                supported = cited[id(record)]
                if date.lower:
                    assert supported & {name, f"{name}_earliest"}, (record.slug, name)
                if date.upper:
                    assert supported & {name, f"{name}_latest"}, (record.slug, name)


def test_a_statement_is_the_text_under_its_heading_whole() -> None:
    text = collapse((FIXTURES / "nucleo-de-sociedad-civil.txt").read_text(encoding="utf-8"))
    for statement in read_facts(FIXTURES / "facts.yaml").records[KINDS["statements"]].values():
        paragraphs = statement.body.removeprefix("<p>").removesuffix("</p>").split("</p><p>")
        assert f"{collapse(statement.title)} {' '.join(paragraphs)}" in text
