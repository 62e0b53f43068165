"""The services: how each wants a message written, how long it may be, and what its replies mean.

One class per service with the same four members. Facts are from the services' own documentation, named at each class;
what all HTTP services share (statuses, `Retry-After`) is in `transport`. Text from headlines is escaped, and mentions
such as `@everyone` are switched off: a headline must not be able to call a whole company.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.connection import Reply
from signals_pipeline.core.digest.channels import ChannelKind
from signals_pipeline.core.digest.chat import ChatMessage, most_that_fits

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}


class ChatService(Protocol):
    """What a chat service needs to be told apart from the others."""

    def body(self, channel: Channel, message: ChatMessage) -> bytes:
        """The request's body, cut at whole lines to the service's limit."""
        ...

    def url(self, channel: Channel) -> str:
        """Where it is posted to."""
        ...

    def headers(self, channel: Channel) -> Mapping[str, str]:
        """The request's headers."""
        ...

    def message_id(self, reply: Reply) -> str:
        """The service's name for a message that it accepted; empty where it gives none."""
        ...


@dataclass(frozen=True, slots=True)
class Slack:
    """Slack's incoming webhooks.

    Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (200 with `ok`; 400, 403, 404 and
    410 with a word such as `invalid_token` or `channel_is_archived`), https://docs.slack.dev/apis/web-api/rate-limits
    (one message per second; 429 with the header Retry-After), and
    https://docs.slack.dev/changelog/2018-truncating-really-long-messages (text is cut after 40,000 characters).
    """

    max_characters = 40_000

    def body(self, channel: Channel, message: ChatMessage) -> bytes:  # noqa: ARG002 - the URL says it all
        """`text` in Slack's mrkdwn. Links are not unfolded into previews."""
        text = _fitting_text(message, self._text, lambda text: len(text) <= self.max_characters)
        return _json({"text": text, "unfurl_links": False, "unfurl_media": False})

    def url(self, channel: Channel) -> str:
        """The webhook's URL."""
        return channel.url

    def headers(self, channel: Channel) -> Mapping[str, str]:  # noqa: ARG002
        """JSON."""
        return JSON_HEADERS

    def message_id(self, reply: Reply) -> str:  # noqa: ARG002
        """Slack names none."""
        return ""

    @staticmethod
    def _text(message: ChatMessage) -> str:
        # Slack wants these three escaped and nothing else; `<!channel>` is then plain text.
        def escape(text: str) -> str:
            return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

        ending = message.ending
        if message.link:
            ending = f"<{message.link}|{ending}>"
        return _joined(
            f"*{escape(message.title)}*", escape(message.subtitle), [escape(line) for line in message.lines], ending
        )


