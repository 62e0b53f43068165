"""Where a redirect may lead: to public addresses, never from https to http, and at most five times in a row.

Whoever answers a feed could otherwise have this machine send requests into its own network, to servers that trust
everybody there (server-side request forgery). What counts is the address that a connection reaches, not the name: names
resolve to whatever their owner wants, at each look-up anew. The connections that check it are in `transport`.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.redaction import host_and_path

# The fetch standard allows browsers 20; no feed needs more than a change of scheme and one or two of the address.
MAX_REDIRECTS = 5

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Addresses that carry an IPv4 address in their last 32 bits: of NAT64 (RFC 6052), and a deprecated form (RFC 4291).
_LAST_BITS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirect on its way, as the connection that it opens must judge it.

    Attributes:
        source: Host and path that redirected, for messages.
        target: Host and path to which it leads, for messages.
        may_be_private: Whether the target was named by the operator, whatever address it has.
    """

    source: str
    target: str
    may_be_private: bool

    def check(self, address: str) -> None:
        """Refuse an address to which this redirect may not lead.

        Args:
            address: IP address of the server.

        Raises:
            SourceError: The address is not public, and the target was not named by the operator.
        """
        if not self.may_be_private and not is_public(address):
            raise SourceError(
                f"{self.source}: not followed, its redirect to {self.target} leads to {address}, which is not a public"
                " address; name the target in SIGNALS_FEEDS, or its host in SIGNALS_REDIRECT_HOSTS"
            )


def redirect_to(
    target: str, *, previous: str, named: str, named_is_public: bool, allowed_hosts: Iterable[str]
) -> Redirect:
    """A redirect that may be followed, as far as its URL tells.

    Args:
        target: URL to which it leads.
        previous: URL that redirected.
        named: URL with which the chain of redirects began, which the operator or the vendor's adapter named.
        named_is_public: Whether that URL's server has a public address. If so, its name must not lead to a private one
            later on.
        allowed_hosts: SIGNALS_REDIRECT_HOSTS: `host` for all its ports, or `host:port`.

    Raises:
        SourceError: It leads from https to http, or its host is written as an address that is not public.
    """
    source = host_and_path(previous)
    shown_target = host_and_path(target)
    parts = urlsplit(target)
    if urlsplit(previous).scheme == "https" and parts.scheme == "http":
        raise SourceError(
            f"{source}: not followed, its redirect to {shown_target} leads from https to http; name the target in"
            " SIGNALS_FEEDS if it is to be read unencrypted"
        )
    host, port = _host_and_port(target)
    allowed = {entry.lower() for entry in allowed_hosts}
    # Another port of the same machine is another server, except for the change between http and https.
    named_host, named_port = _host_and_port(named)
    same_server = host == named_host and (port == named_port or {port, named_port} == set(_DEFAULT_PORTS.values()))
    may_be_private = bool({host, f"{host}:{port}"} & allowed) or (same_server and not named_is_public)
    redirect = Redirect(source, shown_target, may_be_private)
    # Before a connection is opened, and where a proxy opens it: the proxy's address says nothing about the target's.
    literal = _literal_address(host)
    if literal:
        redirect.check(literal)
    return redirect


def is_within(url: str, domain: str) -> bool:
    """Whether a URL is of a domain or of a host below it, over https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and f".{parts.hostname}".endswith(f".{domain}")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    Loopback, link-local (such as 169.254.169.254 of cloud metadata), private, shared, reserved, multicast and
    unspecified addresses are not; nor is an IPv6 address that stands for such an IPv4 address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local one
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = _embedded_ipv4(ip)
        if embedded is not None:
            return is_public(str(embedded))
        if ip.is_site_local:  # deprecated (RFC 3879), and still private
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address for which an IPv6 address stands; None for all others."""
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    if any(ip in network for network in _LAST_BITS):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


def _host_and_port(url: str) -> tuple[str, int | None]:
    """Host, in lower case, and port of a URL, where none is written that of its scheme."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _literal_address(host: str) -> str:
    """The IP address that a host is written as; empty for a name.

    Resolvers read decimal, octal and hexadecimal numbers, too: 2130706433, 0177.1 and 0x7f000001 are 127.0.0.1.
    """
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761: always loopback
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return ""
