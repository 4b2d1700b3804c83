"""The house keeps its own rules: rooms, words, and what no file may hold."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from zeal import NPlusOneError

from dates.fields import (
    Earliest,
    EDTFField,
    Latest,
    possible_date,
)
from nucleo import urls
from organizations.models import Membership
from tests.records import membership

ROOT = Path(settings.BASE_DIR)
ROOMS = [
    "dates",
    "record",
    "editing",
    "freshness",
    "sources",
    "organizations",
    "timeline",
    "exchange",
    "search",
    "access",
    "nucleo",
]
CODE = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
OURS = [path for path in CODE if "migrations" not in path.parts]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static").rglob("*.js"))


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the room that they come from"
            yield node.module or ""


def test_what_the_security_page_names_is_there():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    files = list((ROOT / "tests").glob("*.py"))
    tests = {file.stem for file in files}
    for file in files:
        tests |= set(re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M))
    for name, goes_on in re.findall(r"`(test_\w+)(…?)`", page):
        assert name in tests or (goes_on and any(t.startswith(name) for t in tests)), name
    for file_name in re.findall(r"`(\w+/[\w/]+\.py)`", page):
        assert (ROOT / file_name).exists(), file_name


def test_readme_tells_each_variable_of_the_environment_once():
    read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "nucleo/settings.py").read_text("utf-8"))
    told = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert sorted(told) == sorted(set(read))
    server = (ROOT / "deploy/nucleo.env").read_text("utf-8")
    assert set(re.findall(r"^([A-Z_]+)=", server, re.M)) <= set(told)


@named(CODE)
def test_imports_run_one_way(path):
    own = ROOMS.index(path.relative_to(ROOT).parts[0])
    for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
        room = module.partition(".")[0]
        if room in ROOMS:
            assert ROOMS.index(room) <= own, f"{ROOMS[own]} imports {module}"
        assert room != "tests"


def test_record_holds_rules_and_no_models():
    assert list(apps.get_app_config("record").get_models()) == []


def test_every_file_is_named_for_what_it_holds():
    vague = {"utils.py", "services.py", "helpers.py", "managers.py"}
    assert [path for path in CODE if path.name in vague] == []


def test_every_date_has_its_generated_bounds_and_its_check():
    dates = 0
    for model in apps.get_models(include_auto_created=True):
        checks = {constraint.name: constraint for constraint in model._meta.constraints}
        for field in model._meta.fields:
            if not isinstance(field, EDTFField) or hasattr(model, "instance_type"):
                continue  # versions were checked when they were records
            dates += 1
            for ending, bound in (("earliest", Earliest), ("latest", Latest)):
                column = model._meta.get_field(f"{field.name}_{ending}")
                assert column.expression == bound(field.name)
            name = possible_date(field.name).name % {
                "app_label": model._meta.app_label,
                "class": model._meta.model_name,
            }
            assert checks[name].condition == possible_date(field.name).condition
    assert dates


def test_one_place_says_what_is_public():
    """And the admin's list, whose filter tells drafts from scheduled and withdrawn records."""
    said = re.compile(r"publish_at(__\w+)?=[^=]|publish_at__")
    places = {str(path.relative_to(ROOT)) for path in OURS if said.search(path.read_text("utf-8"))}
    assert places <= {"record/publishing.py", "editing/filters.py"}


# Pages work under a policy that lets nothing inline run; queries and sums are made in views.
SCRIPT = re.compile(
    r"<script\b(?![^>]*(\bsrc=|type=\"(application/ld\+json|speculationrules)\"))", re.I
)
INLINE = re.compile(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"'{]|javascript:", re.I)
FOREIGN = re.compile(
    r"<(script|link|img|iframe|video|source|use)\b[^>]*(src|href)=\"(https?:)?//", re.I
)


@named(TEMPLATES)
def test_no_template_holds_inline_style_or_script_or_loads_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert not SCRIPT.search(text)
    assert not INLINE.search(text)
    canonical_apart = re.sub(r"<link rel=\"(canonical|alternate|license)\"[^>]*>", "", text)
    assert not FOREIGN.search(canonical_apart)


@cache
def names_of_this_coalition() -> list[str]:
    """Every name of the record that means this coalition's world and nothing else."""
    facts = yaml.safe_load((ROOT / "fixtures" / "facts.yaml").read_text(encoding="utf-8"))
    generic = {"Núcleo", "Alianza"}
    names: set[str] = set()
    for one in facts["organizations"]:
        names |= {one["name"], one.get("short_name", ""), *one.get("other_names", [])}
    return sorted(names - generic - {""})


@named([*OURS, *TEMPLATES, *SCRIPTS])
def test_no_name_of_this_coalition_stands_in_code_or_templates(path):
    text = path.read_text(encoding="utf-8")
    found = [
        name for name in names_of_this_coalition() if re.search(rf"\b{re.escape(name)}\b", text)
    ]
    assert found == []


def runs_of_six(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[n : n + 6]) for n in range(len(words) - 5)}


@named([*OURS, *TEMPLATES, *SCRIPTS])
def test_no_sentence_of_the_source_stands_in_code_or_templates(path):
    """Six of its words in a row are no accident."""
    source = (ROOT / "fixtures" / "nucleo-de-sociedad-civil.txt").read_text(encoding="utf-8")
    assert not runs_of_six(source) & runs_of_six(path.read_text(encoding="utf-8"))


def ask_once_per_row(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(str(one.organization) for one in Membership.objects.all()))


urlpatterns = [path("n-plus-one", ask_once_per_row), *urls.urlpatterns]


@pytest.mark.django_db
@pytest.mark.urls("tests.test_house")
def test_a_page_that_asks_the_database_once_per_row_is_an_error(visitor):
    for _ in range(3):
        membership()
    with pytest.raises(NPlusOneError):
        visitor.get("/n-plus-one")


@pytest.mark.django_db
def test_the_cast_may_do_what_is_said_of_them(reader, editor, publisher, admin):
    may = {"view": [reader, editor, publisher, admin], "add": [editor, publisher, admin],
           "change": [editor, publisher, admin], "delete": [publisher, admin]}  # fmt: skip
    for model in ("sources.source", "organizations.organization", "timeline.event"):
        app, name = model.split(".")
        for action, people in may.items():
            allowed = [
                person
                for person in (reader, editor, publisher, admin)
                if person.user.has_perm(f"{app}.{action}_{name}")
            ]
            assert allowed == people


def test_the_newest_entry_of_the_changelog_is_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## ([\d.]+)", changelog, re.M).group(1) == settings.VERSION


def test_the_requirements_lock_the_versions_that_pyproject_lists():
    lists = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = {f"-{name}": group for name, group in lists["dependency-groups"].items()}
    for name, packages in {"": lists["project"]["dependencies"], **groups}.items():
        locked = (ROOT / f"requirements{name}.txt").read_text("utf-8").splitlines()
        for package in packages:
            if isinstance(package, str):
                pin = re.sub(r"\[.*\]", "", package.lower())
                assert f"{pin} \\" in locked, "run make requirements"