@dataclass(frozen=True, slots=True)
class Telegram:
    """Telegram's Bot API, method sendMessage.

    Source: https://core.telegram.org/bots/api#sendmessage (text of 1 to 4096 characters after entities parsing) and
    #making-requests (`ok`, `description`; on 429 the field `parameters.retry_after`, in seconds). Lengths of messages
    are counted in UTF-16 code units there.
    """

    max_units = 4096

    def body(self, channel: Channel, message: ChatMessage) -> bytes:
        """`text` in Telegram's HTML. What is escaped counts as one character again, so this is within the limit."""
        text = _fitting_text(message, self._text, lambda text: len(text.encode("utf-16-le")) // 2 <= self.max_units)
        content = {
            "chat_id": channel.chat,
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        return _json(content)

    def url(self, channel: Channel) -> str:
        """The bot's URL, with its token."""
        return f"{channel.url.rstrip('/')}/bot{channel.secret}/sendMessage"

    def headers(self, channel: Channel) -> Mapping[str, str]:  # noqa: ARG002
        """JSON."""
        return JSON_HEADERS

    def message_id(self, reply: Reply) -> str:
        """`result.message_id`."""
        result = json_object(json_object(reply.body).get("result"))
        return str(result.get("message_id", ""))

    @staticmethod
    def _text(message: ChatMessage) -> str:
        def escape(text: str) -> str:
            return html.escape(text, quote=False)

        ending = message.ending
        if message.link:
            ending = f'<a href="{html.escape(message.link)}">{ending}</a>'
        return _joined(
            f"<b>{escape(message.title)}</b>",
            escape(message.subtitle),
            [escape(line) for line in message.lines],
            ending,
        )


# Characters with a meaning in Discord's markdown, and those that begin a link or a mention.
_DISCORD_MARKUP = re.compile(r"([\\*_~`|>#\[\]()<@-])")


@dataclass(frozen=True, slots=True)
class Discord:
    """Discord's webhooks.

    Sources: https://docs.discord.com/developers/resources/webhook#execute-webhook (`content` of up to 2000 characters;
    without `wait` a message that is not saved returns no error) and
    https://docs.discord.com/developers/topics/rate-limits (429 with Retry-After and the JSON field `retry_after`, in
    seconds with decimals; a webhook that returns 404 must not be used again).
    """

    max_characters = 2000
    suppress_embeds = 1 << 2  # the message flag SUPPRESS_EMBEDS: links are not unfolded into previews

    def body(self, channel: Channel, message: ChatMessage) -> bytes:  # noqa: ARG002
        """`content` in Discord's markdown, which mentions nobody."""
        text = _fitting_text(message, self._text, lambda text: len(text) <= self.max_characters)
        return _json({"content": text, "allowed_mentions": {"parse": []}, "flags": self.suppress_embeds})

    def url(self, channel: Channel) -> str:
        """The webhook's URL; Discord is to say whether it has saved the message."""
        separator = "&" if urlsplit(channel.url).query else "?"
        return f"{channel.url}{separator}wait=true"

    def headers(self, channel: Channel) -> Mapping[str, str]:  # noqa: ARG002
        """JSON."""
        return JSON_HEADERS

    def message_id(self, reply: Reply) -> str:
        """The message's `id`."""
        return str(json_object(reply.body).get("id", ""))

    @staticmethod
    def _text(message: ChatMessage) -> str:
        def escape(text: str) -> str:
            return _DISCORD_MARKUP.sub(r"\\\1", text)

        ending = f"{message.ending}: {message.link}" if message.link else message.ending
        return _joined(
            f"**{escape(message.title)}**", escape(message.subtitle), [escape(line) for line in message.lines], ending
        )


@dataclass(frozen=True, slots=True)
class Teams:
    """Microsoft Teams: the workflow "When a Teams webhook request is received".

    Sources: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    (28 KB; more than four requests per second get 429) and https://learn.microsoft.com/connectors/teams/ (the same
    limit for cards that a flow posts). The workflow replies 202 before it posts: it has accepted the card, and what it
    does with it is in its own run history.
    """

    max_bytes = 28_000

    def body(self, channel: Channel, message: ChatMessage) -> bytes:  # noqa: ARG002
        """An Adaptive Card with one text block per line."""

        def write(count: int) -> bytes:
            return _json({"type": "message", "attachments": [self._card(message.first_lines(count))]})

        return most_that_fits(len(message.lines), write, lambda body: len(body) <= self.max_bytes)

    def url(self, channel: Channel) -> str:
        """The workflow's URL."""
        return channel.url

    def headers(self, channel: Channel) -> Mapping[str, str]:  # noqa: ARG002
        """JSON."""
        return JSON_HEADERS

    def message_id(self, reply: Reply) -> str:
        """The run of the workflow that got the card."""
        return reply.headers.get("x-ms-workflow-run-id", "")

    @staticmethod
    def _card(message: ChatMessage) -> dict[str, Any]:
        def escape(text: str) -> str:
            return re.sub(r"([\\*_\[\]()`#])", r"\\\1", text)  # text blocks take a part of Markdown

        texts = [message.subtitle, *message.lines, "" if message.link else message.ending]
        blocks: list[dict[str, Any]] = [
            {"type": "TextBlock", "text": escape(message.title), "weight": "Bolder", "wrap": True},
            *({"type": "TextBlock", "text": escape(text), "wrap": True} for text in texts if text),
        ]
        card: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": blocks,
        }
        if message.link:
            card["actions"] = [{"type": "Action.OpenUrl", "title": message.ending, "url": message.link}]
        return {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}


@dataclass(frozen=True, slots=True)
class Ntfy:
    """ntfy, at ntfy.sh or a server of one's own.

    Source: https://docs.ntfy.sh/publish/ (publish as JSON to the server's root; access tokens as Bearer; a message of
    more than 4,096 bytes becomes an attachment) and the server's errors.go: errors are JSON with `code` and `error`.
    """

    max_bytes = 4096

    def body(self, channel: Channel, message: ChatMessage) -> bytes:
        """Plain text, and the page as what a tap opens."""
        text = _fitting_text(message, self._text, lambda text: len(text.encode()) <= self.max_bytes)
        content = {"topic": self._topic(channel), "title": message.title, "message": text}
        if message.link:
            content["click"] = message.link
        return _json(content)

    def url(self, channel: Channel) -> str:
        """The server's root: the topic, which is the last part of the channel's URL, goes into the body."""
        root, _, _ = channel.url.rstrip("/").rpartition("/")
        return f"{root}/"

    def headers(self, channel: Channel) -> Mapping[str, str]:
        """JSON, and the access token."""
        token = {"Authorization": f"Bearer {channel.secret}"} if channel.secret else {}
        return {**JSON_HEADERS, **token}

    def message_id(self, reply: Reply) -> str:
        """The message's `id`."""
        return str(json_object(reply.body).get("id", ""))

    @staticmethod
    def _topic(channel: Channel) -> str:
        return channel.url.rstrip("/").rpartition("/")[2]

    @staticmethod
    def _text(message: ChatMessage) -> str:
        ending = f"{message.ending}: {message.link}" if message.link else message.ending
        return _joined("", message.subtitle, message.lines, ending)


SERVICES: Mapping[ChannelKind, ChatService] = {
    ChannelKind.SLACK: Slack(),
    ChannelKind.TELEGRAM: Telegram(),
    ChannelKind.DISCORD: Discord(),
    ChannelKind.TEAMS: Teams(),
    ChannelKind.NTFY: Ntfy(),
}


def json_object(value: object) -> dict[str, Any]:
    """A JSON object, from a body or a value that was one; empty where it is none."""
    if isinstance(value, bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):  # the latter: thousands of nested brackets
            return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _fitting_text(message: ChatMessage, write: Callable[[ChatMessage], str], fits: Callable[[str], bool]) -> str:
    """The message as text, with as many whole lines as fit."""
    return most_that_fits(len(message.lines), lambda count: write(message.first_lines(count)), fits)


def _joined(title: str, subtitle: str, lines: Iterable[str], ending: str) -> str:
    """The parts that there are, one per line."""
    return "\n".join(part for part in (title, subtitle, *lines, ending) if part)


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
