"""The programs and keys that backups need."""

import pytest
from django.core.management import call_command
from django.db import connection

from tests.test_backups import backed_up, new_key, on_the_server, refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def test_a_missing_or_failing_pg_dump_leaves_nothing_and_gets_no_password_as_an_argument(
    folder, tmp_path, monkeypatch
):
    """SQLite needs no program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if connection.vendor == "sqlite":
        backed_up(folder)
        return
    assert "apt install postgresql-client" in refused("backup", folder)
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "no:\n$*, password: $PGPASSWORD" >&2; exit 1\n')
    program.chmod(0o755)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "secreta")
    complaint = refused("backup", folder)
    assert complaint.startswith("pg_dump no terminó: no: ")
    assert complaint.endswith("password: secreta")
    assert complaint.count("secreta") == 1
    assert list(folder.iterdir()) == []


def test_a_drill_by_a_role_that_may_not_make_a_database_says_so(folder, monkeypatch):
    """SQLite needs no right."""
    file = backed_up(folder)
    if connection.vendor == "sqlite":
        call_command("restore", file, "--check")
        return
    on_the_server("CREATE ROLE nobody_s_backup LOGIN")
    other = connection.copy()
    other.settings_dict["USER"] = "nobody_s_backup"
    monkeypatch.setattr("nucleo.backups.connection", other)
    try:
        assert "permission denied to create database" in refused("restore", file, "--check")
    finally:
        other.close()
        on_the_server("DROP ROLE nobody_s_backup")


def test_a_new_key_is_readable_by_its_owner_only_and_never_replaces_another(tmp_path):
    key = tmp_path / "key.txt"
    public = new_key(key)
    assert public.startswith("age1")
    text = key.read_text()
    assert "AGE-SECRET-KEY-" in text
    assert public in text
    assert key.stat().st_mode & 0o777 == 0o600
    assert "key.txt" in refused("backup_key", key)
    assert key.read_text() == text
