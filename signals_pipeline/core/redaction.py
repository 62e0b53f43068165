"""What may be shown of a URL, or of a message that may repeat a secret.

Every URL that reaches a log, a page, a terminal or an exception goes through `redact_url` or `host_and_path`. They read
the text themselves instead of calling a parser: parsers disagree about malformed URLs, and what one of them takes for a
path another takes for a password. Where the parts can't be told apart, nothing but the scheme is shown.
"""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_URL_IN_TEXT = re.compile(rf"{_SCHEME.pattern}[^\s\"'<>]+")
# A name or an IPv4 address, or a bracketed IPv6 address; and a port. A percent sign may stand for an encoded "@".
_HOST = re.compile(r"([^\s:@%\[\]\\]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
# A word in place of a URL, such as a misspelt name of a feed. Keys have digits, or are longer.
_WORD = re.compile(r"[A-Za-z:._/-]{1,30}")

# Query parameters of database URLs that hold no secret. All others are hidden, whatever their names: no list of the
# names under which servers expect secrets would be complete.
_NAME = re.compile(r"[A-Za-z0-9._/%:-]*")
_NUMBER = re.compile(r"[0-9]{0,6}")
_CHOICE = re.compile(r"[a-z-]{0,20}")
_HARMLESS_PARAMETERS = {
    "application_name": _NAME,
    "dbname": _NAME,
    "host": _NAME,
    "hostaddr": _NAME,
    "connect_timeout": _NUMBER,
    "port": _NUMBER,
    "timeout": _NUMBER,
    "mode": _CHOICE,
    "sslmode": _CHOICE,
    "uri": _CHOICE,
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a URL, as they are written.

    Attributes:
        scheme: Its scheme.
        user: User and password; empty without.
        host: Host, without brackets.
        host_and_port: Host and port.
        path: Path, with its slash.
        query: Query; empty without.
        fragment: Fragment; empty without.
    """

    scheme: str
    user: str
    host: str
    host_and_port: str
    path: str
    query: str
    fragment: str


def redact_url(url: str) -> str:
    """The URL without what may be secret: user and password, query and fragment, each written as `***`.

    Parameters of databases that hold no secret are shown. Of a URL that can't be read, only the scheme is shown; of
    text that is no URL nothing, unless it is a short word without digits.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return url if _WORD.fullmatch(url) else HIDDEN
    parts = _split(url)
    if parts is None:
        return f"{scheme[0]}{HIDDEN}"
    user = f"{HIDDEN}@" if parts.user else ""
    query = f"?{_redact_query(parts.query)}" if parts.query else ""
    fragment = f"#{HIDDEN}" if parts.fragment else ""
    return f"{parts.scheme}://{user}{parts.host_and_port}{parts.path}{query}{fragment}"


def host_and_path(url: str) -> str:
    """Host and path of a URL, for messages and for names of feeds; `redact_url` where they can't be told."""
    parts = _split(url)
    if parts is None:
        return redact_url(url) if url else "(no host)"
    return f"{parts.host.lower()}{parts.path}" or "(no host)"


def redact_urls_in(text: str) -> str:
    """The text with every URL in it redacted."""
    return _URL_IN_TEXT.sub(lambda found: redact_url(found[0]), text)


def secrets_in_url(url: str) -> tuple[str, ...]:
    """What `redact_url` hides of a URL, for `redact_text`: user and password, and the values of hidden parameters."""
    if not _SCHEME.match(url):
        return ()
    parts = _split(url)
    if parts is None:
        # Whatever may be the user and the password is before the last "@".
        user, _, _ = url.partition("://")[2].rpartition("@")
        return _decoded([user, *user.split(":", 1)])
    secrets = [parts.user, *parts.user.split(":", 1), parts.fragment]
    for pair in re.split("[&;]", parts.query):
        name, _, value = pair.partition("=")
        if not _is_harmless(name, value):
            secrets.append(value or name)
    return _decoded(secrets)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it hidden, plain or encoded.

    The encodings: percent-encoded, base64 (as SMTP and HTTP send log-ins), and with the escapes of JSON and of Python.
    Empty secrets are ignored.
    """
    forms: set[str] = set()
    for secret in secrets:
        if secret:
            forms |= _forms(secret)
    # The longest first: one form may be part of another.
    for form in sorted(forms, key=lambda form: (-len(form), form)):
        text = text.replace(form, HIDDEN)
    return text


def _split(url: str) -> _Parts | None:
    """The parts of a URL; None where the text is none, or where they can't be told apart for sure."""
    scheme = _SCHEME.match(url)
    if scheme is None or not url.isprintable():
        return None
    before_fragment, _, fragment = url[scheme.end() :].partition("#")
    before_query, _, query = before_fragment.partition("?")
    authority, slash, path = before_query.partition("/")
    user, _, host_and_port = authority.rpartition("@")
    # A "/", "?" or "#" in a password ends the authority too early: what looks like the host is then the user, and an
    # "@" follows. A host with a dot and without a port is none: many paths have an "@".
    is_surely_host = "." in host_and_port and ":" not in host_and_port
    may_be_cut = bool(host_and_port) and not is_surely_host and "@" in f"{path}?{query}#{fragment}"
    host = _HOST.fullmatch(host_and_port)
    if host is None or may_be_cut:
        return None
    return _Parts(scheme[1], user, host[1].strip("[]"), host_and_port, slash + path, query, fragment)


def _redact_query(query: str) -> str:
    """The harmless parameters, and `***` in place of all others."""
    shown: list[str] = []
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")
        text = pair if _is_harmless(name, value) else HIDDEN
        if text not in shown:
            shown.append(text)
    return "&".join(shown)


def _is_harmless(name: str, value: str) -> bool:
    pattern = _HARMLESS_PARAMETERS.get(name.lower())
    return pattern is not None and bool(pattern.fullmatch(value))


def _decoded(parts: Iterable[str]) -> tuple[str, ...]:
    """Parts of a URL, decoded, each once; a plus sign is itself, or a blank as in forms."""
    decoded: dict[str, None] = {}
    for part in parts:
        if part:
            decoded.update({unquote(part): None, unquote_plus(part): None})
    return tuple(decoded)


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as messages encode it."""
    encoded = secret.encode(errors="surrogatepass")
    return {
        secret,
        quote(encoded, safe=""),
        quote(encoded),
        quote_plus(encoded),
        base64.b64encode(encoded).decode("ascii"),
        base64.urlsafe_b64encode(encoded).decode("ascii"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }
