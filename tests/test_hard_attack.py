"""Thousands of hostile requests and hundreds of hostile files, drawn from a seed, against the site as
a server runs it, on both databases. None is answered 500, none takes long, no process grows, and
other people are answered meanwhile.

`make test-hard`; ATTACK_SEED names another seed.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import NamedTuple
from urllib.parse import quote, urlencode

import psutil
import pytest
from django.urls import NoReverseMatch, reverse

from exchange.imports import RESOURCES
from tests.breaking import NEW_EVENT, TOKEN, Site, folder_for_all, postgresql, served, sessions
from tests.test_addresses import EXPORTS, LISTS, LOOKUPS, VALUES
from tests.test_login_matrix import ADDRESSES
from tests.test_logos import bomb, picture
from tests.test_workbooks import (
    BOOK,
    DOCTYPE,
    GOOD,
    SHARED,
    SHEET,
    SHEET1,
    STRINGS,
    STYLES,
    remade,
    row_of,
    sheet_of,
)

pytestmark = pytest.mark.hard
SEED = int(os.environ.get("ATTACK_SEED", "20261127"))
REQUESTS, FILES, ATTACKERS = 3_000, 200, 2
SECONDS, OTHERS_SECONDS, MEMORY = 5, 1, 400 << 20
FREE = 0.05
"""Seconds of an answer on a free machine. On a busy one, the limits are longer in proportion."""
OTHERS = ("/", "/linea-de-tiempo/", "/buscar/?q=acuerdo", "/admin/timeline/event/")
CANARY = "canario-9f3c27"
NASTY = [
    "", " ", "0", "-1", "1e999", "NaN", "99999999999999999999", "٣", "null", "\u202e", "😀",
    "%00", "\0", "%ff%fe", "../../etc/passwd", "..%2f..%2f", "' OR 1=1 --", '"; DROP TABLE x', "{{7*7}}",
    "<script>alert(1)</script>", "javascript:alert(1)", "//otro.example", "\r\nSet-Cookie: a=b",
    "a" * 6_000, "ñ" * 2_000, "[" * 500, "2017-02-30", "[2018..2017]", "9999-12-31", "0000-00-00",
    "(a+)+$", "*", "\\", "${jndi:ldap://x}", "=1+1", "\ufeff", "\u0000\u0001", "İ", "ﬁ", "\x0b\x0c",
    "<blockquote>" * 900, "<p>x" * 900, "<em id=1>" * 900, "3-5 de mayo de 2017", "\ufffe", "9" * 4400,
]  # fmt: skip
PARAMETERS = (
    "q p o e all pagina page next texto palabras fuente apoya tipo antes despues formato estado citas "
    "fecha category year sector organizacion categoria desde hasta version from _popup _to_field "
    "_changelist_filters app_label model_name field_name term publish_at__lte title__regex slug__in "
    "id__exact format acontecimiento pronunciamiento todos"
).split()
FIELDS = (
    "title slug name start end body summary text action _selected_action publish_at_0 publish_at_1 "
    "code password login username groups organizations citations-TOTAL_FORMS citations-INITIAL_FORMS "
    "citations-0-id citations-0-exact citations-0-source memberships-TOTAL_FORMS category kind _check "
    "_save _saveasnew _continue select_across index borrar sha256 state encoding delimiter reason "
    "csrfmiddlewaretoken next post shown confirmed change_reason stamp"
).split()
HEADERS = (
    "Accept Accept-Encoding Accept-Language If-Modified-Since If-None-Match Range Referer User-Agent "
    "X-Forwarded-For X-Forwarded-Proto X-Requested-With Origin Content-Type Host Cookie"
).split()
METHODS = ["GET"] * 9 + ["POST"] * 9 + ["HEAD", "PUT"]
ENDING = ("logout", "password", "sesiones", "contrasena", "segundo-factor", "telefono", "llave")
"""Addresses that may end the attacker's own session."""
NAMES = ["a.csv", "a.xlsx", "a.png", "../../a.csv", "ñ" * 300, "con.svg", "a.xlsx\0.csv"]
DEEP = "</sheetData></worksheet>"
TABLE = "identificador,titulo,categoria,inicio\nuno,Título,acuerdo,2017\n".encode()


