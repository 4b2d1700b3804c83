"""From a fresh clone to a site that runs, with Python's standard library alone.

    bootstrap.py install FILE   .venv with the packages that the requirements file names
    bootstrap.py setup          that, and a database that holds the record
    bootstrap.py run            that, and the site on http://127.0.0.1:$PORT/

A step that finds its work done does nothing, so each may be run again at any time.
"""

import hashlib
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "setup.log"
HOST = "127.0.0.1"
# One process for all: Django takes longer to start than any of them to find its work done.
PREPARE = """
from django.core.management import execute_from_command_line
for command in (
    "migrate --verbosity 0", "load_record", "rebuild_search --if-empty", "create_admin"
):
    execute_from_command_line(["manage.py", *command.split()])
"""


def main(command: str, *args: str) -> None:
    port = free_port() if command == "run" else None
    install(*(args if command == "install" else ["requirements.txt"]))
    if command != "install":
        prepare()
    if command == "run":
        serve(port)


def free_port() -> int:
    """The port that was asked for, looked at before anything that takes long."""
    asked = os.environ.get("PORT", "8000")
    if not (asked.isdecimal() and 0 < int(asked) < 65536):
        sys.exit(f"PORT={asked} is no port. Give a number up to 65535: PORT=8001 make run")
    problem = problem_with(int(asked))
    if problem:
        other = next(port for port in range(8001, 65536) if not problem_with(port))
        sys.exit(f"Port {asked} cannot be used: {problem}. Use another: PORT={other} make run")
    return int(asked)


def problem_with(port: int) -> str | None:
    with socket.socket() as probe:
        # As the server does: a port that only waits for old connections to end is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror
    return None


def install(requirements: str) -> None:
    stamp = VENV / f"{requirements}.installed"
    wanted = fingerprint()
    if venv_is_whole() and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing the packages of {requirements} into .venv ...", flush=True)
    if not venv_is_whole():
        logged(
            [sys.executable, "-m", "venv", "--clear", VENV],
            "No virtual environment can be made. On Debian or Ubuntu, apt install python3-venv",
        )
    logged(
        [PYTHON, "-m", "pip", "install", "--retries", "2", "--no-input", "-r", ROOT / requirements],
        "The packages could not be installed. Check the network",
    )
    stamp.write_text(wanted)


def fingerprint() -> str:
    """Changes when a requirements file does."""
    files = sorted(ROOT.glob("requirements*.txt"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def venv_is_whole() -> bool:
    """Whether .venv was made to its end, and by the Python that asks now."""
    library = VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return PYTHON.exists() and library.exists() and (VENV / "bin" / "pip").exists()


def logged(command: list[str | Path], advice: str) -> None:
    """Run a command whose own words are wanted only when it fails."""
    with LOG.open("w") as log:
        failed = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    if failed:
        sys.exit(f"{advice}, then try again (its own words are in {LOG.name}).")
    LOG.unlink()


def prepare() -> None:
    """Settings, tables, the record in an empty database, and someone who may log in."""
    write_env()
    environment = {"DJANGO_SETTINGS_MODULE": "nucleo.settings", **os.environ}
    failed = subprocess.run([PYTHON, "-c", PREPARE], cwd=ROOT, env=environment).returncode
    if failed:
        sys.exit("The site could not be prepared; what stands above says why.")


def write_env() -> None:
    """Settings of this machine alone; never written over, readable by its owner only."""
    env = ROOT / ".env"
    if not env.exists():
        env.touch(mode=0o600)
        env.write_text(f"DEBUG=1\nSECRET_KEY={secrets.token_urlsafe(50)}\n")


def serve(port: int) -> None:
    """Become the server, so that Ctrl-C reaches it and nothing else."""
    os.chdir(ROOT)
    os.execv(PYTHON, [PYTHON, "manage.py", "runserver", f"{HOST}:{port}"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
