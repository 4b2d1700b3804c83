"""The site behind the nginx that we ship, with clients that mean no good: case by case, what others
get meanwhile. About a minute; it has a database of its own, so it runs once. `make test-hard`."""

import json
import re
import signal
import socket
import threading
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deployed import HOST, STOPPING, Answer, Deployed, deployed, until

pytestmark = pytest.mark.hard

CROWD, READERS = 400, 12
CALENDAR = "/linea-de-tiempo/calendario.ics"
BAD, GOOD = "127.0.0.2", "127.0.0.3"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("server"), "pages", "desk") as one:
        yield one


@pytest.fixture
def site(server: Deployed) -> Deployed:
    server.settle()
    return server


def away(site: Deployed, name: str) -> None:
    site.sites[name].terminate()
    site.sites[name].wait(STOPPING)


def quickest(site: Deployed, path: str) -> float:
    """Seconds of the quickest of five answers; all of them must come."""
    answers = [site.ask(path, GOOD) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 5
    return min(answer.seconds for answer in answers)


def slow_heads(site: Deployed) -> list[socket.socket]:
    """A line of the head now and then, never the last."""
    crowd = [site.connect(BAD) for _ in range(CROWD)]
    for line in (f"GET / HTTP/1.1\r\nHost: {HOST}\r\n", "X-A: 1\r\n"):
        for one in crowd:
            _try_to_send(one, line.encode())
    return crowd


def slow_bodies(site: Deployed) -> list[socket.socket]:
    crowd = [site.connect(BAD) for _ in range(CROWD)]
    head = f"POST /admin/login/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9000\r\n\r\na"
    for part in (head, "a"):
        for one in crowd:
            _try_to_send(one, part.encode())
    return crowd


def slow_readers(site: Deployed) -> list[socket.socket]:
    """They ask for what is streamed and larger than a connection holds, and take none of it.
    Without `proxy_buffering` each keeps a worker."""
    crowd = [site.connect(BAD, receive_bytes=4096) for _ in range(READERS)]
    for one in crowd:
        one.sendall(f"GET {CALENDAR} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return crowd


def _try_to_send(one: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # refused already
        one.sendall(data)


@pytest.mark.parametrize("slow", [slow_heads, slow_bodies, slow_readers])
def test_hundreds_of_slow_connections_leave_others_answered_within_a_second(site, slow):
    crowd = slow(site)
    for path in ("/", "/admin/login/"):
        until(lambda path=path: quickest(site, path) < 1)  # the crowd's own pages are made first
    for one in crowd:
        one.close()


def test_an_address_that_asks_too_much_is_told_to_wait_and_others_are_not(site):
    path = "/buscar/?q=acuerdo"
    asked = ask_at_once(site, path)
    refused = [answer for answer in asked if answer.status == 429]
    assert refused
    assert {answer.status for answer in asked} == {200, 429}
    assert "Demasiadas solicitudes" in refused[0].text
    assert refused[0].headers["Cache-Control"] == "no-store"
    assert refused[0].headers["Retry-After"]
    assert site.ask(path, GOOD).status == 200


def ask_at_once(site: Deployed, path: str, **request: object) -> list[Answer]:
    with ThreadPoolExecutor(8) as crowd:
        return list(crowd.map(lambda _: site.ask(path, BAD, **request), range(160)))


@pytest.mark.parametrize(
    ("path", "megabytes"), [("/", 1), ("/admin/login/", 1), ("/admin/", 200), ("/", 200)]
)
@pytest.mark.parametrize("announced", [True, False])
def test_bodies_beyond_what_is_taken_are_refused_in_flat_memory(site, path, megabytes, announced):
    quickest(site, "/admin/login/")
    before = site.memory()
    assert site_refuses(site, path, megabytes, announced) == 413
    assert site.memory() < before + 40 * MEGABYTE


def site_refuses(site: Deployed, path: str, megabytes: int, announced: bool) -> int:
    """The status that a body is answered with, sent on until it is refused."""
    one = site.connect(BAD)
    length = (
        f"Content-Length: {megabytes * MEGABYTE}" if announced else "Transfer-Encoding: chunked"
    )
    one.sendall(f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n\r\n".encode())
    part = b"a" * MEGABYTE if announced else b"100000\r\n" + b"a" * MEGABYTE + b"\r\n"
    sender = threading.Thread(target=lambda: [_try_to_send(one, part) for _ in range(megabytes)])
    sender.start()
    said = one.recv(4096)
    one.close()
    sender.join()
    return int(said.split()[1])


def test_a_body_that_the_proxy_takes_and_no_form_expects_is_400_in_flat_memory(site):
    quickest(site, "/admin/login/")
    before = site.memory()
    form = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"__Host-csrftoken={'a' * 32}",  # else it is refused before it is read
        "Origin": f"https://{HOST}",
    }
    answer = site.ask("/admin/", method="POST", body=b"a" * 20 * MEGABYTE, headers=form)
    assert answer.status == 400
    assert site.memory() < before + 40 * MEGABYTE


ABSURD = ["", ",", "*/*" * 2000, "text/html;q=NaN", "a/b;q=-1,*;q=99999999999999999999", "\xff\xfe",
          ",".join(f"x-{n};q=0.{n}" for n in range(500)),
          "gzip;q=0, identity;q=0, *;q=0"]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "source"),
    [("Accept", "127.0.2.1"), ("Accept-Encoding", "127.0.2.2"), ("Accept-Language", "127.0.2.3"),
     ("Accept-Charset", "127.0.2.4")],
)  # fmt: skip
def test_absurd_accept_headers_do_no_harm(site, header, source):
    """Each from an address of its own: together they would ask too much."""
    for value in ABSURD:
        for path in ("/", "/buscar/?q=acuerdo", "/datos/fuentes.csv", "/static/nucleo.css"):
            answer = site.ask(path, source, headers={header: value.encode("latin-1")})
            assert answer.status == 200, (path, value[:40])
    assert quickest(site, "/") < 1


def test_what_the_proxy_says_of_a_visitor_is_true_whatever_the_visitor_says(site):
    away(site, "pages")
    ours = socket.socket(socket.AF_UNIX)
    ours.settimeout(60)
    ours.bind(str(site.socket("pages")))
    ours.listen()
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Connection": "close"}
    asked = threading.Thread(target=lambda: site.ask("/", GOOD, headers=lies))
    asked.start()
    proxy, _ = ours.accept()
    head = proxy.recv(65536).decode()
    proxy.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    proxy.close()
    asked.join()
    ours.close()
    assert re.findall(r"^x-forwarded-for: (.*)\r$", head, re.M | re.I) == [GOOD]
    assert re.findall(r"^x-forwarded-proto: (.*)\r$", head, re.M | re.I) == ["https"]
    assert re.findall(r"^host: (.*)\r$", head, re.M | re.I) == [HOST]


def test_while_the_site_is_away_readers_are_told_in_spanish_in_its_look(site):
    away(site, "pages")
    answer = site.ask("/organizaciones/")
    assert answer.status in (502, 503, 504)
    assert "El sitio vuelve en un momento" in answer.text
    assert answer.headers["Retry-After"]
    assert answer.headers["Cache-Control"] == "no-store"
    style = re.search(r'rel="stylesheet" href="([^"]+)"', answer.text)[1]
    css = site.ask(style)
    assert css.status == 200
    assert css.headers["Content-Type"].startswith("text/css")
    site.start_site("pages")
    until(lambda: site.ask("/organizaciones/").status == 200)


def test_without_tls_and_under_another_name_there_is_nothing(site):
    def plain(host: str) -> bytes:
        with socket.create_connection(("127.0.0.1", site.plain_port), timeout=60) as one:
            one.sendall(f"GET /a?b=c HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return one.recv(4096)

    assert f"Location: https://{HOST}/a?b=c".encode() in plain(HOST)
    assert plain("otro.example") == b""


def test_no_log_of_the_server_holds_an_address_a_query_or_a_browser(site):
    """With all that nginx would complain of, and a line break in an address."""
    asked = {"headers": {"User-Agent": "Navegador-9", "Referer": "https://secreto.example/"}}
    for path in ("/", "/buscar/", "/no-existe%0Aroot-entra/", "/%00", "/admin/", "/static/no",
                 "/datos/fuentes.csv"):  # fmt: skip
        site.ask(f"{path}?q=secreto", GOOD, **asked)
    ask_at_once(site, "/buscar/?q=secreto", **asked)
    assert site_refuses(site, "/?q=secreto", 1, True) == 413
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as garbage:
        garbage.sendall(b"\x16\x03\x01secreto" * 9)
        garbage.recv(4096)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as garbage:
        garbage.sendall(b"GET /?q=secreto HTTP/1.1\r\nHost: a b\r\n\r\n")
        garbage.recv(4096)
    away(site, "pages")
    site.ask("/no-hay?q=secreto", GOOD, **asked)
    access = site.folder / "nginx" / "nucleo-access.log"
    until(lambda: "/no-hay" in access.read_text(encoding="utf-8"))
    files = [*(site.folder / "nginx").iterdir(), *site.folder.glob("*.log")]
    assert {"nucleo-access.log", "pages.log", "desk.log"} <= {file.name for file in files}
    for file in files:
        text = file.read_text(encoding="utf-8")
        for said in ("127.0.0.", "secreto", "Navegador"):
            assert said not in text, file.name
    lines = [json.loads(line) for line in access.read_text(encoding="utf-8").splitlines()]
    assert {429, 413, 404, 502} <= {line["status"] for line in lines}
    assert all(set(line) == set(lines[0]) for line in lines)
    for name in ("pages", "desk"):
        said = (site.folder / f"{name}.log").read_text(encoding="utf-8").splitlines()
        assert all(json.loads(line)["message"] for line in said)
        assert any("root-entra" in line for line in said) == (name == "pages")


# Another version into service


def ask_on_and_on(site: Deployed, source: str, until_done: threading.Event, got: list) -> None:
    while not until_done.is_set():
        try:
            got.append(site.ask("/organizaciones/", source).status)
        except OSError as error:
            got.append(repr(error))


def test_reloads_under_load_lose_no_request(site):
    away(site, "pages")
    site.start_site("pages", GRANIAN_RESPAWN_INTERVAL="1")
    until(lambda: site.ask("/organizaciones/").status == 200)
    done, got = threading.Event(), []
    readers = [
        threading.Thread(target=ask_on_and_on, args=(site, f"127.0.1.{n}", done, got))
        for n in range(1, 9)
    ]
    for reader in readers:
        reader.start()
    for _ in range(3):
        before = site.workers("pages")
        site.reload("pages")
        until(lambda before=before: not before & site.workers("pages"), 2 * STOPPING)
    done.set()
    for reader in readers:
        reader.join()
    assert len(got) > 20
    assert set(got) == {200}


SLOW = """
import time
from pathlib import Path

def application(environ, start_response):
    Path(__file__).with_name("begun").touch()
    time.sleep(2)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_and_a_reload_finish_the_request_in_flight(site, tmp_path, sign):
    (tmp_path / "nucleo").mkdir()
    (tmp_path / "nucleo" / "__init__.py").touch()
    (tmp_path / "nucleo" / "wsgi.py").write_text(SLOW)
    away(site, "pages")
    site.start_site("pages", tmp_path, GRANIAN_WORKERS="1", GRANIAN_RESPAWN_INTERVAL="0")
    got = []
    reader = threading.Thread(target=lambda: got.append(site.ask("/").body))
    reader.start()
    until((tmp_path / "nucleo" / "begun").exists)
    site.sites["pages"].send_signal(sign)
    reader.join()
    away(site, "pages")
    assert got == [b"done"]


TELLING = """
import release

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{CODE} {release.NAME}".encode()]
"""


def release(folder: Path, name: str) -> Path:
    """Code that tells its name, and that of a package beside it."""
    made = folder / name
    (made / "nucleo").mkdir(parents=True)
    (made / "nucleo" / "__init__.py").touch()
    (made / "nucleo" / "wsgi.py").write_text(f"CODE = {name!r}{TELLING}")
    venv.create(made / ".venv", symlinks=True)
    (packages,) = made.glob(".venv/lib/python3.*/site-packages")
    (packages / "release.py").write_text(f"NAME = {name!r}\n")
    ours = Path(pytest.__file__).parent.parent
    (packages / "ours.pth").write_text(f"{ours}\n")
    return made


def test_a_reload_takes_the_code_and_the_packages_of_the_new_release(site, tmp_path):
    current = tmp_path / "current"
    current.symlink_to(release(tmp_path, "old"))
    away(site, "pages")
    site.start_site("pages", current, GRANIAN_WORKERS="1", GRANIAN_RESPAWN_INTERVAL="0")
    until(lambda: site.ask("/").text == "old old")
    current.unlink()
    current.symlink_to(release(tmp_path, "new"))
    site.reload("pages")
    until(lambda: site.ask("/").text == "new new")
    away(site, "pages")