class Request(NamedTuple):
    method: str
    path: str
    body: bytes
    headers: dict[str, str]


class Attack(NamedTuple):
    """The site, a session of each role with "" for a visitor, and what went wrong."""

    site: Site
    people: list[str]
    wrong: list[str]
    slow: list[tuple[str, Request, str]]
    statuses: Counter[int]

    def send(self, person: str, request: Request) -> None:
        began = time.monotonic()
        status, text = ask(self.site.port, person, request)
        seconds = time.monotonic() - began
        self.statuses[status] += 1
        leaked = not person and CANARY in text
        if status >= 500 or status == 0 or seconds > SECONDS or leaked:
            found = f"{status} {seconds:.1f} s{' LEAK' if leaked else ''}"
            sent = f"{request.method} {request.path[:150]} {str(request.headers)[:150]}"
            text = f"{found} {sent} {request.body[:200]!r}…{request.body[-80:]!r}"
            if 0 < status < 500 and not leaked:
                self.slow.append((person, request, text))
            else:
                self.wrong.append(text)

    def send_slow_again(self) -> None:
        """Call an answer slow only if it is slow alone too: beside others, it waits for them."""
        slow = list(self.slow)
        self.slow.clear()
        for person, request, _ in slow:
            self.send(person, request)


def ask(port: int, person: str, request: Request) -> tuple[int, str]:
    """The status and the text of the answer; 0 if there is none."""
    cookies = f"__Host-csrftoken={TOKEN}" + (f"; __Host-sessionid={person}" if person else "")
    usual = {"Host": f"127.0.0.1:{port}", "X-Forwarded-Proto": "https", "Cookie": cookies,
             "Referer": f"https://127.0.0.1:{port}/"}  # fmt: skip
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        try:
            connection.putrequest(request.method, request.path, skip_host=True)
            for name, value in (usual | request.headers).items():
                connection.putheader(name, value.encode("latin-1", "replace"))
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            return 0, ""


# Hostile requests


def hostile_request(chance: random.Random) -> Request:
    method = chance.choice(METHODS)
    path = chance.choice([anything, address, address, address, lookup])(chance)
    if method == "POST" and not path.startswith("/admin/") and chance.random() < 0.9:
        method = "GET"  # public pages answer 405 to POST
    headers = {name: header(text) for name, text in drawn(chance, HEADERS, 2).items()}
    body = b""
    if method == "POST" and not any(word in path for word in ENDING):
        fields = drawn(chance, FIELDS, 8)
        body = urlencode({"csrfmiddlewaretoken": TOKEN} | fields, errors="replace").encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        headers.pop("Cookie", None)
    elif method == "POST":
        method = "GET"
    return Request(method, path, body, headers)


def anything(chance: random.Random) -> str:
    """An address that the site does not know."""
    return "/" + quote(chance.choice(NASTY).lstrip("/"), safe="%/?&=*[]()", errors="replace")[:7000]


def address(chance: random.Random) -> str:
    """An address of the site with any values in its holes and in its query."""
    name = chance.choice(list(ADDRESSES))
    holes = ADDRESSES[name].pattern.converters
    usual = ["1", "2", "uno", "eventos", "csv", "xlsx", "2017", "participacion"]
    ways = [dict.fromkeys(holes, chance.choice([*usual, *NASTY])),
            dict.fromkeys(holes, chance.choice([0, 1, 2, 2**40, 2**70]))]  # fmt: skip
    for kwargs in ways:
        with suppress(AttributeError, NoReverseMatch, TypeError, ValueError):
            query = urlencode(drawn(chance, PARAMETERS, 3), errors="replace")
            return f"{reverse(name, kwargs=kwargs)[:4000]}?{query}"[:7500]
    return "/admin/timeline/event/"


