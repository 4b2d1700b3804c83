"""fixtures/ is built from facts.yaml and the text, and loaded into an empty database."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import models

from dates.edtf import parse
from dates.text import collapse
from exchange.facts import FILES, MODELS, SENTENCES, FactsError, read_facts
from record.proof import is_fact
from sources.models import Citation

FIXTURES = settings.BASE_DIR / "fixtures"
ALL_MODELS = [*MODELS.values(), Citation]
EVENT = ("events", "salida-del-stt")
STATEMENT = ("statements", "que-es-y-quienes-conforman-el-nucleo")
SOURCE = "nucleo-de-sociedad-civil"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("facts.yaml", "nucleo-de-sociedad-civil.txt"):
        shutil.copy(FIXTURES / name, tmp_path)
    return tmp_path


def change(folder: Path, section: str, which: str, **values: object) -> Path:
    """Replaces some fields of one record of facts.yaml."""
    path = folder / "facts.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    next(record for record in data[section] if record["slug"] == which).update(values)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def test_the_committed_fixtures_are_built_from_facts_yaml_without_primary_keys():
    call_command("build_fixtures", check=True)
    for name in FILES:
        rows = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
        assert all("pk" not in row for row in rows)


def test_a_changed_fact_makes_the_check_fail_and_a_wrong_one_writes_nothing(folder):
    call_command("build_fixtures", folder=folder)
    built = {path: path.read_bytes() for path in folder.glob("*.json")}
    assert len(built) == len(FILES)
    change(folder, *EVENT, title="Otro título")
    with pytest.raises(CommandError, match=r"timeline\.json"):
        call_command("build_fixtures", folder=folder, check=True)
    change(folder, *EVENT, start="2017-13")
    with pytest.raises(CommandError):
        call_command("build_fixtures", folder=folder)
    (folder / "facts.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(CommandError, match=r"facts\.yaml"):
        call_command("build_fixtures", folder=folder)
    assert {path: path.read_bytes() for path in folder.glob("*.json")} == built


def test_strict_lists_facts_and_dates_without_a_quote_and_fails(folder, capsys):
    call_command("build_fixtures", folder=folder, strict=True)
    assert "No quote proves" not in capsys.readouterr().out
    about_title = {"exact": "su salida del STT", "field": "title"}
    for citations, lacks in (([about_title], "start"), ([], "record, start")):
        change(folder, *EVENT, citations=citations)
        with pytest.raises(CommandError, match=r"^1 facts lack proof"):
            call_command("build_fixtures", folder=folder, strict=True)
        line = f"No quote proves event {EVENT[1]}: {lacks}\n"
        assert capsys.readouterr().out.count(line) == 1


@pytest.mark.parametrize(
    ("section", "slug", "values", "complaint"),
    [
        (*EVENT, {"convenes": ["no-existe"]}, "'no-existe'; those of the record: nucleo, "),
        (*EVENT, {"convenes": ["nucleo"]}, "'nucleo' is in convenes too"),
        (*EVENT, {"start": "2017-02-30"}, "febrero de 2017 tiene 28 días"),
        (*EVENT, {"start": "2017-05-23", "end": "2016"}, "ends before it starts"),
        (*EVENT, {"citations": [{"exact": "esto no está"}]}, "«esto no está»"),
        (*EVENT, {"citations": [{"exact": "Tercer Plan de Acción"}]}, "stands 4 times"),
        (*EVENT, {"citations": [{"exact": ""}]}, "no quote"),
        (*EVENT, {"citations": [{"field": "title"}]}, "no quote"),
        (*EVENT, {"citations": [{"exact": "su salida del STT", "source": "otra"}]},
         "name under `source` one of the sources: nucleo-de-sociedad-civil"),
        ("sources", SOURCE, {"text_file": "no-existe.txt"}, "No such file"),
        (*STATEMENT, {"body_section": "¿No está?"}, "'¿No está?' is a heading of none"),
        (*EVENT, {"citations": [{"exact": "su salida del STT", "field": "color"}]}, "no field"),
        (*EVENT, {"date_label": "a fines de mayo"}, "date_label: no source that it cites"),
        (*EVENT, {"colour": "red"}, "unknown field 'colour'; its fields: "),
        (*EVENT, {"title": "x" * 10_000}, "title"),
        (*EVENT, {"title": "nulo \0"}, "NUL"),
        (*EVENT, {"slug": "se-crea-el-nucleo"}, "duplicate slug"),
        ("organizations", "fundar", {"website": "javascript:alert(1)"}, ", website"),
        ("representation_terms", "representante-1", {"role": "boss"},
         "Values: representative, co_representative"),
        ("representation_terms", "representante-1",
         {"start": "2016", "end": "[2017-05-23..]"}, "Se traslapa con «"),
    ],
)  # fmt: skip
def test_a_wrong_fact_is_refused_naming_its_place(folder, section, slug, values, complaint):
    path = change(folder, section, slug, **values)
    with pytest.raises(FactsError) as refusal:
        read_facts(path)
    assert complaint in str(refusal.value)
    assert f"{section} '{values.get('slug', slug)}'" in str(refusal.value)


def test_where_several_sources_hold_the_words_the_source_is_named(folder):
    data = yaml.safe_load((folder / "facts.yaml").read_text(encoding="utf-8"))
    data["sources"] += [data["sources"][0] | {"slug": slug} for slug in ("otra", "tercera")]
    path = folder / "facts.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(FactsError) as refusal:
        read_facts(path)
    assert f"one of the sources: {SOURCE}, otra, tercera" in str(refusal.value)
    assert f"is a heading of {SOURCE}, otra, tercera; `source` names" in str(refusal.value)
    for record in (record for section in MODELS for record in data[section]):
        record |= {"source": "otra"} if "body_section" in record else {}
        record["citations"] = [c | {"source": SOURCE} for c in record.get("citations", [])]
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    assert "En agosto de 2011" in read_facts(path).records[MODELS["statements"]][STATEMENT[1]].body


def test_each_sentence_of_the_text_is_listed_with_the_facts_that_rest_on_it(folder, capsys):
    call_command("build_fixtures", folder=folder)
    lines = (folder / SENTENCES).read_text(encoding="utf-8").split("\n> ")
    (convocation,) = (line for line in lines if line.startswith("En agosto de 2011"))
    assert "- membership citivox: start_earliest, end_earliest, note" in convocation
    data = yaml.safe_load((folder / "facts.yaml").read_text(encoding="utf-8"))
    assert all(line.count("\n- ") for line in lines[1:])
    assert "No fact uses" not in capsys.readouterr().out
    for record in (record for section in MODELS for record in data[section]):
        record["citations"] = [
            c for c in record.get("citations", []) if "que únicamente le vende" not in c["exact"]
        ]
    (folder / "facts.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    call_command("build_fixtures", folder=folder)
    assert "No fact uses this sentence" in capsys.readouterr().out


def test_a_quote_of_another_style_is_built_in_the_words_of_its_source(folder, capsys):
    path = folder / "facts.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    quote = next(r for r in data["events"] if r["slug"] == EVENT[1])["citations"][0]
    words, quote["exact"] = quote["exact"], quote["exact"].upper()
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    call_command("build_fixtures", folder=folder)
    name = "citations.json"
    assert (folder / name).read_bytes() == (FIXTURES / name).read_bytes()
    assert f"a quote has other mayúsculas: «{words}»" in capsys.readouterr().out


def rows(model: type[models.Model]) -> list[dict[str, Any]]:
    names = [f.name for f in model._meta.concrete_fields if f.name != "id"]
    related = [f.name for f in model._meta.many_to_many]
    return [
        {name: getattr(row, name) for name in names}
        | {name: sorted(str(other.slug) for other in getattr(row, name).all()) for name in related}
        for row in model.objects.order_by("slug").prefetch_related(*related)
    ]


@pytest.mark.django_db
def test_the_record_is_loaded_with_first_versions_and_only_into_an_empty_database(capsys):
    call_command("load_record")
    for model in ALL_MODELS:
        assert model.history.count() == model.objects.count() > 0
        for record in model.objects.all():
            record.full_clean()
    event = MODELS["events"].objects.get(slug="salida-del-stt")
    version = event.history.get()
    assert version.history_change_reason == "Primera carga"
    assert version.organizations.count() == event.organizations.count() > 0
    loaded = {model: rows(model) for model in ALL_MODELS}
    call_command("loaddata", *FILES, verbosity=0)  # again: each row is found by its slug
    assert {model: rows(model) for model in ALL_MODELS} == loaded
    MODELS["statements"].objects.all().delete()
    call_command("load_record")
    assert "nothing was loaded" in capsys.readouterr().out
    assert not MODELS["statements"].objects.exists()


def test_every_record_but_the_source_is_cited_and_every_bound_of_a_date_too():
    facts = read_facts(FIXTURES / "facts.yaml")
    cited: dict[int, set[str]] = {}
    for citation in facts.citations:
        cited.setdefault(id(citation.record), set()).add(citation.field)
    for model, records in facts.records.items():
        for record in records.values() if is_fact(model) else ():
            assert id(record) in cited, record.slug
            for name in ("start", "end", "date"):
                date, fields = parse(getattr(record, name, "")), cited[id(record)]
                if date.lower:
                    assert fields & {name, f"{name}_earliest"}, (record.slug, name)
                if date.upper:
                    assert fields & {name, f"{name}_latest"}, (record.slug, name)


def test_a_statement_is_the_text_under_its_heading_whole():
    text = collapse((FIXTURES / "nucleo-de-sociedad-civil.txt").read_text(encoding="utf-8"))
    for statement in read_facts(FIXTURES / "facts.yaml").records[MODELS["statements"]].values():
        paragraphs = statement.body.removeprefix("<p>").removesuffix("</p>").split("</p><p>")
        assert f"{collapse(statement.title)} {' '.join(paragraphs)}" in text
