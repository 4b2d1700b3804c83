"""The rules of the house: rooms, words, and things that no file may hold."""

import ast
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from zeal import NPlusOneError

from dates.fields import Earliest, EDTFField, Latest, possible_date
from nucleo import urls
from organizations.models import Membership
from tests import oracle
from tests.records import membership

ROOT = Path(settings.BASE_DIR)
ROOMS = (
    "dates record editing freshness texts sources organizations timeline desk sharing exchange "
    "search access nucleo"
).split()


def texts(*folders: str, pattern: str) -> dict[str, str]:
    """The files of these folders, by their paths in the repository."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob(pattern))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


CODE = texts(*ROOMS, pattern="*.py")
OURS = {name: text for name, text in CODE.items() if "/migrations/" not in name}
TEMPLATES = texts("templates", pattern="*.html")
SHIPPED = OURS | TEMPLATES | texts("static", pattern="*.js")


def imports_of(text: str) -> Iterator[str]:
    """Modules, and the names that are imported from them, which may be modules too."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the room that they come from"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_run_one_way_between_rooms_and_without_circles_inside_a_room():
    modules = {name.removesuffix(".py").replace("/", "."): name for name in CODE}
    graph = {}
    for module, name in modules.items():
        room, imported = module.partition(".")[0], {*imports_of(CODE[name])}
        for other in imported:
            its_room = other.partition(".")[0]
            assert its_room != "tests", name
            if its_room in ROOMS:
                assert ROOMS.index(its_room) <= ROOMS.index(room), f"{name} imports {other}"
        graph[module] = imported & set(modules)
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_modules_of_a_room_are_few_and_named_for_their_contents():
    vague = {"utils.py", "services.py", "helpers.py", "managers.py"}
    assert [name for name in CODE if Path(name).name in vague] == []
    assert [name for name, text in CODE.items() if text.count("\n") > 400] == []
    modules = Counter(
        Path(n).parent.name for n in CODE if n.count("/") == 1 and "__init__" not in n
    )
    assert max(modules.values()) <= 12, modules
    assert list(apps.get_app_config("record").get_models()) == []  # rules without tables


def test_a_name_stands_for_one_thing_and_a_docstring_says_more_than_its_name():
    classes: list[str] = []
    for name, text in OURS.items():
        classes += re.findall(r"^(?:class )?([A-Z][a-z]\w+)(?:\(| = |:$)", text, re.M)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                lines = node.end_lineno - node.lineno
                assert lines < 40 or isinstance(node, ast.ClassDef), f"{name}: {node.name}"
                words = {*re.findall(r"\w+", (ast.get_docstring(node) or "none").lower())}
                repeated = {*re.findall("[a-z]+", re.sub("([A-Z])", r"_\1", node.name).lower())}
                assert words - repeated - {"a", "an", "of", "the"}, f"{name}: {node.name}"
    assert {c for c, times in Counter(classes).items() if times > 1} <= {"Command"}


def test_the_security_page_names_tests_and_files_that_exist():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tests: set[str] = set()
    for name, text in texts("tests", pattern="*.py").items():
        tests |= {Path(name).stem, *re.findall(r"^def (test_\w+)", text, re.M)}
    for name, goes_on in re.findall(r"`(test_\w+)(…?)`", page):
        assert name in tests or (goes_on and any(t.startswith(name) for t in tests)), name
    for file_name in re.findall(r"`(\w+/[\w/]+\.py)`", page):
        assert (ROOT / file_name).exists(), file_name


def test_operations_documents_each_variable_of_the_environment_once():
    variables = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', CODE["nucleo/settings.py"])
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    documented = re.findall(r"^\| `([A-Z_]+)` \|", page, re.M)
    assert sorted(documented) == sorted(set(variables))
    server = (ROOT / "deploy/nucleo.env").read_text("utf-8")
    assert set(re.findall(r"^([A-Z_]+)=", server, re.M)) <= set(documented)


def test_every_date_has_its_generated_bounds_and_its_check():
    dates = [
        (model, field)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.fields
        # Versions were checked when they were records.
        if isinstance(field, EDTFField) and not hasattr(model, "instance_type")
    ]
    assert dates
    for model, field in dates:
        for ending, bound in (("earliest", Earliest), ("latest", Latest)):
            column = model._meta.get_field(f"{field.name}_{ending}")
            assert column.expression == bound(field.name)
        check, meta = possible_date(field.name), model._meta
        name = check.name % {"app_label": meta.app_label, "class": meta.model_name}
        (constraint,) = (rule for rule in meta.constraints if rule.name == name)
        assert constraint.condition == check.condition


def test_one_place_says_what_is_public():
    """And the filter of the lists of the admin, which tells drafts from withdrawn records."""
    condition = re.compile(r"publish_at(__\w+)?=[^=]|publish_at__")
    places = {name for name, text in OURS.items() if condition.search(text)}
    assert places <= {"record/publishing.py", "editing/filters.py"}


