"""Queries whose SQL is made once. From a queryset Django makes it anew each time, which takes
several times what the database then needs to answer."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from copy import copy
from functools import lru_cache, partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import F, Func
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler


class Given(Expression):
    """Stands in a queryset for a value that each run of it gives."""

    def __init__(self, name: str, output_field: models.Field) -> None:
        super().__init__(output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list["Given"]]:
        return "%s", [self]


NOW = Given("now", models.DateTimeField())


class Prepared:
    """The queryset that `make` returns, with a `Given` for each value that changes; called with
    these it answers a list."""

    def __init__(self, make: Callable[[], models.QuerySet]) -> None:
        self.make = make
        self.made: dict[str, tuple[models.QuerySet, SQLCompiler, str, tuple]] = {}

    def __call__(self, **given: Any) -> list[Any]:
        database = connections[DEFAULT_DB_ALIAS]
        queryset, compiler, sql, params = self._made_for(database)
        values: dict[str, Any] = {}
        for one in params:
            if isinstance(one, Given) and one.name not in values:
                field = one.output_field
                values[one.name] = field.get_db_prep_value(given[one.name], database)
        bound = tuple(values[one.name] if isinstance(one, Given) else one for one in params)
        run = copy(compiler)
        run.connection, run.as_sql = database, lambda *_args, **_options: (sql, bound)
        found = queryset.all()
        found.query.get_compiler = lambda *_args, **_options: run
        with _planned_once(database) if self._is_settled(queryset, given) else nullcontext():
            return list(found)

    def _is_settled(self, queryset: models.QuerySet, given: Collection[str]) -> bool:
        """Whether one plan is good for all values. Not where the first few are sought of those that
        a value chooses: along their order, if these are many; but if few, they are sorted."""
        return not (queryset.query.is_sliced and set(given) - {NOW.name})

    def _made_for(self, database: Any) -> tuple[models.QuerySet, SQLCompiler, str, tuple]:
        if database.vendor not in self.made:
            queryset = self.make()
            compiler = queryset.query.get_compiler(connection=database)
            made = (queryset, compiler, *compiler.as_sql())
            # What no run changes is neither cloned nor looked up again.
            queryset.query.chain = partial(copy, queryset.query)
            converters = compiler.get_converters(column[0] for column in compiler.select)
            compiler.get_converters = lambda _columns: converters
            self.made[database.vendor] = made
        return self.made[database.vendor]


@contextmanager
def _planned_once(database: Any) -> Iterator[None]:
    """PostgreSQL is told the query once and its values each time: planning one takes as long as
    running it. But what is logged is logged with its values."""
    if database.vendor != "postgresql" or database.queries_logged:
        yield
        return
    from django.db.backends.postgresql.base import ServerBindingCursor

    database.ensure_connection()
    connection = database.connection
    before, connection.cursor_factory = connection.cursor_factory, ServerBindingCursor
    try:
        yield
    finally:
        connection.cursor_factory = before


def prepared(make: Callable[[], models.QuerySet]) -> Prepared:
    """As a decorator, of a query of one shape."""
    return Prepared(make)


def prepared_for(make: Callable[..., models.QuerySet]) -> Callable[..., Prepared]:
    """As a decorator, of a query of as many shapes as `make` has arguments."""
    return lru_cache(maxsize=256)(lambda *shape: Prepared(lambda: make(*shape)))


class Keys(models.Field):
    """Some primary keys as one value, however many, so that a query of them has one shape."""

    def get_db_prep_value(
        self, value: Iterable[int], connection: Any, prepared: bool = False
    ) -> str:
        keys = ", ".join(map(str, value))
        return f"[{keys}]" if connection.vendor == "sqlite" else f"{{{keys}}}"


class Among(Func):
    """Whether the key in column `name` is one of the Keys that are given under this name."""

    output_field = models.BooleanField()

    def __init__(self, name: str) -> None:
        super().__init__(F(name), Given(name, Keys()))

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        sql = "%(expressions)s))"
        joiner = " IN (SELECT value FROM json_each("
        return self.as_sql(compiler, connection, template=sql, arg_joiner=joiner)

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        sql = "%(expressions)s::bigint[])"
        return self.as_sql(compiler, connection, template=sql, arg_joiner=" = ANY(")
