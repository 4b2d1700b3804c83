"""Runs the site with the files of `deploy/`: granian with the command of its unit, behind nginx
with its site file, but with ports, paths and a certificate of the tests."""

import http.client
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from getpass import getuser
from pathlib import Path
from urllib.parse import quote

import psutil

from tests.ports import free_port, is_open
from tools.production import PRODUCTION

ROOT = Path(__file__).resolve().parent.parent
HOST = "nucleo.example"
TYPES = Path("/etc/nginx/mime.types")  # Debian's place
PATIENCE = 60  # seconds: a busy machine is slow, not wrong
STOPPING = 75  # seconds, as the unit has it
EVENTS = 3000  # invented: enough that a calendar is larger than the buffers of connections
NGINX_CONF = """
user {user};
worker_rlimit_nofile 4096;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx/error.log;
events {{ worker_connections 8192; }}
http {{
    include {types};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/none;
    uwsgi_temp_path {folder}/none;
    scgi_temp_path {folder}/none;
    access_log {folder}/nginx/access.log;
    gzip on;
    include {folder}/site.conf;
}}
"""


class Answer:
    def __init__(
        self, status: int, headers: http.client.HTTPMessage, body: bytes, seconds: float
    ) -> None:
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")


class Deployed:
    """A folder with database and record, sockets and logs, and the processes that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self.running: list[subprocess.Popen] = []
        self.sites: dict[str, subprocess.Popen] = {}
        self.settings = PRODUCTION | {
            "ALLOWED_HOSTS": HOST,
            "DATABASE_URL": f"sqlite:///{folder}/nucleo.sqlite3",
            "STATIC_ROOT": str(folder / "static"),
            "MEDIA_ROOT": str(folder / "media"),
        }
        for name in ("nginx", "tls", "static", "media"):
            (folder / name).mkdir()

    # Processes

    def start_site(self, name: str, code: Path = ROOT, **more: str) -> None:
        """Serves `nucleo.wsgi:application` of that folder, with its own Python if it has one."""
        (self.folder / f"nucleo-{name}").mkdir(exist_ok=True)
        self.socket(name).unlink(missing_ok=True)
        python, *command = self._command(name)
        own = code / Path(python).relative_to(ROOT)
        command[command.index("--working-dir") + 1] = str(code)
        environment = os.environ | self._workers(name) | self.settings | more
        with (self.folder / f"{name}.log").open("ab") as log:
            # Granian would prefer code in the working directory to --working-dir.
            self.sites[name] = self._run(
                [str(own if own.exists() else sys.executable), *command],
                cwd=self.folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        until(self.socket(name).exists)

    def _run(self, command: list[str], **more: object) -> subprocess.Popen:
        """A process that ends with the tests, even when they are killed."""
        with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        process = subprocess.Popen([*with_us, *command], **more)
        self.running.append(process)
        return process

    def _command(self, name: str) -> list[str]:
        unit = (ROOT / "deploy" / "nucleo@.service").read_text(encoding="utf-8")
        (line,) = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", unit, re.M)
        line = line.replace("\\\n", " ").replace("%i", name)
        line = line.replace("/srv/nucleo/current", str(ROOT))
        return shlex.split(line.replace("/run/", f"{self.folder}/"))

    def _workers(self, name: str) -> dict[str, str]:
        lines = (ROOT / "deploy" / f"{name}.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=") for line in lines if line and line[0] != "#")

    def settle(self) -> None:
        """Starts the sites that a test stopped, and waits for their answers."""
        for name, site in self.sites.items():
            if site.poll() is not None:
                self.start_site(name)
        for path in ("/healthz", "/admin/login/"):
            until(lambda path=path: self.ask(path, "127.0.0.8").status == 200)

    def python(self, *command: str) -> None:
        subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | self.settings,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start_nginx(self) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "No nginx, and none could be had: apt install nginx-light"
        self._make_certificate()
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=self.folder, types=TYPES, user=getuser()))
        (self.folder / "site.conf").write_text(self._site(), encoding="utf-8")
        self._run([program, "-e", "stderr", "-c", str(conf), "-p", str(self.folder)])
        until(lambda: is_open(self.port))

    def _site(self) -> str:
        text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.M)
        for port, ours in ((443, self.port), (80, self.plain_port)):
            text = re.sub(rf"listen {port}\b", f"listen {ours}", text)
        # Small buffers of the system, so that bytes that a client does not read wait in nginx.
        text = text.replace("http2 default_server;", "http2 default_server sndbuf=16k;")
        for place, ours in (
            ("/run/", self.folder),
            ("/etc/nucleo/", self.folder),
            ("/var/log/nginx/", self.folder / "nginx"),
            ("/srv/nucleo/current/", ROOT),
            ("/srv/nucleo/static/", self.folder / "static"),
        ):
            assert place in text
            text = text.replace(place, f"{ours}/")
        return text

    def _make_certificate(self) -> None:
        tls = self.folder / "tls"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-keyout", tls / "key.pem",
             "-out", tls / "certificate.pem"],
            check=True, capture_output=True,
        )  # fmt: skip

    def stop(self) -> None:
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            process.wait(STOPPING)

    def socket(self, name: str) -> Path:
        return self.folder / f"nucleo-{name}" / "web.sock"

    def memory(self) -> int:
        """Bytes of nginx and the site that no other process shares."""
        processes = [psutil.Process(process.pid) for process in self.running]
        children = [child for each in processes for child in each.children(recursive=True)]
        return sum(each.memory_full_info().uss for each in [*processes, *children])

    def workers(self, name: str) -> set[int]:
        return {child.pid for child in psutil.Process(self.sites[name].pid).children()}

    def reload(self, name: str) -> None:
        self.sites[name].send_signal(signal.SIGHUP)

    # Clients

    def connect(self, source: str, receive_bytes: int = 0) -> ssl.SSLSocket:
        """A TLS connection from one of the addresses of this machine, 127.0.0.0/8."""
        plain = socket.socket()
        plain.settimeout(PATIENCE)
        if receive_bytes:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            plain.bind((source, 0))
            plain.connect(("127.0.0.1", self.port))
            return _unverified().wrap_socket(plain, server_hostname=HOST)
        except OSError:
            plain.close()
            raise

    def ask(
        self, path: str, source: str = "127.0.0.9", method: str = "GET", **request: object
    ) -> Answer:
        with closing(http.client.HTTPConnection(HOST)) as connection:
            connection.sock = self.connect(source)
            began = time.monotonic()
            connection.request(method, quote(path, safe="/?=&%"), **request)
            response = connection.getresponse()
            body = response.read()
        return Answer(response.status, response.headers, body, time.monotonic() - began)


@contextmanager
def deployed(folder: Path, *sites: str) -> Iterator[Deployed]:
    site = Deployed(folder)
    try:
        site.python("manage.py", "collectstatic", "--no-input", "--verbosity=0")
        site.python("manage.py", "migrate", "--verbosity=0")
        site.python("-m", "tools.demo", f"--events={EVENTS}")
        for name in sites:
            site.start_site(name)
        site.start_nginx()
        yield site
    finally:
        site.stop()


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