# Pages work under a policy that lets nothing inline run; views make the queries and the sums.
SCRIPT = re.compile(
    r"<script\b(?![^>]*(\bsrc=|type=\"(application/ld\+json|speculationrules)\"))", re.I
)
INLINE = re.compile(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"'{]|javascript:", re.I)
FOREIGN = re.compile(
    r"<(script|link|img|iframe|video|source|use)\b[^>]*(src|href)=\"(https?:)?//", re.I
)
LINK = re.compile(r"<link rel=\"(canonical|alternate|license)\"[^>]*>")


def test_no_template_holds_inline_style_or_script_or_loads_from_elsewhere():
    assert TEMPLATES
    for name, text in TEMPLATES.items():
        assert not SCRIPT.search(text), name
        assert not INLINE.search(text), name
        assert not FOREIGN.search(LINK.sub("", text)), name


def test_lines_of_templates_are_under_160_characters():
    assert [name for name, text in TEMPLATES.items() if re.search(r".{160}", text)] == []


SELECTOR = r"\.([a-zA-Z][\w-]*)(?=[^{}]*\{)"
ATTRIBUTE = r'(?:class="|bodyclass %\})((?:\{[{%](?! endblock).*?[%}]\}|[^"{])*)'
# The kinds of a review's notes, and the rich text editor's own classes.
GENERATED = set("clash put row version ProseMirror prose-menubar__selected".split())


def classes(folder: Path, suffix: str, pattern: str) -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob(f"*.{suffix}"))
    names = " ".join(re.findall(pattern, text))
    return set(re.sub(r"\{[{%].*?[%}]\}", " ", names).split())


def test_each_class_of_a_template_is_styled_and_each_styled_class_is_used():
    """Here or in Django's admin."""
    django = Path(apps.get_app_config("admin").path)
    theirs = classes(django, "html", ATTRIBUTE) | classes(django, "css", SELECTOR)
    used = classes(ROOT / "templates", "html", ATTRIBUTE)
    styled = classes(ROOT / "static", "css", SELECTOR)
    assert used - styled - theirs == set()
    assert styled - used - theirs == GENERATED


FOLDERS = pytest.mark.parametrize("folder", [ROOT / "fixtures", ROOT / "tests/red_abierta"])


@FOLDERS
def test_no_name_of_a_coalition_stands_in_code_or_templates(folder):
    words = oracle.names(folder) - {"Núcleo", "Alianza"}  # these mean other things too
    name = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    assert [path for path, text in SHIPPED.items() if name.search(text)] == []


@FOLDERS
def test_no_sentence_of_a_source_stands_in_code_or_templates(folder):
    """Six of its words in a row are no accident."""

    def runs_of_six(text: str) -> set[str]:
        words = text.split()
        return {" ".join(words[n : n + 6]) for n in range(len(words) - 5)}

    sources = (path.read_text(encoding="utf-8") for path in folder.glob("*.txt"))
    sentences = set().union(*map(runs_of_six, sources))
    assert len(sentences) > 500
    assert [path for path, text in SHIPPED.items() if sentences & runs_of_six(text)] == []


def ask_once_per_row(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(str(each.organization) for each in Membership.objects.all()))


urlpatterns = [path("n-plus-one", ask_once_per_row), *urls.urlpatterns]


@pytest.mark.django_db
@pytest.mark.urls("tests.test_house")
def test_a_page_that_asks_the_database_once_per_row_is_an_error(visitor):
    for _ in range(3):
        membership()
    with pytest.raises(NPlusOneError):
        visitor.get("/n-plus-one")


@pytest.mark.django_db
def test_each_person_of_the_cast_has_the_rights_of_their_role(reader, editor, publisher, admin):
    people = [reader, editor, publisher, admin]
    may = {"view": people, "add": people[1:], "change": people[1:], "delete": people[2:]}
    for model in ("sources.{}_source", "organizations.{}_organization", "timeline.{}_event"):
        for action, allowed in may.items():
            permission = model.format(action)
            assert [who for who in people if who.user.has_perm(permission)] == allowed, permission


def test_every_unit_of_a_server_has_limits_and_tells_when_it_fails(tmp_path):
    units = texts("deploy", pattern="*.service")
    assert len(units) == 4
    for name, text in units.items():
        assert re.search(r"^MemoryMax=\d+M$", text, re.M), name
        assert re.search(r"^TasksMax=\d+$", text, re.M), name
        assert ("OnFailure=nucleo-alert@%n.service" in text) is ("alert" not in name), name
    told = tmp_path / "told"
    command = {"ALERT_COMMAND": f'printf "%s" "$1" > {told}', "PATH": os.environ["PATH"]}
    script = ROOT / "deploy" / "alert"
    subprocess.run(["/bin/sh", script, "x.service"], env=command, check=True)  # noqa: S603, ours
    assert told.read_text() == "x.service"
