"""Fixtures of all tests: users, a clock, and a real Chromium for browser tests. A page with a query
for each row fails its test.

The functions of `tests/records.py` make records.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from access.migrations.operations import roles, vocabulary_rights
from access.sessions import FACTORS
from tests import records
from tests.login import CODE, INDEX, RIGHT, code_of, phone_for, try_password

CHROMIUM_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()

# Random values, the same in each run; `--hypothesis-profile=new` tries others.
hypothesis.register_profile(
    "new", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
hypothesis.register_profile("same", hypothesis.get_profile("new"), derandomize=True, database=None)
hypothesis.load_profile("same")


def pytest_configure() -> None:
    # The current styles, not those of an earlier `collectstatic`.
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RECOVERY_CODE_COST = 2
    # Playwright keeps an event loop running in the thread in which tests use the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    _refuse_a_query_per_row()


def _refuse_a_query_per_row() -> None:
    """Runs zeal around each request, also of the browser. Around a whole test, it would take two
    visits of a page for two queries of one page."""
    from zeal.constants import initialize_app_registry
    from zeal.patch import patch

    initialize_app_registry()
    patch()
    settings.MIDDLEWARE = ["zeal.middleware.zeal_middleware", *settings.MIDDLEWARE]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    if os.environ.get("SECOND_DATABASE"):
        items[:] = [item for item in items if _asks_the_database(item)]


def _asks_the_database(item: pytest.Item) -> bool:
    """Tests that no SQL decides run on the first database only: tests without a query, tests in a
    browser, and tests marked `once`."""
    fixtures = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    asks = item.get_closest_marker("django_db") or fixtures
    return bool(asks) and not any(map(item.get_closest_marker, ("browser", "once")))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as on a server: in memory, threads would share the locks."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


# The cast. Each is a browser with somebody at it: `editor.get("/admin/")`, `editor.user`.


class Person(Client):
    def __init__(self, user: User | None = None) -> None:
        super().__init__(headers={"Host": "testserver", "X-Forwarded-Proto": "https"})
        self.user = user
        if user:
            self.force_login(user)
            self.note(method="password")

    def note(self, method: str, **changes: Any) -> None:
        """What django-allauth notes in the session of a step that was taken a moment ago."""
        session, key = self.session, AUTHENTICATION_METHODS_SESSION_KEY
        steps = [*session.get(key, []), {"method": method, "at": time.time()}]
        assert self.user
        session.update({key: steps, f"{key}_user": str(self.user.pk)} | changes)
        session.save()

    def verify(self) -> "Person":
        """The second factor, given in this session a moment ago."""
        assert self.user
        self.note("mfa", **{FACTORS: [phone_for(self.user).pk]})
        return self


def role(name: str) -> Group:
    """Migrations make the roles. They are made again if a test has emptied all tables."""
    if not Group.objects.filter(name=name).exists():
        roles.make_roles(apps, None)
        vocabulary_rights.add_rights(apps, None)
    return Group.objects.get(name=name)


def _staff(name: str, group: str) -> Person:
    user = User.objects.create_user(name, f"{name}@example.org", "only for tests", is_staff=True)
    user.groups.add(role(group))
    return Person(user)


@pytest.fixture
def visitor() -> Person:
    """Anybody, on the public pages."""
    return Person()


@pytest.fixture
def reader(db: None) -> Person:
    """Staff who may see everything and change nothing."""
    return _staff("reader", "Lectura")


@pytest.fixture
def editor(db: None) -> Person:
    """Staff who write drafts, and may not change what is public."""
    return _staff("editor", "Redacción")


@pytest.fixture
def publisher(db: None) -> Person:
    """Staff who also publish, withdraw and delete, and undo imports."""
    return _staff("publisher", "Publicación")


@pytest.fixture
def keeper(db: None) -> Person:
    """Staff who keep the accounts, and nothing of the record."""
    return _staff("keeper", "Administración")


@pytest.fixture
def admin(db: None) -> Person:
    """A superuser."""
    return Person(User.objects.create_superuser("admin", "admin@example.org", "only for tests"))


# The way in.


@pytest.fixture
def ana(db: None) -> User:
    """Staff with the password `RIGHT`."""
    user = User.objects.create_user("ana", password=RIGHT, is_staff=True)
    user.groups.add(role("Publicación"))
    return user


@pytest.fixture
def phone(ana: User) -> Authenticator:
    return phone_for(ana)


@pytest.fixture
def way_in(ana: User, phone: Authenticator) -> Person:
    """Ana's browser between the password and the code."""
    person = Person()
    assert try_password(person=person)["Location"] == CODE
    return person


@pytest.fixture
def ana_inside(way_in: Person, phone: Authenticator) -> Person:
    assert way_in.post(CODE, {"code": code_of(phone)})["Location"] == INDEX
    return way_in


@pytest.fixture
def words(db: None) -> None:
    """The categories and the kind that forms choose."""
    for slug in ("acuerdo", "relevo", "salida"):
        records.category(slug)
    records.kind()


@pytest.fixture
def forms_check_one_by_one(words: None, settings: Any) -> None:
    """Allows a query for each user, organization and citation: the logged-in user may change
    another user, and a form checks its relations one by one."""
    names = (
        "auth.User", "organizations.Organization", "sources.Citation", "timeline.EventCategory",
        "timeline.StatementKind",
    )  # fmt: skip
    settings.ZEAL_ALLOWLIST = [{"model": name, "field": "get()"} for name in names]


@pytest.fixture
def several_sessions(settings: Any) -> None:
    """Allows a query for each session of a user, which django-allauth sends at a login."""
    names = ("auth.User", "sessions.Session")
    settings.ZEAL_ALLOWLIST = [{"model": name, "field": "get()"} for name in names]


@pytest.fixture
def production(settings: Any) -> Any:
    """The settings of a server, as far as tests can have them: a second factor for everybody, its
    cookies, TLS at a proxy. Plain HTTP is redirected; the cast speaks through such a proxy."""
    for name, value in (settings.ON_A_SERVER | {"SECOND_FACTOR": True}).items():
        setattr(settings, name, value)
    return settings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """`clock(moment)` makes it that moment."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium that CHROMIUM names, else one on PATH, else Playwright's own."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, filter(None, names))), None)
    return browser_type_launch_args | {
        "executable_path": path and Path(path),
        "args": CHROMIUM_FLAGS,
    }


# A site in a browser.


@pytest.fixture(scope="module")
def fill() -> Callable[[], object]:
    """Fills the database of `server`: with the first record, unless a module has another."""
    return partial(call_command, "load_record", verbosity=0)


@pytest.fixture(scope="module")
def server(
    fill: Callable[[], object], django_db_setup: None, django_db_blocker: Any
) -> Iterator[Any]:
    """The site with a record, which readers leave as it is; `server.filled` is what `fill` gave."""
    with django_db_blocker.unblock():
        filled = fill()
        server = LiveServer("127.0.0.1")
        server.filled = filled
        yield server
        server.stop()
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def site(server: Any, page: Any) -> Iterator[str]:
    """Fails the test where the console complains or a request leaves the site."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url))
    yield server.url
    expected = (server.url, "data:", "404 (Not Found)")
    assert [text for text in complaints if not any(words in text for words in expected)] == []
