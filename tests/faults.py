"""Faults of the database. They change the settings of the connection, so that each new connection
has the fault."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import close_old_connections, connection


@contextmanager
def connecting_with(**changes: object) -> Iterator[None]:
    usual = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(changes)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)


def away() -> object:
    """The connection finds no database at its address."""
    if connection.vendor == "sqlite":
        return connecting_with(NAME="/no/such/folder/db.sqlite3")
    return connecting_with(HOST="127.0.0.1", PORT="9")


def read_only() -> object:
    """As on a read-only disk, or on a standby of PostgreSQL."""
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "sqlite":
        more = {"init_command": f"{options['init_command']} PRAGMA query_only = 1;"}
    else:
        more = {"options": "-c default_transaction_read_only=on"}
    return connecting_with(OPTIONS=options | more)


def end_kept_connection() -> None:
    """End the connection as a restart of PostgreSQL does; SQLite has no server."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        pid = connection.connection.info.backend_pid
        address = psycopg.conninfo.make_conninfo(connection.connection.info.dsn, connect_timeout=2)
        with psycopg.connect(address) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    close_old_connections()  # as at the start of a request; the client of tests leaves it out
