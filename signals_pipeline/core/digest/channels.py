"""Channels: recipients that are no mail addresses, as the outbox names them.

A channel is a Slack, Telegram, Discord or Teams conversation, an ntfy topic, or a webhook. The outbox stores its
recipient as `KIND:NAME`, such as `slack:desk`: never an address or a token. What is sent to it is in `chat`; how it is
sent, in `adapters.channels`.
"""

from enum import StrEnum


class ChannelKind(StrEnum):
    """The services that a message can go to; the values are stored in the outbox and never change."""

    SLACK = "slack"
    TELEGRAM = "telegram"
    DISCORD = "discord"
    TEAMS = "teams"
    NTFY = "ntfy"
    WEBHOOK = "webhook"


def channel_recipient(kind: ChannelKind, name: str) -> str:
    """A channel as the outbox stores it."""
    return f"{kind}:{name}"
