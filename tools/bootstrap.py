"""Set up and serve the site from a fresh clone, with Python's standard library alone.

    bootstrap.py install FILE...   install the packages of requirements files into .venv
    bootstrap.py setup             install requirements.txt and load the record into the database
    bootstrap.py run               set up, and serve the site on http://127.0.0.1:$PORT/

RECORD names the folder of a record, with its own settings, database and uploads.
Each step checks first whether its work is done, so every command may run again at any time.
"""

import hashlib
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("VENV_FOLDER", ".venv")
PYTHON = VENV / "bin" / "python"
RECORD = os.environ.get("RECORD", "")
LOG = ROOT / "setup.log"
HOST = "127.0.0.1"
PIP_OPTIONS = ["--require-hashes", "--no-deps", "--no-input", "--retries", "2"]
# One process runs all commands, because starting Django takes longer than each of them.
PREPARE = """
from django.core.management import execute_from_command_line
for command in (
    "migrate --verbosity 0", "load_record", "rebuild_search --if-empty", "create_admin"
):
    execute_from_command_line(["manage.py", *command.split()])
"""


def main(command: str, *args: str) -> None:
    if RECORD and not Path(RECORD, "settings.env").is_file():
        sys.exit(f"RECORD={RECORD} has no settings.env. Start a record: make new FOLDER={RECORD}")
    port = free_port() if command == "run" else None
    for requirements in args if command == "install" else ["requirements.txt"]:
        install(requirements)
    if command != "install":
        prepare()
    if command == "run":
        serve(port)


def free_port() -> int:
    """Return PORT, or exit when it cannot be used. Runs first, because the other steps are slow."""
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
        # As in the server: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror
    return None


def install(requirements: str) -> None:
    """Install exactly the files whose hashes the requirements file lists."""
    stamp = VENV / f"{requirements}.installed"
    current = fingerprint()
    if venv_is_complete() and stamp.exists() and stamp.read_text() == current:
        return
    print(f"Installing the packages of {requirements} into {VENV.name} ...", flush=True)
    if not venv_is_complete():
        run_logged(
            [sys.executable, "-m", "venv", "--clear", VENV],
            "No virtual environment can be made. On Debian or Ubuntu, apt install python3-venv",
        )
    run_logged(
        [PYTHON, "-m", "pip", "install", *PIP_OPTIONS, "-r", ROOT / requirements],
        "The packages could not be installed. Check the network",
    )
    stamp.write_text(current)


def fingerprint() -> str:
    """Return a digest of all requirements files."""
    files = sorted(ROOT.glob("requirements*.txt"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def venv_is_complete() -> bool:
    """Whether the virtual environment is complete and of the running version of Python."""
    library = VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return PYTHON.exists() and library.exists() and (VENV / "bin" / "pip").exists()


def run_logged(command: list[str | Path], advice: str) -> None:
    """Run a command. Keep its output in a file if it fails."""
    with LOG.open("w") as log:
        failed = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    if failed:
        sys.exit(f"{advice}, then try again (output in {LOG.name}).")
    LOG.unlink()


def prepare() -> None:
    """Write .env, migrate, load the record into an empty database, and create an admin."""
    write_env()
    environment = {"DJANGO_SETTINGS_MODULE": "nucleo.settings", **os.environ}
    failed = subprocess.run([PYTHON, "-c", PREPARE], cwd=ROOT, env=environment).returncode
    if failed:
        sys.exit("The site could not be prepared; what stands above says why.")


def write_env() -> None:
    """Write the settings of this machine, readable by its owner only, if there are none."""
    env = Path(RECORD or ROOT) / ".env"
    if not env.exists():
        env.touch(mode=0o600)
        env.write_text(f"DEBUG=1\nSECRET_KEY={secrets.token_urlsafe(50)}\n")


def serve(port: int) -> None:
    """Replace this process by the server, so that Ctrl-C stops the server."""
    os.chdir(ROOT)
    os.execv(PYTHON, [PYTHON, "manage.py", "runserver", f"{HOST}:{port}"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
