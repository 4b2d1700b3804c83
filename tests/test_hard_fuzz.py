"""Two thousand hostile requests and a hundred hostile files, drawn from a seed: none is answered 500.

`make test-hard`; FUZZ_SEED names another seed.
"""

import os
import random
import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.conftest import Person
from tests.test_login_matrix import ADDRESSES

pytestmark = [pytest.mark.hard, pytest.mark.django_db]
SEED = int(os.environ.get("FUZZ_SEED", "20261124"))
REQUESTS, FILES = 2_000, 100
NASTY = [
    "", " ", "0", "-1", "1e999", "NaN", "99999999999999999999", "٣", "null", "\u202e", "😀",
    "%00", "\0", "%ff%fe", "../../etc/passwd", "..%2f..%2f", "' OR 1=1 --", '"; DROP TABLE x', "{{7*7}}",
    "<script>alert(1)</script>", "javascript:alert(1)", "//otro.example", "\r\nSet-Cookie: a=b",
    "a" * 10_000, "ñ" * 3_000, "[" * 500, "2017-02-30", "[2018..2017]", "9999-12-31", "0000-00-00",
    "(a+)+$", "*", "\\", "${jndi:ldap://x}", "=1+1", "\ufeff", "\u0000\u0001", "İ", "ﬁ",
]  # fmt: skip
PARAMETERS = (
    "q p o e all pagina page next texto palabras fuente apoya tipo antes formato estado citas fecha "
    "category year sector organizacion categoria desde hasta _popup _to_field _changelist_filters "
    "app_label model_name field_name term publish_at__lte title__regex slug__in id__exact format"
).split()
FIELDS = (
    "title slug name start end body action _selected_action publish_at_0 publish_at_1 code password "
    "username groups organizations citations-TOTAL_FORMS citations-INITIAL_FORMS citations-0-id "
    "citations-0-exact citations-0-source _check _save _saveasnew _continue select_across index "
    "borrar sha256 state encoding delimiter reason csrfmiddlewaretoken next post"
).split()
HEADERS = (
    "Accept Accept-Encoding Accept-Language Content-Type Cookie If-Modified-Since If-None-Match Range "
    "Referer User-Agent X-Forwarded-For X-Forwarded-Proto X-Requested-With Origin Expect"
).split()


@pytest.fixture
def chance() -> random.Random:
    print(f"FUZZ_SEED={SEED}")  # noqa: T201  shown when it fails
    return random.Random(SEED)  # noqa: S311


@pytest.fixture
def crowd(visitor, editor, publisher, admin) -> list[Client]:
    call_command("load_record", verbosity=0)
    for person in (visitor, editor, publisher, admin):
        person.raise_request_exception = False
    return [visitor, visitor, editor, publisher, admin]


def paths(chance: random.Random) -> str:
    """An address of ours with whatever in its holes, or none of ours."""
    if chance.random() < 0.1:
        return "/" + chance.choice(NASTY).replace("\r\n", "").lstrip("/")
    pattern = chance.choice(list(ADDRESSES.values()))
    name = next(name for name, found in ADDRESSES.items() if found is pattern)
    holes = {
        hole: chance.choice(["1", "2", "uno", "eventos", "csv", "2017", *NASTY])
        for hole in pattern.pattern.converters
    }
    try:
        return reverse(name, kwargs=holes)
    except (NoReverseMatch, ValueError, TypeError):
        numbers = {hole: chance.choice([0, 1, 2, 2**40]) for hole in holes}
        try:
            return reverse(name, kwargs=numbers)
        except (NoReverseMatch, ValueError, TypeError):
            return "/admin/timeline/event/"


def some(chance: random.Random, names: list[str], most: int) -> dict[str, str]:
    chosen = chance.sample(names, chance.randint(0, most))
    return {name: chance.choice([*NASTY, "1", "2", "uno"]) for name in chosen}


def test_no_hostile_request_is_answered_500(
    chance: random.Random, crowd: list[Person], settings: Any
) -> None:
    settings.AXES_ENABLED = False  # or the first dozen would lock the others out
    settings.ZEAL_RAISE = False
    failed = []
    for number in range(REQUESTS):
        person, url = chance.choice(crowd), paths(chance)
        method = chance.choice(["get", "get", "get", "head", "post", "post", "put", "options"])
        query = some(chance, PARAMETERS, 3)
        headers = {
            name: value.replace("\r", "")
            .replace("\n", "")[:4000]
            .encode("latin-1", "replace")
            .decode("latin-1")
            for name, value in some(chance, HEADERS, 2).items()
        }
        headers.pop("Cookie", None)
        if "logout" in url or "password" in url:
            continue
        ask: dict[str, Any] = {"headers": headers, "query_params": query}
        if method == "post":
            ask["data"] = some(chance, FIELDS, 6)
            headers.pop("Content-Type", None)
        status = getattr(person, method)(url, **ask).status_code
        if status >= 500:
            failed.append((number, method, url[:200], query, ask.get("data"), headers))
    assert failed == []


def hostile_files(chance: random.Random) -> list[tuple[str, bytes]]:
    table = "identificador,titulo,categoria,inicio\nuno,Título,acuerdo,2017\n".encode()
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr(
            "[Content_Types].xml", "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
        )
        inside.writestr("xl/workbook.xml", "<a>" * 1000)
        inside.writestr("xl/worksheets/sheet1.xml", b"\0" * 5_000_000)
    seeds = [
        table,
        archive.getvalue(),
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xfe" + table,
        b"PK\x03\x04",
        b"",
    ]
    files = []
    for _number in range(FILES):
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(0, 30)):
            where = chance.randint(0, len(content))
            content[where:where] = chance.choice(NASTY).encode("utf-8", "surrogatepass")[:200]
        for _ in range(chance.randint(0, 20)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        name = chance.choice(
            ["a.csv", "a.xlsx", "a.png", "../../a.csv", "a\r\nb.csv", "ñ" * 300, "con.svg"]
        )
        files.append((name, bytes(content[: chance.choice([10, 500, 10**7])])))
    return files


def test_no_hostile_file_is_answered_500(chance: random.Random, crowd: list[Person]) -> None:
    admin, failed = crowd[-1], []
    for number, (name, content) in enumerate(hostile_files(chance)):
        for url, field in (("/admin/exchange/receipt/importar/eventos/", "import_file"),
                           ("/admin/organizations/organization/add/", "logo")):  # fmt: skip
            file = SimpleUploadedFile("x", content)
            file.name = file._name = name
            status = admin.post(url, {field: file, "name": "x", "slug": "x"}).status_code
            if status >= 500:
                failed.append((number, url, name, content[:100]))
    assert failed == []
