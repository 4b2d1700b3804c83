"""The headers of every answer of a server, and requests that are refused before any page."""

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from access.models import LoginEvent
from tests.records import event, organization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
SECURITY_TXT = "/.well-known/security.txt"
HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("url", ["/", "/admin/login/", "/no-existe/", "/static/favicon.svg",
                                 "/admin/entrar/codigo/", "/datos/", "/healthz"])  # fmt: skip
def test_every_answer_carries_the_headers(url, visitor):
    answer = visitor.get(url)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for never in ("unsafe", "data:", "*", "http:", "https:", "nonce-", "sha256-"):
        assert never not in policy
    assert {name: answer[name] for name in HEADERS} == HEADERS
    assert "camera=()" in answer["Permissions-Policy"]
    if not url.startswith("/static"):
        assert answer["X-Frame-Options"] == "DENY"
    answer.close()


def test_the_editor_s_page_alone_has_nonce_and_hash_and_each_time_another(admin):
    admin.verify()
    policies = [admin.get("/admin/timeline/event/add/")["Content-Security-Policy"] for _ in "ab"]
    assert all("'nonce-" in policy and "'sha256-" in policy for policy in policies)
    assert policies[0] != policies[1]
    assert "unsafe" not in policies[0]
    assert "nonce-" not in admin.get("/admin/timeline/event/")["Content-Security-Policy"]


def test_an_error_of_the_server_carries_the_policy_too(visitor, monkeypatch):
    visitor.raise_request_exception = False
    monkeypatch.setattr("nucleo.views._terms", lambda: 1 / 0)
    answer = visitor.get("/")
    assert answer.status_code == 500
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(("url", "allowed"), [("/", "GET, HEAD"), ("/admin/", "GET, HEAD, POST")])
def test_methods_that_a_page_does_not_know_are_405(visitor, url, allowed):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
        answer = visitor.generic(method, url)
        assert (answer.status_code, answer["Allow"]) == (405, allowed), method


@pytest.mark.parametrize("host", ["otro.example", "testserver\r\nX-A: b", "<script>", "a" * 300])
def test_a_bad_host_is_refused_and_not_repeated(visitor, host):
    for url in ("/", "/admin/login/", SECURITY_TXT):
        answer = visitor.get(url, headers={"Host": host})
        assert answer.status_code == 400
        assert host not in answer.text
        assert "X-A" not in answer


def test_an_address_that_names_no_field_is_a_bad_request(admin):
    admin.verify()
    change = f"/admin/timeline/event/{event().pk}/change/"
    for url in (change, "/admin/exchange/receipt/1/delete/"):
        assert admin.get(url, {"_to_field": ""}).status_code == 400


def test_security_txt_says_whom_to_tell_until_when_and_where(visitor, settings):
    settings.SECURITY_CONTACT = "mailto:avisos@example.org"
    answer = visitor.get(SECURITY_TXT)
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    until = datetime.fromisoformat(fields.pop("Expires"))
    assert timedelta(days=180) < until - timezone.now() < timedelta(days=365)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert fields == {
        "Contact": "mailto:avisos@example.org",
        "Preferred-Languages": "es, en",
        "Canonical": f"https://testserver{SECURITY_TXT}",
    }
    settings.SECURITY_CONTACT = ""
    assert visitor.get(SECURITY_TXT).status_code == 404


def test_a_reader_gets_no_cookie_no_session_and_no_vary(visitor):
    organization(slug="una")
    for url in ("/", "/organizaciones/una/", "/datos/", SECURITY_TXT):
        answer = visitor.get(url)
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
    assert not Session.objects.exists()
    assert not LoginEvent.objects.exists()
