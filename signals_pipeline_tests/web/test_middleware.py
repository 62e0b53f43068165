"""The middleware: headers on every response, a token where one is set, a rate limit per client, no token in a log."""

import base64
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from signals_pipeline.core.digest import links
from signals_pipeline.web.rate_limit import MAXIMUM_CLIENTS, RateLimiter
from signals_pipeline_tests.support.web_site import KEY, NOW, site

TOKEN = "a-token-nobody-knows"  # noqa: S105 - a test's own
BASIC = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
PATHS = ["/", "/api/v1/digest", "/record", "/healthz", "/style.css", "/icon.svg", "/nothing", "/unsubscribe/x"]


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/digest?window=x", "/openapi.json"])
def test_every_response_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in policy
    assert "script" not in policy  # none may run
    assert "frame-ancestors 'none'" in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


def test_https_responses_carry_hsts(filled_url: str) -> None:
    with site(filled_url) as client:
        assert "strict-transport-security" in client.get("https://site.example/").headers


@pytest.mark.parametrize(
    "given_header",
    [
        "",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer ",
        TOKEN,
        f"Digest {TOKEN}",
        "Basic !!",
        "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(),
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
    ],
)
def test_without_the_token_nothing_can_be_read(filled_url: str, given_header: str) -> None:
    with site(filled_url, signals_web_token=TOKEN) as client:
        for path in ("/", "/api/v1/digest", "/record", "/openapi.json", "/nothing"):
            answer = client.get(path, headers={"authorization": given_header} if given_header else {})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "AAA" not in answer.text
            assert TOKEN not in answer.text
        assert client.get("/api/v1/digest").json() == {
            "detail": "A token is required: send `Authorization: Bearer TOKEN`."
        }


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {BASIC}"])
def test_the_token_gives_access_and_links_and_health_check_need_none(filled_url: str, header: str) -> None:
    unsubscribe = links.unsubscribe_url("", "a@b.example", as_of=NOW, key=KEY)
    with site(filled_url, signals_web_token=TOKEN) as client:
        assert client.get("/api/v1/digest", headers={"authorization": header}).status_code == 200
        assert client.get("/", headers={"authorization": header}).status_code == 200
        for path in ("/healthz", "/style.css", "/icon.svg", unsubscribe):
            assert client.get(path).status_code == 200
        described = client.get("/openapi.json", headers={"authorization": header}).json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_too_many_requests_get_429_with_retry_after(filled_url: str) -> None:
    with site(filled_url, signals_web_rate=3) as client:  # the clock advances by a second per reading: 1/20 request
        answers = [client.get("/healthz") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    assert answers[3].text.startswith("Too many requests; try again in ")
    assert "content-security-policy" in answers[3].headers


@given(st.lists(st.floats(0, 5), min_size=1, max_size=80), st.integers(1, 30))
def test_no_client_exceeds_its_rate(gaps: list[float], per_minute: int) -> None:
    now = [0.0]
    limiter = RateLimiter(per_minute, lambda: now[0])
    passed = 0
    for gap in gaps:
        now[0] += gap
        wait = limiter.retry_after("192.0.2.1")
        passed += not wait
        assert passed <= per_minute + now[0] * per_minute / 60 + 1e-6
        if wait:
            now[0] += wait + 1e-9
            assert limiter.retry_after("192.0.2.1") == 0
            passed += 1


def test_clients_are_limited_separately_an_ipv6_network_as_one_and_memory_is_bounded() -> None:
    limiter = RateLimiter(1, lambda: 0.0)
    assert limiter.retry_after("192.0.2.1") == 0 == limiter.retry_after("192.0.2.2")
    assert limiter.retry_after("2001:db8:1:2::1") == 0 < limiter.retry_after("2001:db8:1:2:ffff::9")
    assert limiter.retry_after("2001:db8:1:3::1") == 0
    for number in range(MAXIMUM_CLIENTS):
        limiter.retry_after(f"client {number}")
    assert limiter.retry_after("192.0.2.1") == 0  # forgotten, so its bucket is full
    assert RateLimiter(0, lambda: 0.0).retry_after("192.0.2.1") == 0


def test_logs_name_routes_and_never_a_token_or_an_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    path = links.unsubscribe_url("", "reader@b.example", as_of=NOW, key=KEY)
    with caplog.at_level(logging.DEBUG), site(url, signals_web_token=TOKEN) as client:
        for method in ("GET", "POST"):
            assert client.request(method, path).status_code == 200
        client.get("/api/v1/digest", headers={"authorization": f"Bearer {TOKEN}"})
        client.get("/api/v1/digest", headers={"authorization": f"Bearer {TOKEN}x"})
        client.post(path[:-2])
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert "POST /unsubscribe/{token} 200" in ours
    for secret in (TOKEN, KEY, "reader@b.example", path.rsplit("/", 1)[1][:40]):
        assert secret not in ours
