"""One channel: which service it is, and the address and secrets under which that takes messages."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from signals_pipeline.core.digest.channels import ChannelKind, channel_recipient
from signals_pipeline.core.redaction import redact_text

_MIN_HIDDEN = 6
"""Characters of a part of a URL from which on it counts as secret: shorter ones are words such as `api`."""

_MAX_ERROR = 300  # characters of an error in the outbox; servers may send pages


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that messages can be sent to.

    Attributes:
        kind: The service.
        name: Its name in the file of readers.
        url: Where messages are posted to; nearly always a secret.
        secret: A token (Telegram, ntfy) or signing secrets separated by blanks (webhook); empty for none.
        chat: The conversation, where the URL does not say it (Telegram).
    """

    kind: ChannelKind
    name: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    chat: str = ""

    @property
    def recipient(self) -> str:
        """The channel as the outbox and messages name it."""
        return channel_recipient(self.kind, self.name)

    def error_line(self, text: str) -> str:
        """Somebody else's words on one line of at most 300 characters, without this channel's address and secrets."""
        parts = urlsplit(self.url)
        secrets = [self.url, *self.secret.split(), parts.path.strip("/"), parts.query]
        secrets += [part for part in parts.path.split("/") if len(part) >= _MIN_HIDDEN]
        secrets += [pair.partition("=")[2] for pair in parts.query.split("&")]
        line = redact_text(" ".join(text.split()), [secret for secret in secrets if len(secret) >= _MIN_HIDDEN])
        printable = "".join(character for character in line if character.isprintable())
        return printable[:_MAX_ERROR]
