"""What every endpoint does before it reads anything: key, rate, scope, query, body; and how it refuses."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from loyalty.base import clock, http
from loyalty.programs import auth, channels, credentials, throttle
from loyalty.programs.models import Channel, Scope
from tests.api.calls import Answer, Caller, make_key, read, refused


@pytest.fixture(autouse=True)
def _tiny(settings: LazySettings, db: None) -> Iterator[None]:
    """One minute for all of a test: a limit must not start afresh in its middle."""
    settings.ROOT_URLCONF = "tests.api.tiny"
    with clock.pinned(clock.now()):
        yield


def test_a_key_with_the_scope_passes(shop: Caller) -> None:
    assert read(shop.get("/notes/a/b"))["program"] == "beans"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "key_missing"),
        ("Basic abc", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer lk_live_x", "key_invalid"),
        ("Bearer lk_live_" + "a" * 50, "key_invalid"),
        ("Bearer  lk_live_", "key_invalid"),
        ("Bearer \xff\xfe", "key_invalid"),
    ],
)
def test_without_a_known_key_nothing_is_told(header: str, code: str) -> None:
    response = Client(headers={"Authorization": header}).get("/api/v1/notes/x")
    refused(response, 401, code)
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_key_with_one_wrong_character_is_not_known(shop: Caller) -> None:
    wrong = shop.key[:-7] + ("a" if shop.key[-7] != "a" else "b") + shop.key[-6:]
    refused(Caller(wrong).get("/notes/x"), 401, "key_invalid")


def test_a_revoked_key_is_refused_by_every_process_within_a_second(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, text = make_key(channel)
    caller = Caller(text)
    assert caller.get("/notes/x").status_code == 200
    credentials.revoke(key, at=clock.now())
    later = time.monotonic() + auth.REMEMBERED_SECONDS + 0.01
    monkeypatch.setattr(time, "monotonic", lambda: later)
    refused(caller.get("/notes/x"), 401, "key_invalid")


def test_an_expired_key_is_refused_from_its_instant_on(channel: Channel) -> None:
    end = clock.now() + timedelta(hours=1)
    caller = Caller(make_key(channel, expires_at=end)[1])
    with clock.pinned(end - timedelta(milliseconds=1)):
        assert caller.get("/notes/x").status_code == 200
    with clock.pinned(end):
        refused(caller.get("/notes/x"), 401, "key_invalid")


def test_a_switched_off_channel_is_refused(channel: Channel, shop: Caller) -> None:
    channels.switch(channel, on=False)
    refused(shop.get("/notes/x"), 401, "key_invalid")


def test_a_missing_scope_is_named(caller_with: Callable[..., Caller]) -> None:
    reader = caller_with(Scope.EVENTS_WRITE)
    assert refused(reader.get("/notes/x"), 403, "missing_scope")["scope"] == "members:read"


@pytest.mark.parametrize("query", ["api_key=abc", "access_token=abc", "limit=3&x=lk_live_abc", "KEY=1"])
def test_a_key_in_the_address_is_refused(shop: Caller, query: str) -> None:
    refused(shop.get(f"/notes/x?{query}"), 401, "key_in_query")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("nope=1", "unknown_parameter"),
        ("note=1", "unknown_parameter"),
        ("limit=1&limit=2", "repeated_parameter"),
        ("limit=1_0", "number_invalid"),
        ("limit=%D9%A1%D9%A2", "number_invalid"),
        ("limit=%205", "number_invalid"),
        ("limit=5.0", "number_invalid"),
        ("limit=", "number_invalid"),
        ("limit=0", "too_small"),
        ("limit=101", "too_large"),
        ("limit=%00", "number_invalid"),
    ],
)
def test_a_query_that_is_not_as_described_is_refused(shop: Caller, query: str, code: str) -> None:
    problem = refused(shop.get(f"/notes/x?{query}"), 422, code)
    assert problem["errors"][0]["path"].startswith("?")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
    ],
)
def test_only_json_is_read(shop: Caller, content_type: str) -> None:
    response = shop.post("/raw", b"{}", Content_Type=content_type)
    refused(response, 415, "unsupported_media_type")


def test_json_in_utf8_may_be_said_so(shop: Caller) -> None:
    assert shop.post("/raw", b"{}", Content_Type='application/json; charset="UTF-8"').status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"{} x", 400, "malformed_json"),
        (b'{"a": NaN}', 400, "malformed_json"),
        (b'{"a": Infinity}', 400, "malformed_json"),
        (b'{"a": 1e400}', 422, "number_out_of_range"),
        (b'{"a": 1e999999}', 422, "number_out_of_range"),
        (b'{"a": 9223372036854775808}', 422, "number_out_of_range"),
        (b'{"a": 1_000}', 400, "malformed_json"),
        ('{"a": ١٢}'.encode(), 400, "malformed_json"),
        (b'{"a": 1, "a": 2}', 400, "duplicate_key"),
        ('{"a": 1}'.encode("utf-16"), 400, "not_utf8"),
        (b'\xef\xbb\xbf{"a": 1}', 400, "not_utf8"),
        (b'{"a": "\xff"}', 400, "not_utf8"),
        (b'{"a": "\\u0000"}', 422, "text_nul"),
        (b'{"a": "\\ud800"}', 422, "text_surrogate"),
        (b"[" * 100_000, 400, "too_deep"),
        (b"[" + b"1," * 60_000 + b"1]", 400, "too_many_items"),
        (b"[1]", 422, "object_expected"),
        (b'{"a": "' + b"x" * 300_000 + b'"}', 413, "body_too_large"),
        (b'{"a": "' + b"x" * 3_000_000 + b'"}', 413, "body_too_large"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_what_is_ambiguous_or_hostile_is_refused(shop: Caller, body: bytes, status: int, code: str) -> None:
    refused(shop.post("/raw", body), status, code)


@pytest.mark.parametrize("path", ["/raw", "/notes"])
def test_a_missing_body_is_named(shop: Caller, path: str) -> None:
    headers = {**shop.headers, "Idempotency-Key": "k-1"}
    response = shop.client.generic("POST", f"/api/v1{path}", CONTENT_TYPE=http.JSON, headers=headers)
    refused(response, 400, "body_missing")


def in_chunks(shop: Caller, path: str, body: bytes, **more: object) -> Answer:
    environ: dict[str, Any] = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, **more}
    headers = {**shop.headers, "Transfer-Encoding": "chunked", "Idempotency-Key": "k-1"}
    return shop.client.generic("POST", f"/api/v1{path}", headers=headers, CONTENT_TYPE=http.JSON, **environ)


def test_a_body_in_chunks_is_read(shop: Caller) -> None:
    large = b'{"a": "' + b"x" * 200_000 + b'"}'
    assert in_chunks(shop, "/raw", large).status_code == 200
    assert read(in_chunks(shop, "/notes", b'{"points": 7}'))["points"] == 7
    for path in ("/raw", "/notes"):
        refused(in_chunks(shop, path, b""), 400, "body_missing")


def test_a_body_in_chunks_has_the_same_bounds(shop: Caller) -> None:
    refused(in_chunks(shop, "/raw", b'{"a": "' + b"x" * 300_000 + b'"}'), 413, "body_too_large")
    refused(in_chunks(shop, "/raw", b"{"), 400, "malformed_json")


def test_where_a_body_in_chunks_cannot_be_read_its_length_is_asked_for(shop: Caller) -> None:
    refused(in_chunks(shop, "/raw", b"{}", **{"wsgi.input_terminated": False}), 411, "length_required")


def test_a_body_of_64_kib_passes(shop: Caller) -> None:
    assert shop.post("/raw", b'{"a": "' + b"x" * 65_536 + b'"}').status_code == 200


def test_numbers_arrive_as_they_were_sent(shop: Caller) -> None:
    body = b'{"a": 12345678901234567.89, "b": 1.0000000000000000000001, "c": 0.10}'
    answer = shop.post("/raw", body).content
    assert b"12345678901234567.89" in answer
    assert b"1.0000000000000000000001" in answer
    assert b"0.10" in answer


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"points": True}, "integer_expected", "/points"),
        ({"points": "1"}, "integer_expected", "/points"),
        ({"points": 1.5}, "integer_expected", "/points"),
        ({"points": 0}, "too_small", "/points"),
        ({"points": 1, "balance": 9}, "unknown_field", "/balance"),
        ({"points": 1, "a/b~": 9}, "unknown_field", "/a~1b~0"),
        ({}, "required", "/points"),
        ({"points": 1, "text": 5}, "text_expected", "/text"),
        ([], "object_expected", ""),
    ],
)
def test_fields_that_are_not_as_described_are_named(shop: Caller, body: object, code: str, path: str) -> None:
    problem = refused(shop.post("/notes", body, Idempotency_Key="k"), 422, code)
    assert problem["errors"][0]["path"] == path


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("GET", "/api/v2/notes/x", 404, "not_found"),
        ("GET", "/api/v1//notes/x", 404, "not_found"),
        ("GET", "/api/v1/", 404, "not_found"),
        ("GET", "/api/v1/docs", 404, "not_found"),
        ("GET", "/api/v1/%2e%2e/admin", 404, "not_found"),
        ("DELETE", "/api/v1/notes/x", 405, "method_not_allowed"),
        ("GET", "/api/v1/notes", 405, "method_not_allowed"),
        ("TRACE", "/api/v1/notes/x", 405, "method_not_allowed"),
        ("BREW", "/api/v1/notes/x", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    shop: Caller, method: str, path: str, status: int, code: str
) -> None:
    refused(shop.send(method, path, None), status, code)


def test_a_method_cannot_be_overridden(shop: Caller) -> None:
    response = shop.post("/raw", {}, X_HTTP_Method_Override="DELETE")
    refused(response, 405, "method_not_allowed")


def test_a_foreign_host_is_a_problem(shop: Caller) -> None:
    refused(shop.get("/notes/x", Host="evil.example"), 400, "bad_request")


@pytest.mark.parametrize("over_tls", [True, False])
@pytest.mark.parametrize("path", ["/api/v1/notes/a/b", "/api/v1/nowhere", "/api/v1/notes/a?key=lk_live_x"])
def test_answers_carry_what_secures_pages_too(settings: LazySettings, path: str, over_tls: bool) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    answer = Client().get(path, secure=over_tls)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == settings.SECURE_REFERRER_POLICY
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Length"] == str(len(answer.content))
    assert ("Strict-Transport-Security" in answer) is over_tls


def test_a_call_over_plain_http_is_sent_to_tls(settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/api/v1/notes/a/b?limit=1")
    assert answer.status_code == 301
    assert answer["Location"] == "https://testserver/api/v1/notes/a/b?limit=1"


def test_an_unexpected_error_tells_only_its_request_id(shop: Caller) -> None:
    response = shop.post(
        "/notes", {"points": 1, "text": "crash"}, Idempotency_Key="k", X_Request_ID="till-1.7"
    )
    problem = refused(response, 500, "internal_error")
    assert problem["request_id"] == response["X-Request-ID"] == "till-1.7"
    assert b"secret" not in response.content


UNCLEAN = [
    "", "a b", "a\r\nSet-Cookie: x=1", "é", "x" * 65, "<script>", "-x", "ana@example.org", "+34600111222",
]  # fmt: skip


@pytest.mark.parametrize("sent", UNCLEAN)
def test_an_unclean_request_id_is_replaced(shop: Caller, sent: str) -> None:
    known = shop.get("/notes/x", X_Request_ID=sent)["X-Request-ID"]
    assert known.startswith("req_")
    assert known != sent


def test_the_limit_of_a_key_is_told_and_kept(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with(rate_per_minute=3)
    left = [caller.get("/notes/x")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    response = caller.get("/notes/x")
    refused(response, 429, "rate_limited")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert response["RateLimit-Limit"] == "3"
    assert response["RateLimit-Reset"] == response["Retry-After"]
    with clock.pinned(clock.now() + timedelta(seconds=int(response["Retry-After"]))):
        assert caller.get("/notes/x").status_code == 200


def test_one_key_does_not_use_up_anothers_limit(caller_with: Callable[..., Caller]) -> None:
    busy, other = caller_with(rate_per_minute=1), caller_with(rate_per_minute=1)
    busy.get("/notes/x")
    refused(busy.get("/notes/x"), 429, "rate_limited")
    assert other.get("/notes/x").status_code == 200


def test_guesses_are_counted_by_the_connection_whatever_the_header_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttle, "ANONYMOUS_PER_MINUTE", 3)
    guesser = Client()
    sent = [guesser.get("/api/v1/notes/x", headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(5)]
    assert [response.status_code for response in sent] == [401, 401, 401, 429, 429]


def test_behind_a_proxy_of_ours_its_last_word_counts(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.PROXY_COUNT = 1
    monkeypatch.setattr(throttle, "ANONYMOUS_PER_MINUTE", 1)
    guesser = Client()
    forged = [
        guesser.get("/api/v1/notes/x", headers={"X-Forwarded-For": f"1.1.1.{n}, 9.9.9.9"}) for n in range(2)
    ]
    assert [response.status_code for response in forged] == [401, 429]
    other = guesser.get("/api/v1/notes/x", headers={"X-Forwarded-For": "9.9.9.9, 8.8.8.8"})
    assert other.status_code == 401


def test_without_redis_each_process_counts_for_itself(
    caller_with: Callable[..., Caller], settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMIT_URL = "redis://127.0.0.1:1/0"
    asked: list[str] = []
    monkeypatch.setattr(throttle.log, "warning", lambda *words: asked.append(str(words)))
    caller = caller_with(rate_per_minute=2)
    statuses = [caller.get("/notes/x").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert len(asked) == 1


def test_the_document_is_public_and_describes_every_endpoint() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    write = document["paths"]["/api/v1/notes"]["post"]
    assert write["security"] == [{"ApiKey": ["points:redeem"]}]
    assert {"400", "401", "403", "409", "413", "415", "422", "429"} <= set(write["responses"])
    assert any(parameter["name"] == "Idempotency-Key" for parameter in write["parameters"])


def test_a_busy_key_that_is_counted_in_lots_gets_its_whole_limit_and_no_more() -> None:
    throttle.forget()
    allowed = [throttle.count("key", "busy", 1000).allowed for _ in range(1002)]
    assert allowed.count(True) == 1000
    assert allowed[-2:] == [False, False]


def test_what_is_left_is_told_request_by_request_also_within_a_lot() -> None:
    throttle.forget()
    assert [throttle.count("key", "told", 1500).remaining for _ in range(4)] == [1499, 1498, 1497, 1496]
