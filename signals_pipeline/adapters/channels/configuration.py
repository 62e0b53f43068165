"""Channels as the file of readers has them: a mapping per channel, checked here; one mistake stops one channel.

A channel has `kind`, and by its kind `url`, `secret` and `chat`. Each value is text, or `env:NAME` for a variable of
the environment: an address of a chat service is a secret, and a file of readers is none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.channels.signing import WebhookSecretError, signing_key
from signals_pipeline.adapters.channels.transport import ChannelTransport
from signals_pipeline.core.digest.channels import ChannelKind
from signals_pipeline.core.digest.delivery import NotSent
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings.referenced import PREFIX

TELEGRAM_URL = "https://api.telegram.org"

_KEYS = ("kind", "url", "secret", "chat")
_REQUIRED: Mapping[ChannelKind, tuple[str, ...]] = {
    ChannelKind.SLACK: ("url",),
    ChannelKind.TELEGRAM: ("secret", "chat"),
    ChannelKind.DISCORD: ("url",),
    ChannelKind.TEAMS: ("url",),
    ChannelKind.NTFY: ("url",),
    ChannelKind.WEBHOOK: ("url", "secret"),
}
_SECRET_KEYS = ("url", "secret")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_URL = re.compile(r"[!-~]{1,2000}")
_TOKEN = re.compile(r"[!-~]{1,500}")
_KINDS = ", ".join(ChannelKind)


class ChannelError(SignalsError, ValueError):
    """A channel can't be used; the message is one line that names the channel and repeats no address or secret."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a deployment.

    Attributes:
        usable: Channels by recipient, such as `slack:desk`.
        problems: Why others can't be used, one line by recipient.
        warnings: Lines about channels that work all the same.
        unread: Why no channel is known, because their file can't be read; empty where it could.
        limits: What their connections may do.
    """

    usable: Mapping[str, Channel] = field(default_factory=dict[str, Channel])
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()
    unread: str = ""
    limits: Limits = field(default_factory=Limits)

    def channel(self, recipient: str) -> Channel:
        """The channel of a recipient.

        Raises:
            NotSent: it can't be used, which a correction of its file or of the environment ends.
        """
        channel = self.usable.get(recipient)
        if channel is not None:
            return channel
        unknown = f"{recipient}: no such channel; add it to the channels of SIGNALS_READERS"
        raise NotSent(self.unread or self.problems.get(recipient, unknown), permanent=False)

    def transport(self, channel: Channel, message_id: str, sent_at: datetime) -> ChannelTransport:
        """What sends one message to a channel; arguments as in `ChannelTransport`."""
        return ChannelTransport(channel, message_id, sent_at, self.limits)


def parse_channels(
    raw: Mapping[str, Mapping[str, object]],
    value_of: Callable[[str], str],
    limits: Limits,
    *,
    warn_of_clear_text: bool,
) -> Channels:
    """The channels of a file.

    Args:
        raw: What the file says of each, by name.
        value_of: The value of a variable of the environment; empty where it is not set.
        limits: What their connections may do.
        warn_of_clear_text: Whether an address or a secret in the file itself is worth a warning.
    """
    usable: dict[str, Channel] = {}
    problems: dict[str, str] = {}
    warnings: list[str] = []
    for name, entry in raw.items():
        try:
            channel = _channel(name, entry, value_of, limits)
        except ChannelError as error:
            problems[f"{entry.get('kind')}:{name}"] = str(error)
            continue
        usable[channel.recipient] = channel
        clear = [key for key in _SECRET_KEYS if key in entry and not str(entry[key]).startswith(PREFIX)]
        # The address of a webhook is no secret where requests are signed, nor that of a Bot API.
        if channel.kind in (ChannelKind.WEBHOOK, ChannelKind.TELEGRAM):
            clear = [key for key in clear if key != "url"]
        if warn_of_clear_text and clear:
            key = clear[0]
            warnings.append(f"channel {name}: its {key} stands in the file; write `{key}: env:NAME` and set NAME")
    return Channels(usable, problems, tuple(warnings), limits=limits)


def _channel(name: str, entry: Mapping[str, object], value_of: Callable[[str], str], limits: Limits) -> Channel:
    """The channel of an entry.

    Raises:
        ChannelError: the entry's first mistake.
    """
    kind = _kind(name, entry)
    for key in entry:
        if key not in _KEYS:
            raise ChannelError(f"channel {name}: unknown key {key[:40]!r}; use {', '.join(_KEYS)}")
    values = {key: _value(name, key, entry[key], value_of) for key in _KEYS[1:] if key in entry}
    for key in _REQUIRED[kind]:
        if key not in values:
            raise ChannelError(f"channel {name}: {kind} needs `{key}`; write `{key}: env:NAME`")
    if kind is ChannelKind.TELEGRAM:
        values.setdefault("url", TELEGRAM_URL)
    channel = Channel(kind, name, values["url"], values.get("secret", ""), values.get("chat", ""))
    _check_url(channel, limits)
    _check_secret(channel)
    return channel


def _kind(name: str, entry: Mapping[str, object]) -> ChannelKind:
    try:
        return ChannelKind(str(entry.get("kind")))
    except ValueError:
        raise ChannelError(f"channel {name}: unknown kind {str(entry.get('kind'))[:40]!r}; use {_KINDS}") from None


def _value(name: str, key: str, given: object, value_of: Callable[[str], str]) -> str:
    """A value of an entry, or the variable's to which it refers."""
    if not isinstance(given, str) or not given.strip():
        raise ChannelError(f"channel {name}: `{key}` has no text; write `{key}: env:NAME`")
    text = given.strip()
    if not text.startswith(PREFIX):
        return text
    variable = text.removeprefix(PREFIX)
    if not _VARIABLE.fullmatch(variable):
        raise ChannelError(f"channel {name}: `{key}` names no variable; write `{key}: env:NAME`")
    value = value_of(variable).strip()
    if not value:
        raise ChannelError(
            f"channel {name}: {variable} is not set; set it in the environment, .env or CHANNELS_VARIABLES"
        )
    return value


def _check_url(channel: Channel, limits: Limits) -> None:
    """Refuse a URL that nothing can be posted to."""
    name, url = channel.name, channel.url
    advice = "write an https address, as the service shows it"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ChannelError(f"channel {name}: its url can't be read; {advice}") from None
    if not host or port == 0 or not _URL.fullmatch(url):
        raise ChannelError(f"channel {name}: its url can't be read; {advice}")
    if parts.username is not None or parts.fragment:
        raise ChannelError(f"channel {name}: its url has a user or a fragment; {advice}")
    if channel.kind is ChannelKind.NTFY and not parts.path.strip("/"):
        raise ChannelError(f"channel {name}: its url has no topic; write it as https://ntfy.sh/TOPIC")
    if parts.scheme == "https":
        return
    is_named = limits.may_be_private(host, port or 80)
    if parts.scheme != "http" or not is_named:
        raise ChannelError(
            f"channel {name}: its url is not https; {advice}, or name its host in CHANNELS_PRIVATE_HOSTS if it is a"
            " server of your own network"
        )


def _check_secret(channel: Channel) -> None:
    """Refuse a secret that can't be used as its service's."""
    if channel.kind is ChannelKind.WEBHOOK:
        try:
            for secret in channel.secret.split():
                signing_key(secret)
        except WebhookSecretError as error:
            raise ChannelError(f"channel {channel.name}: {error}") from None
        return
    # It stands in a header or a path.
    if channel.secret and not _TOKEN.fullmatch(channel.secret):
        raise ChannelError(f"channel {channel.name}: its secret has a blank or a special character; copy it again")
