"""The middleware: headers on every response, a token where one is set, a rate limit per client, no token in a log."""

import asyncio
import base64
import logging
from collections import Counter

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from signals_pipeline.core.digest import links
from signals_pipeline.web.middleware import (
    MAXIMUM_BODY_BYTES,
    MAXIMUM_REQUESTS_OF_CLIENT,
    RequestsInProgress,
    SecurityMiddleware,
)
from signals_pipeline.web.rate_limit import MAXIMUM_CLIENTS, RateLimiter
from signals_pipeline_tests.support.web_site import KEY, NOW, site

TOKEN = "a-token-nobody-knows"  # noqa: S105 - a test's own
BASIC = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
PATHS = ["/", "/api/v1/digest", "/record", "/healthz", "/style.css", "/icon.svg", "/nothing", "/unsubscribe/x"]


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/digest?window=x", "/openapi.json"])
def test_every_response_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy  # no script that is written into a page may run
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
        for path in ("/", "/api/v1/digest", "/record", "/openapi.json", "/docs", "/nothing"):
            answer = client.get(path, headers={"authorization": given_header} if given_header else {})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "AAA" not in answer.text
            assert TOKEN not in answer.text
        assert client.get("/api/v1/digest").json() == {
            "detail": "A token is required: send the header Authorization: Bearer TOKEN."
        }


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {BASIC}"])
def test_the_token_gives_access_and_links_and_health_check_need_none(filled_url: str, header: str) -> None:
    unsubscribe = links.unsubscribe_url("", "a@b.example", as_of=NOW, key=KEY)
    with site(filled_url, signals_web_token=TOKEN) as client:
        assert client.get("/api/v1/digest", headers={"authorization": header}).status_code == 200
        assert client.get("/", headers={"authorization": header}).status_code == 200
        for path in ("/healthz", "/style.css", "/icon.svg", "/pages.js", "/uplot.js", "/uplot.css", unsubscribe):
            assert client.get(path).status_code == 200
        described = client.get("/openapi.json", headers={"authorization": header}).json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_a_link_with_the_token_sets_a_cookie_that_gives_access(filled_url: str) -> None:
    with site(filled_url, signals_web_token=TOKEN, signals_base_url="https://site.example/desk") as client:
        client.base_url = "https://site.example"
        refused = client.get("/desk/record?access=wrong", follow_redirects=False)
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
        let_in = client.get(f"/desk/record?access={TOKEN}&before=x", follow_redirects=False)
        assert (let_in.status_code, let_in.headers["location"]) == (302, "/desk/record?before=x")
        assert let_in.headers["set-cookie"] == (
            f"signals_access={TOKEN}; Path=/desk; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"
        )
        assert "content-security-policy" in let_in.headers
        # The client keeps it, as a browser does.
        assert client.get("/desk/record").status_code == client.get("/desk/api/v1/digest").status_code == 200
        client.cookies.clear()
        assert client.get("/desk/record", headers={"cookie": f"signals_access={TOKEN}x"}).status_code == 401
        elsewhere = client.get(f"https://site.example//evil.example?access={TOKEN}", follow_redirects=False)
        assert elsewhere.headers["location"] == "/evil.example"


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
        client.get(f"/record?access={TOKEN}")
        client.post(path[:-2])
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("httpx"))
    assert "POST /unsubscribe/{token} 200" in ours
    for secret in (TOKEN, KEY, "reader@b.example", path.rsplit("/", 1)[1][:40]):
        assert secret not in ours


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_requests_in_progress_never_exceed_either_limit(steps: list[tuple[str, bool]]) -> None:
    counted = RequestsInProgress(maximum=4, maximum_of_client=2)
    in_progress: list[str] = []
    for client, begins in steps:
        if begins:
            has_room = len(in_progress) < 4 and in_progress.count(client) < 2
            assert counted.begin(client) is has_room
            in_progress += [client] * has_room
        elif client in in_progress:
            in_progress.remove(client)
            counted.end(client)
    for client in in_progress:
        counted.end(client)
    assert [counted.begin(client) for client in "aaabbb"] == [True, True, False, True, True, False]


class SlowApplication:
    """Answers once it is released; its health check at once, and one path never."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/healthz":
            await self.released.wait()
        if scope["path"] == "/failing":
            raise LookupError
        await JSONResponse({})(scope, receive, send)


async def ask(app: SecurityMiddleware, client: str, path: str = "/") -> httpx.Response:
    """The response to a client of this address; 500 where the application fails, as the server makes it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://site.example") as opened:
        return await opened.get(path)


async def ask_too_often() -> tuple[list[httpx.Response], list[httpx.Response], list[httpx.Response]]:
    """What two clients are refused while they have all places, what they are answered, and what comes after."""
    slow = SlowApplication()
    app = SecurityMiddleware(slow, limiter=RateLimiter(0, lambda: 0.0), token=None)
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(ask(app, "192.0.2.1")) for _ in range(MAXIMUM_REQUESTS_OF_CLIENT)]
        await asyncio.sleep(0)
        refused = [await ask(app, "192.0.2.1", "/api/v1/digest")]
        answers += [group.create_task(ask(app, "192.0.2.2", "/failing")) for _ in range(MAXIMUM_REQUESTS_OF_CLIENT)]
        await asyncio.sleep(0)
        refused += [await ask(app, "192.0.2.3"), await ask(app, "192.0.2.3", "/healthz")]
        slow.released.set()
    after = [await ask(app, "192.0.2.1"), await ask(app, "192.0.2.2")]
    return refused, [task.result() for task in answers], after


def test_a_request_too_many_is_refused_and_a_health_check_is_not() -> None:
    refused, answers, after = asyncio.run(ask_too_often())

    assert [each.status_code for each in refused] == [503, 503, 200]
    assert refused[0].json() == {"detail": "The server is busy; try again in 5 s."}
    assert (refused[1].text, refused[1].headers["retry-after"]) == ("The server is busy; try again in 5 s.\n", "5")
    assert Counter(each.status_code for each in answers) == {200: 64, 500: 64}
    # Also those that failed count no more.
    assert [each.status_code for each in after] == [200, 200]


def test_a_large_body_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/unsubscribe/x", content=b"x" * (MAXIMUM_BODY_BYTES + 1))
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert "send at most 16384 bytes" in answer.text
    assert client.post("/unsubscribe/x", content=b"x" * MAXIMUM_BODY_BYTES).status_code == 403
