"""The site behind the nginx of `deploy/`, with hostile clients: how other clients are answered
meanwhile. It has a database of its own, so that it runs once. `make test-hard`."""

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

from tests.deployed import HOST, ROOT, STOPPING, Answer, Deployed, deployed, until

pytestmark = pytest.mark.hard

CROWD, READERS = 400, 12
CALENDAR = "/linea-de-tiempo/calendario.ics"
BAD, GOOD = "127.0.0.2", "127.0.0.3"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("server"), "pages", "desk") as server:
        yield server


@pytest.fixture
def site(server: Deployed) -> Deployed:
    server.settle()
    return server


def stop(site: Deployed) -> None:
    site.sites["pages"].terminate()
    site.sites["pages"].wait(STOPPING)


def restart(site: Deployed, code: Path = ROOT, **settings: str) -> None:
    stop(site)
    site.start_site("pages", code, **{"GRANIAN_RESPAWN_INTERVAL": "0"} | settings)


def quickest(site: Deployed, path: str) -> float:
    """Seconds of the quickest of five answers, all of which must come."""
    answers = [site.ask(path, GOOD) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 5
    return min(answer.seconds for answer in answers)


def send(client: socket.socket, text: str | bytes) -> None:
    with suppress(OSError):  # refused already
        client.sendall(text.encode() if isinstance(text, str) else text)


def head(method: str, path: str, *headers: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {HOST}", *headers, ""])


@pytest.mark.parametrize(
    ("clients", "first", "then"),
    [
        (CROWD, head("GET", "/"), "X-A: 1\r\n"),
        (CROWD, head("POST", "/admin/login/", "Content-Length: 9000") + "\r\na", "a"),
        # An answer that is streamed and larger than a connection holds: without `proxy_buffering`
        # each of these clients, which read nothing, keeps a worker.
        (READERS, head("GET", CALENDAR), "\r\n"),
    ],
    ids=["heads", "bodies", "readers"],
)
def test_hundreds_of_slow_connections_leave_others_answered_within_a_second(
    site, clients, first, then
):
    crowd = [site.connect(BAD, receive_bytes=4096) for _ in range(clients)]
    for text in (first, then):
        for client in crowd:
            send(client, text)
    for path in ("/", "/admin/login/"):
        until(lambda path=path: quickest(site, path) < 1)  # the crowd's own pages are made first
    for client in crowd:
        client.close()


def ask_at_once(site: Deployed, path: str, **request: object) -> list[Answer]:
    with ThreadPoolExecutor(8) as crowd:
        return list(crowd.map(lambda _: site.ask(path, BAD, **request), range(160)))


@pytest.mark.parametrize("path", ["/buscar/?q=acuerdo", "/admin/login/"])
def test_an_address_that_asks_too_much_is_told_to_wait_and_others_are_not(site, path):
    answers = ask_at_once(site, path)
    assert {answer.status for answer in answers} == {200, 429}
    refused = next(answer for answer in answers if answer.status == 429)
    assert "Demasiadas solicitudes" in refused.text
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Retry-After"]
    assert site.ask(path, GOOD).status == 200


@pytest.mark.parametrize(
    ("path", "megabytes"), [("/", 1), ("/admin/login/", 3), ("/admin/", 200), ("/", 200)]
)
@pytest.mark.parametrize("announced", [True, False])
def test_bodies_beyond_the_limit_are_refused_in_flat_memory(site, path, megabytes, announced):
    quickest(site, "/admin/login/")
    before = site.memory()
    assert status_of_body(site, path, megabytes, announced) == 413
    assert site.memory() < before + 40 * MEGABYTE


def status_of_body(site: Deployed, path: str, megabytes: int, announced: bool) -> int:
    """The status of the answer to a body that is sent until it is refused. Asks again if the answer
    is lost, since a server may close a connection while the client still sends (RFC 9112, 9.6)."""
    answers = (_answer_to_body(site, path, megabytes, announced) for _attempt in range(5))
    return int(next(filter(None, answers)).split()[1])


def _answer_to_body(site: Deployed, path: str, megabytes: int, announced: bool) -> bytes:
    client, part = site.connect(BAD), b"a" * MEGABYTE
    length = f"Content-Length: {megabytes * MEGABYTE}"
    if not announced:
        length, part = "Transfer-Encoding: chunked", b"100000\r\n" + part + b"\r\n"
    client.sendall(head("POST", path, length, "").encode())
    sender = threading.Thread(target=lambda: [send(client, part) for _ in range(megabytes)])
    sender.start()
    answer = client.recv(4096)
    client.close()
    sender.join()
    return answer


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


def test_absurd_accept_headers_do_no_harm(site):
    """Each header from an address of its own: together they would ask too much."""
    names = ("Accept", "Accept-Encoding", "Accept-Language", "Accept-Charset")
    for number, name in enumerate(names):
        for value in ABSURD:
            headers = {name: value.encode("latin-1")}
            for path in ("/", "/buscar/?q=acuerdo", "/datos/fuentes.csv", "/static/nucleo.css"):
                answer = site.ask(path, f"127.0.2.{number}", headers=headers)
                assert answer.status == 200, (name, path, value[:40])
    assert quickest(site, "/") < 1


def test_the_proxy_tells_the_truth_of_a_visitor_who_lies(site):
    stop(site)
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "Connection": "close"}
    visitor = threading.Thread(target=lambda: site.ask("/", GOOD, headers=lies))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(60)
        listener.bind(str(site.socket("pages")))
        listener.listen()
        visitor.start()
        proxy, _ = listener.accept()
        with proxy:
            request = proxy.recv(65536).decode()
            proxy.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        visitor.join()
    for name, value in (("for", GOOD), ("proto", "https")):
        assert re.findall(rf"^x-forwarded-{name}: (.*)\r$", request, re.M | re.I) == [value]
    assert re.findall(r"^host: (.*)\r$", request, re.M | re.I) == [HOST]


def test_while_the_site_is_away_readers_are_told_in_spanish_in_its_look(site):
    stop(site)
    answer = site.ask("/organizaciones/")
    assert answer.status in (502, 503, 504)
    assert "El sitio vuelve en un momento" in answer.text
    assert answer.headers["Retry-After"]
    assert answer.headers["Cache-Control"] == "no-store"
    css = site.ask(re.search(r'rel="stylesheet" href="([^"]+)"', answer.text)[1])
    assert css.status == 200
    assert css.headers["Content-Type"].startswith("text/css")
    site.start_site("pages")
    until(lambda: site.ask("/organizaciones/").status == 200)


def test_without_tls_and_under_another_name_there_is_nothing(site):
    def plain(host: str) -> bytes:
        with socket.create_connection(("127.0.0.1", site.plain_port), timeout=60) as client:
            client.sendall(f"GET /a?b=c HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            return client.recv(4096)

    assert f"Location: https://{HOST}/a?b=c".encode() in plain(HOST)
    assert plain("otro.example") == b""


def test_no_log_of_the_server_holds_an_address_a_query_or_a_browser(site):
    """Also where nginx complains, and with a line break in an address."""
    request = {"headers": {"User-Agent": "Navegador-9", "Referer": "https://secreto.example/"}}
    for path in ("/", "/buscar/", "/no-existe%0Aroot-entra/", "/%00", "/admin/", "/static/no",
                 "/datos/fuentes.csv"):  # fmt: skip
        site.ask(f"{path}?q=secreto", GOOD, **request)
    ask_at_once(site, "/buscar/?q=secreto", **request)
    assert status_of_body(site, "/?q=secreto", 1, True) == 413
    for garbage in (b"\x16\x03\x01secreto" * 9, b"GET /?q=secreto HTTP/1.1\r\nHost: a b\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
            client.sendall(garbage)
            client.recv(4096)
    stop(site)
    site.ask("/no-hay?q=secreto", GOOD, **request)
    access = site.folder / "nginx" / "nucleo-access.log"
    until(lambda: "/no-hay" in access.read_text(encoding="utf-8"))
    files = [*(site.folder / "nginx").iterdir(), *site.folder.glob("*.log")]
    logs = {file.name: file.read_text(encoding="utf-8") for file in files}
    assert {"nucleo-access.log", "pages.log", "desk.log"} <= set(logs)
    for name, text in logs.items():
        for words in ("127.0.0.", "secreto", "Navegador"):
            assert words not in text, name
    lines = [json.loads(line) for line in logs["nucleo-access.log"].splitlines()]
    assert {429, 413, 404, 502} <= {line["status"] for line in lines}
    assert all(set(line) == set(lines[0]) for line in lines)
    for name in ("pages", "desk"):
        lines = logs[f"{name}.log"].splitlines()
        assert all(json.loads(line)["message"] for line in lines)
        assert any("root-entra" in line for line in lines) == (name == "pages")


# A new release


def test_reloads_under_load_lose_no_request(site):
    restart(site, GRANIAN_RESPAWN_INTERVAL="1")
    until(lambda: site.ask("/organizaciones/").status == 200)
    done, answers = threading.Event(), []

    def read(source: str) -> None:
        while not done.is_set():
            try:
                answers.append(site.ask("/organizaciones/", source).status)
            except OSError as error:
                answers.append(repr(error))

    readers = [threading.Thread(target=read, args=[f"127.0.1.{n}"]) for n in range(1, 9)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        before = site.workers("pages")
        site.reload("pages")
        until(lambda before=before: not before & site.workers("pages"), 2 * STOPPING)
    done.set()
    for reader in readers:
        reader.join()
    assert len(answers) > 20
    assert set(answers) == {200}


SLOW = """
import time
from pathlib import Path

def application(environ, start_response):
    Path(__file__).with_name("begun").touch()
    time.sleep(2)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]
"""
NAMED = """
import release

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{CODE} {release.NAME}".encode()]
"""


def code_of(folder: Path, wsgi: str) -> Path:
    """A release with this code in the place of ours."""
    package = folder / "nucleo"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "wsgi.py").write_text(wsgi)
    return folder


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_and_a_reload_finish_the_request_in_flight(site, tmp_path, sign):
    restart(site, code_of(tmp_path, SLOW), GRANIAN_WORKERS="1")
    bodies = []
    reader = threading.Thread(target=lambda: bodies.append(site.ask("/").body))
    reader.start()
    until((tmp_path / "nucleo" / "begun").exists)
    site.sites["pages"].send_signal(sign)
    reader.join()
    stop(site)
    assert bodies == [b"done"]


def release(folder: Path, name: str) -> Path:
    """Code that answers its name, and the name of a package in its own environment."""
    made = code_of(folder / name, f"CODE = {name!r}{NAMED}")
    venv.create(made / ".venv", symlinks=True)
    (packages,) = made.glob(".venv/lib/python3.*/site-packages")
    (packages / "release.py").write_text(f"NAME = {name!r}\n")
    (packages / "ours.pth").write_text(f"{Path(pytest.__file__).parent.parent}\n")
    return made


def test_a_reload_takes_the_code_and_the_packages_of_the_new_release(site, tmp_path):
    current = tmp_path / "current"
    current.symlink_to(release(tmp_path, "old"))
    restart(site, current, GRANIAN_WORKERS="1")
    until(lambda: site.ask("/").text == "old old")
    current.unlink()
    current.symlink_to(release(tmp_path, "new"))
    site.reload("pages")
    until(lambda: site.ask("/").text == "new new")
    stop(site)
