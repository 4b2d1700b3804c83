"""Start the record of another coalition, or the settings of a server, from the answers to a few
questions, with Python's standard library alone.

    new.py FOLDER          write facts.yaml, an empty source and settings.env into a new folder
    new.py --server FILE   write the settings of a server, as in deploy/nucleo.env

A variable of the environment with the name of a setting answers its question.
"""

import json
import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from zoneinfo import available_timezones

ROOT = Path(__file__).resolve().parent.parent
PARTS = ROOT / "tools" / "new_record"
IGNORED = ".env\ndb.sqlite3*\nmedia/\n"
ARTICLES = ("el", "la", "los", "las", "")
Answers = dict[str, str]
Check = Callable[[str], str]


class Wrong(Exception):
    """An answer that cannot be used; the message says why, and what to write instead."""


def slug(text: str) -> str:
    """«Red Abierta» → `red-abierta`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _any(text: str) -> str:
    if re.search(r"[\\$]", text):
        raise Wrong("No puede llevar \\ ni $.")
    return text.replace("'", "’")


def _some(text: str) -> str:
    if not text:
        raise Wrong("Falta la respuesta.")
    return _any(text)


def _article(text: str) -> str:
    if text.lower() not in ARTICLES:
        raise Wrong("Es el, la, los o las; o nada, si el nombre va sin artículo.")
    return text.lower()


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) or len(text) > 120:
        proposal = slug(text)
        raise Wrong(
            "Lleva solo letras minúsculas sin acento, números y guiones"
            + (f": por ejemplo «{proposal}»." if proposal else ".")
        )
    return text


def _mail(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise Wrong("No es un correo: se escribe como correo@ejemplo.org.")
    return _any(text)


def _zone(text: str) -> str:
    if text not in available_timezones():
        city = slug(text.rpartition("/")[2])
        alike = [zone for zone in sorted(available_timezones()) if city and city in slug(zone)]
        raise Wrong(
            "No es una zona horaria: se escribe como America/Bogota o Europe/Madrid."
            + (f" ¿Quiso decir {alike[0]}?" if alike else "")
        )
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9.-]+(,[a-z0-9.-]+)*", text):
        raise Wrong("Es el nombre de la máquina sin https:// ni diagonales: registro.ejemplo.org")
    return text


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise Wrong("Es una dirección web completa: https://…")
    return _any(text)


Question = tuple[str, str, Check, Callable[[Answers], str]]
NAMES: list[Question] = [
    ("COALITION_NAME", "1. ¿Cómo se llama la coalición? Completo, como «Red Abierta»", _some,
     lambda _: ""),
    ("COALITION_ARTICLE", "   ¿Con qué artículo? el, la, los, las; vacío si va sin artículo",
     _article, lambda _: ""),
]  # fmt: skip
QUESTIONS: list[Question] = [
    ("COALITION", "2. ¿Con qué identificador va en las direcciones?", _slug,
     lambda given: slug(given.get("COALITION_NAME", ""))),
    ("SITE_NAME", "3. ¿Cómo se llama el sitio?", _some,
     lambda given: given.get("COALITION_NAME", "")),
    ("PUBLISHER", "4. ¿Quién responde por el sitio? La organización o persona", _any,
     lambda _: ""),
    ("PUBLISHER_ADDRESS", "   ¿Cuál es su domicilio? Como en un aviso de privacidad", _any,
     lambda _: ""),
    ("CONTACT_EMAIL", "   ¿A qué correo se escribe para señalar un error?", _mail, lambda _: ""),
    ("TIME_ZONE", "5. ¿Cuál es la zona horaria? Como America/Bogota", _zone,
     lambda _: _zone_of_this_machine()),
    ("COUNTRY", "   ¿De dónde es esa hora? Como en «hora de Colombia»", _some,
     lambda given: given["TIME_ZONE"].rpartition("/")[2].replace("_", " ")),
]  # fmt: skip
OF_A_SERVER: list[Question] = [
    ("ALLOWED_HOSTS", "6. ¿Cuál es el nombre del servidor? Como registro.ejemplo.org", _host,
     lambda _: ""),
    ("SOURCE_URL", "7. ¿Dónde está publicado el código de esta copia? https://…", _address,
     lambda _: ""),
]  # fmt: skip


def _zone_of_this_machine() -> str:
    zone = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return zone if zone in available_timezones() else ""


def ask(questions: list[Question], given: Answers) -> Answers:
    """Return an answer for each question: from the environment, or from the terminal."""
    for name, question, check, proposed in questions:
        proposal = given.get(name) or proposed(given)
        if name in os.environ:
            given[name] = _checked(check, os.environ[name], name)
        elif sys.stdin.isatty():
            given[name] = _typed(question, check, proposal)
        else:
            given[name] = _checked(check, proposal, name)
    return given


def _checked(check: Check, text: str, name: str) -> str:
    try:
        return check(" ".join(text.split()))
    except Wrong as wrong:
        sys.exit(f"{name}={text}: {wrong}")


def _typed(question: str, check: Check, proposal: str) -> str:
    while True:
        text = input(f"{question}{f' [{proposal}]' if proposal else ''}: ")
        try:
            return check(" ".join(text.split()) or proposal)
        except Wrong as wrong:
            print(f"   {wrong}")


def new_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        sys.exit(f"«{folder}» ya existe y no está vacía; no se escribió nada. Elija otra: FOLDER=…")
    given = ask(NAMES + QUESTIONS, {})
    values = given | {
        "NAME": json.dumps(given["COALITION_NAME"], ensure_ascii=False),
        "ARTICLE": given["COALITION_ARTICLE"],
        "PUBLISH_AT": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS.iterdir():
        text = Template(part.read_text("utf-8")).substitute(values)
        (folder / part.name).write_text(text, "utf-8")
    (folder / "fuente.txt").write_text("", "utf-8")
    (folder / ".gitignore").write_text(IGNORED, "utf-8")
    print(
        f"\nListo: {folder}\n"
        "  facts.yaml     el registro, con un ejemplo\n"
        "  fuente.txt     aquí va el texto de la fuente\n"
        "  settings.env   lo que contestó\n"
        f"Para verlo: make run RECORD={folder}   (docs/otra-coalicion.md)"
    )


def new_server(path: Path) -> None:
    """Write the settings of a server. The folder that RECORD names answers for its coalition."""
    if path.exists() and path.stat().st_size:
        sys.exit(f"«{path}» ya existe; no se escribió nada.")
    record = Path(os.environ.get("RECORD") or ROOT / "fixtures")
    given = dict(
        re.findall(r"^([A-Z_]+)='(.*)'$", (record / "settings.env").read_text("utf-8"), re.M)
    )
    required = [(name, text, _some if check is _any else check, proposed)
                for name, text, check, proposed in QUESTIONS + OF_A_SERVER]  # fmt: skip
    given = ask(required, given)
    given["TAG_AUTHORITY"] = f"{given['ALLOWED_HOSTS'].partition(',')[0]},{datetime.now(UTC).year}"
    given["SECRET_KEY"] = secrets.token_urlsafe(50)
    given["RECORD"] = os.environ.get("RECORD", "") and str(record.resolve())
    lines = (ROOT / "deploy" / "nucleo.env").read_text("utf-8")
    for name, value in given.items():
        lines = re.sub(rf"^{name}=.*", lambda _, v=value, n=name: f"{n}='{v}'", lines, flags=re.M)
    path.touch(mode=0o600)
    path.write_text(lines, "utf-8")
    print(f"\nListo: {path}")


def main(arguments: list[str]) -> None:
    match arguments:
        case ["--server", path] if path:
            new_server(Path(path))
        case [folder] if folder and not folder.startswith("-"):
            new_folder(Path(folder))
        case _:
            sys.exit("Falta la carpeta: make new FOLDER=../mi-coalicion")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (KeyboardInterrupt, EOFError):
        sys.exit("\nNo se escribió nada.")
    except OSError as error:
        sys.exit(f"«{error.filename}»: {error.strerror}. Elija otra carpeta: FOLDER=…")
