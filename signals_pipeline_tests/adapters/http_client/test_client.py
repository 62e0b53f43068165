"""The HTTP client over real sockets: what is retried, what never, and which responses are accepted."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.vendor_server import QUICK, Reply, stalled, vendor

GOOD = Reply(b'{"a": 1}')


def client(policy: RequestPolicy = QUICK, **options: object) -> HttpClient:
    return HttpClient(policy, user_agent="tests/1", **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "first",
    [
        Reply(b"<html>", "text/html", 500),
        Reply(b"", "", 503),
        Reply(b"{}", status=429),
        Reply(b"{}", status=429, headers=(("Retry-After", "0"),)),
        Reply(b'{"a": 1}', cut=3),
        Reply(b'{"a": 1}' * 50, drip=0.05),
    ],
    ids=["500", "503", "429", "429-retry-after", "truncated", "drip"],
)
def test_a_transient_error_is_retried(first: Reply) -> None:
    with vendor() as house:
        house.routes["/x"] = [first, GOOD]
        http = client()

        assert http.get(f"{house.origin}/x").json() == {"a": 1}
        assert http.requests_sent == len(house.asked("/x")) == 2
        http.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
def test_a_refusal_is_never_retried(status: int) -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", status=status), GOOD]

        assert client().get(f"{house.origin}/x").status_code == status
        assert len(house.asked("/x")) == 1


def test_after_the_last_attempt_the_error_is_one_line_without_the_query() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"no", "text/plain", 502)]

        with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x returned HTTP 502$"):
            client().get(f"{house.origin}/x?key=planted")
        assert len(house.asked("/x")) == QUICK.attempts


def test_a_requested_wait_beyond_the_maximum_ends_the_retries() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 429, (("Retry-After", "3600"),)), GOOD]

        with pytest.raises(TransientError, match="returned HTTP 429 and asked to wait 3600 s") as refused:
            client().get(f"{house.origin}/x")
        assert refused.value.retry_after == 3600
        assert len(house.asked("/x")) == 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b'{"a": 1}', cut=2), "broke off"),
        (Reply(b"x" * 400, drip=0.05), r"no complete response after 0\.5 s"),
        (Reply(header_drip=0.05), r"no complete response after 0\.5 s"),
        (Reply(b"", delay=3), "ReadTimeout|TimeoutError"),
    ],
    ids=["truncated", "drip", "header-drip", "silence"],
)
def test_a_connection_that_stays_bad_is_one_line(reply: Reply, message: str) -> None:
    policy = RequestPolicy(attempts=1, timeout=0.3, deadline=0.5, min_interval=0)
    with vendor() as house:
        house.routes["/x"] = [reply]

        with pytest.raises(TransientError, match=message):
            client(policy).get(f"{house.origin}/x")


def test_a_closed_port_is_one_line() -> None:
    with vendor() as house:
        closed = house.origin

    with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x: ConnectionRefusedError$"):
        client().get(f"{closed}/x?key=planted")


def test_a_response_that_is_too_large_is_refused() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"x" * 2_000_000)]

        with pytest.raises(SourceError, match="exceeds 1,000 bytes"):
            client(RequestPolicy(max_bytes=1_000)).get(f"{house.origin}/x")


def test_a_connection_whose_headers_drip_is_closed_once_its_time_is_up() -> None:
    policy = RequestPolicy(attempts=1, timeout=30, deadline=0.2, min_interval=0)
    with vendor() as house:
        house.routes["/x"] = [Reply(header_drip=0.01)]

        with pytest.raises(TransientError, match="no complete response"):
            client(policy).get(f"{house.origin}/x")

        assert house.hung_up.wait(30)


def test_a_tls_handshake_that_never_comes_meets_the_deadline() -> None:
    policy = RequestPolicy(attempts=1, timeout=30, deadline=0.2, min_interval=0)
    with stalled() as origin, pytest.raises(TransientError, match=r"no complete response after 0\.2 s"):
        client(policy).get(f"{origin.replace('http:', 'https:')}/x")


def test_retries_end_with_the_time_of_the_fetch() -> None:
    policy = replace(QUICK, attempts=1_000, backoff=0.001, max_wait=0.01, fetch_seconds=0.3)
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 503)]
        http = client(policy)

        message = r"returned HTTP 503$|no complete response within the 0.3 s for one fetch$"
        with http.one_fetch(), pytest.raises(TransientError, match=message):
            http.get(f"{house.origin}/x")
        assert len(house.requests) < 1_000

        # Outside of a fetch, and in the next one, time begins anew.
        house.routes["/x"] = [GOOD]
        with http.one_fetch():
            assert http.get(f"{house.origin}/x").status_code == 200


def test_after_the_time_of_the_fetch_no_request_is_sent() -> None:
    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(replace(QUICK, fetch_seconds=0))
        with http.one_fetch(), pytest.raises(TransientError, match="not requested, the 0 s for one fetch are over"):
            http.get(house.origin.replace("//", "//user:planted@") + "/x")
        assert house.requests == []


@pytest.mark.parametrize(
    "address", ["http://", "https://[x/", "https://cdn..example.org/", "http//foo", "", "http://h:99999999/"]
)
def test_an_invalid_address_is_one_line(address: str) -> None:
    with pytest.raises(SourceError, match="can't be sent") as refused:
        client(origins={"https://vendor.example": "http://127.0.0.1:9"}).get(address)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "target",
    ["https://cdn..example.org/", "https://[x/", "http://" + "a" * 70 + ".example/", "ftp://h/x", "http://h:x/", "/x"],
)
def test_a_broken_redirect_is_one_line_that_names_the_address(target: str) -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 302, (("Location", target),))]

        with pytest.raises(SourceError, match=r"^127\.0\.0\.1/x: .*can't be sent") as refused:
            client().get(f"{house.origin}/x?key=planted")
    assert "planted" not in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=40))
def test_no_address_ends_in_another_error(address: str) -> None:
    policy = RequestPolicy(attempts=1, timeout=0.1, deadline=0.1, min_interval=0)
    # Nothing but what is on this machine is asked: a proxy that nobody runs takes all requests.
    http = client(policy)
    http.session.trust_env = False
    http.session.proxies = {"http": "http://127.0.0.1:9", "https": "http://127.0.0.1:9"}
    with pytest.raises((SourceError, TransientError)) as refused:
        http.get(f"http://{address}")
    assert "\n" not in str(refused.value)


def test_a_body_that_is_not_json_is_one_line() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"<html>", "text/html", 401)]

        with pytest.raises(SourceError, match=r"HTTP 401 with text/html that is not JSON"):
            client().get(f"{house.origin}/x").json()


def test_a_server_without_a_trusted_certificate_is_an_error() -> None:
    with vendor() as house, pytest.raises((SourceError, TransientError), match="127"):
        client().get(f"{house.origin.replace('http:', 'https:')}/x")


def test_a_request_that_is_not_allowed_is_not_sent() -> None:
    def refuse() -> None:
        raise SourceError("no calls left")

    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(before_request=refuse)

        with pytest.raises(SourceError, match="no calls left"):
            http.get(f"{house.origin}/x")
        assert (http.requests_sent, house.requests) == (0, [])


def test_requests_carry_the_user_agent_and_go_to_the_overridden_origin() -> None:
    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(origins={"https://vendor.example": house.origin})

        http.get("https://vendor.example/x?q=a+b")

        (request,) = house.requests
        assert request.headers["User-Agent"] == "tests/1"
        assert request.query == {"q": "a b"}


def test_a_redirect_is_followed_with_the_cookies_that_it_sets() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 302, (("Location", "/y"), ("Set-Cookie", "consent=yes")))]
        house.routes["/y"] = [GOOD]

        response = client().get(f"{house.origin}/x")

        assert (response.location, response.json()) == ("127.0.0.1/y", {"a": 1})
        assert house.asked("/y")[0].headers["Cookie"] == "consent=yes"


def test_no_more_requests_to_a_host_are_in_progress_than_the_policy_allows() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", delay=0.02)]
        policy = RequestPolicy(concurrency=3, min_interval=0.01)
        rate_limiter = HostRateLimiter(policy)
        clients = [client(policy, rate_limiter=rate_limiter) for _ in range(2)]

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda number: clients[number % 2].get(f"{house.origin}/x"), range(24)))

        assert len(house.requests) == 24
        assert house.most_at_once <= 3
