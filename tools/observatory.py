"""Scan the site in production settings over TLS with MDN's HTTP Observatory. Fail below A+.

    python -m tools.observatory

Needs node, openssl, and `npm ci` in tools/.
"""

import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.ports import free_port, opens
from tools.production import PRODUCTION

ROOT = Path(__file__).resolve().parent.parent
HOST = "localhost"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="nucleo-observatory-") as folder:
        return graded(Path(folder))


def graded(folder: Path) -> int:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    make_certificate(certificate, key)
    environment = (
        os.environ
        | PRODUCTION
        | {
            "ALLOWED_HOSTS": HOST,
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        }
    )
    for command in ("migrate -v0", "load_record", "collectstatic --no-input -v0"):
        run([sys.executable, "manage.py", *command.split()], environment)
    secure = free_port()
    plain = redirecting_to(secure)
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
         "--port", str(secure), "--ssl-certificate", str(certificate), "--ssl-keyfile", str(key),
         "nucleo.wsgi:application"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        if not opens(secure, server):
            sys.exit("The site did not start.")
        asking = os.environ | {"NODE_EXTRA_CA_CERTS": str(certificate)}
        command = ["node", "--dns-result-order=ipv4first", "tools/observatory.mjs", HOST]
        return subprocess.run([*command, str(plain), str(secure)], cwd=ROOT, env=asking).returncode
    finally:
        server.terminate()
        server.wait(20)


def run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def make_certificate(certificate: Path, key: Path) -> None:
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    kind = ["-newkey", "rsa:2048", "-pkeyopt", "rsa_keygen_bits:2048"]
    command = ["openssl", "req", "-x509", *kind, "-nodes", "-days", "2", *names]
    # granian needs a PKCS#8 key, and node a certificate that signs itself.
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)  # fmt: skip


def redirecting_to(port: int) -> int:
    """Start a server that redirects to HTTPS, as port 80 of the proxy does. Return its port."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", f"https://{HOST}:{port}{self.path}")
            self.end_headers()

        do_OPTIONS = do_GET  # noqa: N815  named by the library

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


if __name__ == "__main__":
    sys.exit(main())