def lookup(chance: random.Random) -> str:
    """A list of the admin, or its export, with a lookup of a field."""
    model, page = chance.choice([*LISTS.items(), *EXPORTS.items()])
    name = chance.choice([field.name for field in model._meta.get_fields()])
    value = chance.choice(VALUES).encode("utf-8", "surrogateescape")
    return f"{page}?{name}__{chance.choice(LOOKUPS)}={quote(value)}"


def drawn(chance: random.Random, names: list[str], most: int) -> dict[str, str]:
    chosen = chance.sample(names, chance.randint(0, most))
    return {name: chance.choice([*NASTY, "1", "2", "uno"]) for name in chosen}


def header(text: str) -> str:
    """As much of it as a client can send."""
    return "".join(letter for letter in text if letter.isprintable())[:3000]


# Hostile files


def seeds() -> list[bytes]:
    long_tags = [("<row " * 20_000), (SHEET + '<row r="1' * 40_000), (SHEET + "<c " * 60_000)]
    parts: list[dict[str, str | bytes | tuple[str, str]]] = [
        *({SHEET1: text} for text in long_tags),
        {SHEET1: f"{DOCTYPE}{SHEET}{DEEP}"},
        {SHEET1: SHEET + "<row/>" * 2_000_000 + DEEP},
        {SHEET1: SHEET + "<a>" * 200_000},
        {SHEET1: b"\0" * 5_000_000},
        {SHEET1: f'{SHEET}<row r="1"><c r="XFD1048576"><v>1</v></c></row>{DEEP}'},
        {SHEET1: f"{SHEET}<c><v>{'1' * 1_000_001}</v></c>{DEEP}"},
        {STRINGS: f"<sst>{'<si/>' * 1_000_000}</sst>"} | SHARED,
        {STYLES: f"<styleSheet><cellXfs>{'<xf/>' * 200_000}</cellXfs></styleSheet>"},
        {BOOK: f"<workbook>{'<sheet/>' * 200_000}</workbook>"},
        {BOOK: ('r:id="rId1"', 'r:id="rId9"')},
        {"[Content_Types].xml": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"},
        {"xl/media/a.bin": b"\0" * 30_000_000},
    ]
    rows = b"identificador,titulo,categoria\n" + b"a,b,acuerdo\n" * 12_000
    texts = [b"\xff\xfe" + TABLE, TABLE * 500, rows, b'"' * 300_000, b"," * 300_000, b"\n" * 500_000,
             TABLE + b"dos," + b"<blockquote>" * 40_000, TABLE + b"\x0b\x0c\x01", b"a;b,c\t" * 50_000,
             "identificador\n".encode("utf-16"), b"\x81\x8d\x8f" * 1000, b"sep=;\n" * 9999]  # fmt: skip
    sheets = [sheet_of(row_of('<c r="A2"/><c r="AAA2"><v>1</v></c>')), GOOD, b"PK\x03\x04", b""]
    return [
        *map(remade, parts),
        *texts,
        *sheets,
        TABLE,
        picture(),
        bomb(),
        picture("PNG", (2000, 2000)),
    ]


def hostile_file(chance: random.Random, contents: list[bytes]) -> bytes:
    """One of the files, as it is or with a few bytes more, changed or fewer."""
    content = chance.choice(contents)
    if chance.random() < 0.4:
        return content
    changed = bytearray(content)
    for _ in range(chance.randint(0, 30)):
        where = chance.randint(0, len(changed))
        changed[where:where] = chance.choice(NASTY).encode("utf-8", "surrogatepass")[:200]
    for _ in range(chance.randint(0, 20) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed[: chance.choice([10, 500, 10**7])])


def upload(path: str, field: str, name: str, content: bytes) -> Request:
    fields = {"csrfmiddlewaretoken": TOKEN, "name": "x", "slug": f"x-{len(content)}", "title": "x"}
    parts = [f'--limit\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
             for key, value in fields.items()]  # fmt: skip
    file = f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    body = "".join([*parts, file]).encode() + content + b"\r\n--limit--\r\n"
    return Request("POST", path, body, {"Content-Type": "multipart/form-data; boundary=limit"})


# The site and its other users


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with folder_for_all() as folder:
        if request.param == "sqlite":
            yield f"sqlite:///{folder}/db.sqlite3"
        else:
            with postgresql(folder) as server:
                yield server.url


@pytest.fixture(scope="module")
def attack(url: str) -> Iterator[Attack]:
    people = sessions(url)
    with served(url, people[-1], workers=2, threads=4) as site:
        draft = {"title": CANARY, "slug": CANARY, "category": 1, "change_reason": "x",
                 "citations-TOTAL_FORMS": 0, "citations-INITIAL_FORMS": 0}  # fmt: skip
        assert site.post(NEW_EVENT, **draft).status == 302
        print(f"ATTACK_SEED={SEED}")  # noqa: T201  shown when it fails
        yield Attack(site, ["", "", *people], [], [], Counter())


def busy(site: Site) -> float:
    """How much slower than a free machine this one is at the moment; 1 at least."""
    seconds = sorted(site.get(path).seconds for path in OTHERS * 10)
    return max(1, seconds[len(seconds) // 2] / FREE)


@contextmanager
def watched(attack: Attack) -> Iterator[None]:
    """Meanwhile, the pages of other people and the memory of the processes are within limits."""
    over, times, peak, before = Event(), [0.0], [0], busy(attack.site)

    def read() -> None:
        while not over.wait(0.1):
            for path in OTHERS:
                answer = attack.site.get(path)
                if answer.status != 200:
                    attack.wrong.append(f"{answer.status} {path}, of another person")
                times.append(answer.seconds)

    def weigh() -> None:
        main = psutil.Process(attack.site.process.pid)
        while not over.wait(0.1):
            with suppress(psutil.Error):
                peak.append(max(child.memory_info().rss for child in main.children(recursive=True)))

    with ThreadPoolExecutor(2) as watchers:
        watching = [watchers.submit(read), watchers.submit(weigh)]
        try:
            yield
        finally:
            over.set()
    [each.result() for each in watching]
    usual = sorted(times)[len(times) * 95 // 100]  # a busy machine delays a few
    figures = (
        f"others: {len(times)} answers, 95 % within {usual:.2f} s, all within {max(times):.2f} s"
    )
    print(f"{figures}; {max(peak) >> 20} MB; {attack.statuses}")  # noqa: T201
    limit = OTHERS_SECONDS * max(before, busy(attack.site))
    if usual > limit or max(times) > limit * SECONDS / OTHERS_SECONDS or max(peak) > MEMORY:
        attack.wrong.append(figures)


def attacked(attack: Attack, number: int, strike: Callable[[random.Random], None]) -> None:
    """Strike so many times, with a few attackers at once, each with chances of its own."""

    def strikes(attacker: int) -> None:
        for each in range(attacker, number, ATTACKERS):
            strike(random.Random(f"{SEED} {each}"))  # noqa: S311

    attack.wrong.clear()
    attack.slow.clear()
    with watched(attack), ThreadPoolExecutor(ATTACKERS) as attackers:
        list(attackers.map(strikes, range(ATTACKERS)))
    attack.send_slow_again()
    errors = [line for line in attack.site.log().splitlines() if '"level": "error"' in line]
    problems = attack.wrong + errors + [text for *_, text in attack.slow]
    assert not problems, "\n".join(problems)
    assert {attack.site.get(path).status for path in ("/admin/", "/healthz")} == {200}


def test_no_hostile_request_is_an_error_of_the_site_or_slow(attack):
    def strike(chance: random.Random) -> None:
        attack.send(chance.choice(attack.people), hostile_request(chance))

    attacked(attack, REQUESTS, strike)


def test_no_hostile_file_is_an_error_of_the_site_or_slow(attack):
    contents = seeds()
    places = [(reverse("admin:exchange_import", args=[name]), "import_file") for name in RESOURCES]
    places.append(("/admin/organizations/organization/add/", "logo"))

    def strike(chance: random.Random) -> None:
        path, field = chance.choice([*places, places[-1]])
        content = hostile_file(chance, contents)
        attack.send(attack.people[-1], upload(path, field, chance.choice(NAMES), content))

    attacked(attack, FILES, strike)
