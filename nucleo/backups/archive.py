"""The file itself: written as a stream and renamed when whole; read only when it is whole."""

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol
from zipfile import ZipFile

import pyrage

from nucleo.backups import BackupError
from nucleo.backups.scratch import scratch

CHUNK = 1024 * 1024  # bytes
SEAL = 64  # characters of the SHA-256 with which the file ends, as the ZIP's comment
AGE, ZIP = b"age-encryption.org/v1", b"PK\x03\x04"

Recipient, Identity = pyrage.x25519.Recipient, pyrage.x25519.Identity


class Out(Protocol):
    def write(self, data: bytes) -> int: ...


class Sealing:
    """Passes on what is written to it, but the last SEAL bytes, in whose place stands the digest of
    all before them. A stream: ZipFile finds that it cannot go back."""

    def __init__(self, out: Out) -> None:
        self.out, self.digest, self.last = out, hashlib.sha256(), b""

    def write(self, data: bytes) -> int:
        held = self.last + data
        passed, self.last = held[:-SEAL], held[-SEAL:]
        self.digest.update(passed)
        self.out.write(passed)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here but the seal's place."""

    def seal(self) -> None:
        self.out.write(self.digest.hexdigest().encode())


@contextmanager
def writing(path: Path, recipients: list[Recipient]) -> Iterator[ZipFile]:
    """The archive to be at `path`, 0600: not there until it is whole and on the disk."""
    if path.exists():
        raise BackupError(f"«{path}» ya existe y no se sobrescribe.")
    with scratch(path.parent) as folder:
        part = folder / path.name
        with open(part, "xb", opener=_private) as file:
            with _encrypted(file, recipients) as out:
                sealing = Sealing(out)
                with ZipFile(sealing, "w") as archive:
                    archive.comment = b" " * SEAL
                    yield archive
                sealing.seal()
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    flush_folder(path.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def flush_folder(folder: Path) -> None:
    """So that a power cut does not take back what was renamed in it."""
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


@contextmanager
def _encrypted(file: BinaryIO, recipients: list[Recipient]) -> Iterator[Out]:
    """age reads, and we write: so it works in a thread of its own at the other end of a pipe."""
    if not recipients:
        yield file
        return
    problems: list[Exception] = []
    ends = os.pipe()
    reader, writer = os.fdopen(ends[0], "rb"), os.fdopen(ends[1], "wb")

    def encrypt() -> None:
        with reader:  # closed too when it fails, so that whoever writes hears of it
            try:
                pyrage.encrypt_io(reader, file, recipients)
            except Exception as problem:
                problems.append(problem)

    thread = threading.Thread(target=encrypt)
    thread.start()
    try:
        with writer:
            yield writer
    except BrokenPipeError as broken:
        thread.join()
        raise BackupError(f"No se pudo escribir: {problems[0]}.") from broken
    finally:
        thread.join()
    if problems:
        raise BackupError(f"No se pudo escribir: {problems[0]}.")


@contextmanager
def reading(path: Path, identities: list[Identity]) -> Iterator[ZipFile]:
    """The archive at `path`, whole and unchanged, or BackupError before anything else is done.
    Decrypted it stands in a file of TMPDIR that has no name."""
    with path.open("rb") as file:
        head = file.read(len(AGE))
        file.seek(0)
        if head.startswith(ZIP):
            yield ZipFile(_whole(file))
        elif head == AGE:
            with tempfile.TemporaryFile() as plain:
                _decrypt(file, plain, identities)
                yield ZipFile(_whole(plain))
        else:
            raise BackupError(f"«{path}» no es un respaldo de este programa.")


def _decrypt(file: BinaryIO, plain: BinaryIO, identities: list[Identity]) -> None:
    if not identities:
        raise BackupError("El respaldo está cifrado: indique su llave con --identity ARCHIVO.")
    try:
        pyrage.decrypt_io(file, plain, identities)
    except pyrage.DecryptError as problem:
        if "No matching keys" in str(problem):
            raise BackupError("La llave no es la de este respaldo.") from problem
        raise BackupError(_BROKEN) from problem
    except OSError as problem:
        raise problem if problem.errno else BackupError(_BROKEN) from problem


_BROKEN = "El respaldo está incompleto o cambió después de hacerse: use otro."


def _whole(file: BinaryIO) -> BinaryIO:
    left, digest = file.seek(0, os.SEEK_END) - SEAL, hashlib.sha256()
    file.seek(0)
    while left > 0 and (data := file.read(min(CHUNK, left))):
        digest.update(data)
        left -= len(data)
    if left or file.read() != digest.hexdigest().encode():
        raise BackupError(_BROKEN)
    return file


# Keys


def recipient(text: str) -> Recipient:
    try:
        return Recipient.from_str(text.strip())
    except pyrage.RecipientError as problem:
        raise BackupError(f"«{text}» no es una clave pública de age (age1…).") from problem


def identities(path: Path) -> list[Identity]:
    """Those of a file as age-keygen and `manage.py backup_key` write it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    secrets = [line.strip() for line in lines if re.match(r"\s*[^#\s]", line)]
    try:
        found = [Identity.from_str(secret) for secret in secrets]
    except pyrage.IdentityError as problem:
        raise BackupError(f"«{path}» no es un archivo de llaves de age.") from problem
    if not found:
        raise BackupError(f"«{path}» no tiene ninguna llave de age.")
    return found


def write_new_identity(path: Path) -> Recipient:
    """A new secret key in a file of its own, never over another; its public key."""
    identity = Identity.generate()
    with open(path, "x", opener=_private) as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return identity.to_public()
