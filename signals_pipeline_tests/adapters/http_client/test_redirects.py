"""Where redirects may lead: real servers on loopback, and in a network of their own with public addresses."""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.redirects import is_public, is_within
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.loopback import Quiet
from signals_pipeline_tests.support.mail_servers import AUTHORITY, server_context
from signals_pipeline_tests.support.own_network import MIRROR, PRIVATE, redirect_outcomes
from signals_pipeline_tests.support.vendor_server import QUICK, Reply, Vendor, vendor

END = [Reply(b"end")]


def client(*redirect_hosts: str) -> HttpClient:
    return HttpClient(QUICK, user_agent="tests", redirect_hosts=redirect_hosts)


def moved(target: str) -> list[Reply]:
    return [Reply(b"", "", 302, (("Location", target),))]


@pytest.fixture
def house() -> Iterator[Vendor]:
    """The server of a feed that the operator named."""
    with vendor() as opened:
        opened.routes["/end"] = END
        yield opened


@pytest.fixture
def other() -> Iterator[Vendor]:
    """Another server of this machine, which trusts whoever reaches it."""
    with vendor() as opened:
        opened.routes["/end"] = END
        yield opened


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0177.0.0.1", "0x7f000001", "0.0.0.0"],  # noqa: S104
)
@pytest.mark.parametrize("user", ["", "desk:planted@"])
def test_a_redirect_to_another_server_of_this_machine_is_not_followed(
    house: Vendor, other: Vendor, host: str, user: str
) -> None:
    port = other.origin.rpartition(":")[2]
    house.routes["/x"] = moved(f"http://{user}{host}:{port}/end?key=planted")

    with pytest.raises(SourceError, match=r"^127\.0\.0\.1/x: not followed, its redirect to .*/end leads to") as refused:
        client().get(f"{house.origin}/x?token=planted")

    assert "not a public address; name the target in SIGNALS_FEEDS, or its host in SIGNALS_REDIRECT_HOSTS" in str(
        refused.value
    )
    assert "planted" not in str(refused.value)
    assert not refused.value.transient
    assert other.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[fe80::1%25lo]/",
        "http://[fd00::1]/",
        "http://10.0.0.1/",
        "http://feeds.localhost/",
    ],
)
def test_a_redirect_to_an_address_that_is_not_public_opens_no_connection(house: Vendor, target: str) -> None:
    house.routes["/x"] = moved(target)
    with pytest.raises(SourceError, match=r"not followed, its redirect to .* is not a public address"):
        client().get(f"{house.origin}/x")


def test_the_operator_allows_a_private_target_by_its_name_and_port(house: Vendor, other: Vendor) -> None:
    port = other.origin.rpartition(":")[2]
    house.routes["/x"] = moved(f"{other.origin}/end")
    assert client("127.0.0.1").get(f"{house.origin}/x").body == b"end"
    assert client("10.0.0.1", f"127.0.0.1:{port}").get(f"{house.origin}/x").body == b"end"
    for others in ("localhost", "127.0.0.1:80", "127.0.0"):
        with pytest.raises(SourceError, match="not followed"):
            client(others).get(f"{house.origin}/x")
    assert len(other.requests) == 2


def test_the_named_server_may_redirect_to_itself_five_times(house: Vendor) -> None:
    for place in range(6):
        house.routes[f"/{place}"] = moved(f"{house.origin}/{place + 1}" if place % 2 else f"/{place + 1}")
    house.routes["/6"] = END

    assert client().get(f"{house.origin}/1").location == "127.0.0.1/6"
    with pytest.raises(SourceError, match=r"can't be sent \(TooManyRedirects\)"):
        client().get(f"{house.origin}/0")


def test_credentials_stay_with_the_server_for_which_they_are(
    house: Vendor, other: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login netrc password planted\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    house.routes["/x"] = moved("/y")
    house.routes["/y"] = moved(f"{other.origin}/end")

    client("127.0.0.1").get(house.origin.replace("//", "//desk:planted@") + "/x")

    assert all(request.headers["Authorization"].startswith("Basic ") for request in house.requests)
    (request,) = other.requests
    assert "Authorization" not in request.headers


@contextmanager
def tls_server(target: str) -> Iterator[str]:
    """A server over TLS that redirects there; its address."""

    class Redirecting(Quiet):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(301)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as server:
        server.socket = server_context().wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


def test_a_redirect_from_https_to_http_is_not_followed(
    house: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authority.pem").write_text(AUTHORITY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    with tls_server(f"{house.origin}/end") as secure:
        http = client("127.0.0.1")
        with pytest.raises(SourceError, match=r"^localhost/x: not followed, .* leads from https to http; name the"):
            http.get(f"{secure}/x")
    assert house.requests == []


def test_only_public_addresses_are_reached_whatever_names_lead_to() -> None:
    outcomes = redirect_outcomes()

    refusals = {name: outcome for name, outcome in outcomes.items() if outcome.startswith("refused")}
    assert {name: outcome for name, outcome in outcomes.items() if name not in refusals} == {
        "public to public": "mirror.example/end",
        "public to private, allowed": "intranet.example/end",
        "private to itself": "intranet.example/end",
        "private to public": "feeds.example/end",
    }
    assert set(refusals) == {
        "public to private",
        "public to private, by number",
        "public to private, a connection is open",
        "public, then its name is private",
    }
    for outcome in refusals.values():
        assert f"leads to {PRIVATE}, which is not a public address" in outcome
        assert outcome.endswith("reached: ")  # nothing was sent


V4 = st.ip_addresses(v=4) | st.sampled_from([ipaddress.ip_address(MIRROR), ipaddress.ip_address(PRIVATE)])


@given(V4)
def test_an_address_in_the_dress_of_ipv6_is_as_public_as_it_is(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80), ("::", 0)):
        dressed = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number << shift)
        assert is_public(str(dressed)) == is_public(str(address))
    special = address.is_loopback or address.is_link_local or address.is_private or address.is_multicast
    if special or address.is_reserved or address.is_unspecified:
        assert not is_public(str(address))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::", "::1", "2001:db8::1"])
def test_no_special_address_of_ipv6_is_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("2606:4700::1111")


@pytest.mark.parametrize(
    ("url", "within"),
    [
        ("https://guce.yahoo.com/consent", True),
        ("https://yahoo.com", True),
        ("http://guce.yahoo.com/", False),
        ("https://evilyahoo.com/", False),
        ("https://yahoo.com.evil.example/", False),
        ("https://yahoo.com@evil.example/", False),
        ("https://[x/", False),
    ],
)
def test_a_domain_holds_its_hosts_over_https(url: str, *, within: bool) -> None:
    assert is_within(url, "yahoo.com") is within
