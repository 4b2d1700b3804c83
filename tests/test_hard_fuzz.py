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
    "Accept Accept-Encoding Accept-Language Content-Type If-Modified-Since If-None-Match Range "
    "Referer User-Agent X-Forwarded-For X-Forwarded-Proto X-Requested-With Origin Expect"
).split()
METHODS = ["get", "get", "get", "head", "post", "post", "put", "options"]
NAMES = ["a.csv", "a.xlsx", "a.png", "../../a.csv", "a\r\nb.csv", "ñ" * 300, "con.svg"]


@pytest.fixture
def chance() -> random.Random:
    print(f"FUZZ_SEED={SEED}")  # noqa: T201  shown when it fails
    return random.Random(SEED)  # noqa: S311


@pytest.fixture
def crowd(visitor, editor, publisher, admin) -> list[Person]:
    call_command("load_record", verbosity=0)
    for person in (visitor, editor, publisher, admin):
        person.raise_request_exception = False
    return [visitor, visitor, editor, publisher, admin]


def address(chance: random.Random) -> str:
    """An address of ours with any values in its holes, or an address that the site does not know."""
    if chance.random() < 0.1:
        return "/" + chance.choice(NASTY).replace("\r\n", "").lstrip("/")
    name = chance.choice(list(ADDRESSES))
    holes = ADDRESSES[name].pattern.converters
    values = {hole: chance.choice(["1", "2", "uno", "eventos", "csv", "2017", *NASTY])
              for hole in holes}  # fmt: skip
    numbers = {hole: chance.choice([0, 1, 2, 2**40]) for hole in holes}
    for kwargs in (values, numbers):
        try:
            return reverse(name, kwargs=kwargs)
        except (AttributeError, NoReverseMatch, TypeError, ValueError):
            continue
    return "/admin/timeline/event/"


def draw(chance: random.Random, names: list[str], most: int) -> dict[str, str]:
    chosen = chance.sample(names, chance.randint(0, most))
    return {name: chance.choice([*NASTY, "1", "2", "uno"]) for name in chosen}


def header(text: str) -> str:
    """As much of it as a server lets through."""
    return (
        text.replace("\r", "")
        .replace("\n", "")[:4000]
        .encode("latin-1", "replace")
        .decode("latin-1")
    )


def test_no_hostile_request_is_answered_500(chance, crowd, settings):
    settings.AXES_ENABLED = False  # the first dozen wrong passwords would lock the others out
    settings.ZEAL_RAISE = False
    failed = []
    for number in range(REQUESTS):
        person, url = chance.choice(crowd), address(chance)
        method = chance.choice(METHODS)
        headers = {name: header(text) for name, text in draw(chance, HEADERS, 2).items()}
        if "logout" in url or "password" in url:
            continue
        request: dict[str, Any] = {"headers": headers, "query_params": draw(chance, PARAMETERS, 3)}
        if method == "post":
            request["data"] = draw(chance, FIELDS, 6)
            headers.pop("Content-Type", None)
        if getattr(person, method)(url, **request).status_code >= 500:
            failed.append((number, method, url[:200], request))
    assert failed == []


def hostile_file(chance: random.Random, seeds: list[bytes]) -> SimpleUploadedFile:
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(0, 30)):
        where = chance.randint(0, len(content))
        content[where:where] = chance.choice(NASTY).encode("utf-8", "surrogatepass")[:200]
    for _ in range(chance.randint(0, 20) if content else 0):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file = SimpleUploadedFile("x", bytes(content[: chance.choice([10, 500, 10**7])]))
    file.name = file._name = chance.choice(NAMES)
    return file


def test_no_hostile_file_is_answered_500(chance, crowd):
    table = "identificador,titulo,categoria,inicio\nuno,Título,acuerdo,2017\n".encode()
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as inside:
        entity = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
        inside.writestr("[Content_Types].xml", entity)
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
    failed = []
    for number in range(FILES):
        file = hostile_file(chance, seeds)
        for url, field in (("/admin/exchange/receipt/importar/eventos/", "import_file"),
                           ("/admin/organizations/organization/add/", "logo")):  # fmt: skip
            file.seek(0)
            status = crowd[-1].post(url, {field: file, "name": "x", "slug": "x"}).status_code
            if status >= 500:
                failed.append((number, url, file.name))
    assert failed == []
