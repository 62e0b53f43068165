"""Kill -9 at every step of a message to a channel, and services that break at every step: at most once, none lost.

As `test_kills_mail`, over the same outbox: the second of three messages is the one that the sender dies with.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

import pytest

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.configuration import Channels, parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.mail.transport import Conversation
from signals_pipeline.core.digest.delivery import CLAIM_LASTS
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.channel_server import (
    ACCEPTED,
    DROP,
    RECIPIENTS,
    STALL,
    ChannelServer,
    Post,
    answer,
    channel_server,
    entries,
)
from signals_pipeline_tests.support.databases import PROCESSES, database_url, new_database
from signals_pipeline_tests.support.outbox_processes import (
    DUE,
    At,
    Deadly,
    DeadlyConversation,
    DeadlyOutbox,
    filled,
    killer,
    smtp,
    states,
)

__all__ = ["database_url"]

WHO = ("slack:s", "webhook:w", "telegram:t")  # the outbox sends in this order
LATER = CLAIM_LASTS + timedelta(minutes=1)
# Where the sender is killed -> what becomes of the second message, and how many copies of it arrived.
IN_THE_SENDER = {
    "unconnected": ("sent", 1),
    "connected": ("sent", 1),
    "claimed": ("unknown", 0),
    "handed over": ("unknown", 1),
    "settled": ("sent", 1),
    "disconnected": ("sent", 1),
}
# The sender goes on while the server looks: it may be a step further than what the server has seen.
AT_THE_SERVER = {
    "accepted": {"sent", "unknown"},
    "headers": {"unknown"},
    "body": {"unknown"},
    "answered": {"sent", "unknown"},
}


def channels(origin: str, seconds: float = 10) -> Channels:
    """A channel of each kind at a server on loopback."""
    limits = Limits(private_hosts=("127.0.0.1",), connect_seconds=seconds, reply_seconds=seconds)
    return parse_channels(entries(origin), lambda _: "", limits, warn_of_clear_text=False)


def mailing(origin: str, after: timedelta = timedelta(), who: tuple[str, ...] = WHO, seconds: float = 10) -> Mailing:
    """Messages to channels at a server, at a fixed time; no mail server listens."""
    return Mailing(
        "signals@example.org", who, smtp(1, ""), now=At(DUE + after), channels=partial(channels, origin, seconds)
    )


def deadly_pass(url: str, origin: str, place: str) -> None:
    """In a process of its own: one pass, killed at a place of the second message."""
    opened = open_store(url)
    deadly = Deadly(place)
    sender = replace(mailing(origin), channels=lambda: cast("Channels", DeadlyChannels(channels(origin), deadly)))
    send_due(replace(opened, outbox=DeadlyOutbox(opened.engine, deadly)), sender)


class DeadlyChannels:
    """Channels whose sender is killed at a place."""

    def __init__(self, inner: Channels, deadly: Deadly) -> None:
        self._inner = inner
        self._deadly = deadly

    def channel(self, recipient: str) -> Channel:
        """As `Channels.channel`."""
        return self._inner.channel(recipient)

    def transport(self, channel: Channel, message_id: str, sent_at: datetime) -> "DeadlyOffer":
        """As `Channels.transport`."""
        return DeadlyOffer(self._inner.transport(channel, message_id, sent_at).offer, self._deadly)


class DeadlyOffer:
    """A transport in whose steps the sender is killed."""

    def __init__(self, offer: Callable[[], AbstractContextManager[Conversation]], deadly: Deadly) -> None:
        self._offer = offer
        self._deadly = deadly

    @contextmanager
    def offer(self) -> Iterator[Conversation]:
        """As `ChannelTransport.offer`."""
        self._deadly.at("unconnected")
        with self._offer() as conversation:
            self._deadly.at("connected")
            yield DeadlyConversation(conversation, self._deadly)
        self._deadly.at("disconnected")


def accepting(post: Post) -> bytes:
    """What the service of this address replies."""
    return ACCEPTED[recipient_of(post)]


def recipient_of(post: Post) -> str:
    """The channel that a request was for."""
    marks = {"/services/": "slack:s", "/bot": "telegram:t", "/api/": "discord:d", "/workflows/": "teams:m"}
    for mark, recipient in marks.items():
        if post.target.startswith(mark):
            return recipient
    return "webhook:w" if post.target == "/hooks/signals" else "ntfy:n"


@pytest.mark.parametrize("place", IN_THE_SENDER)
def test_a_sender_killed_at_any_step_of_its_own(database_url: str, place: str) -> None:
    with filled(database_url, WHO), channel_server(accepting) as server:
        process = PROCESSES.Process(target=deadly_pass, args=(database_url, server.origin, place))
        process.start()
        process.join()
        assert process.exitcode == -9
        state, copies = IN_THE_SENDER[place]
        _settled(database_url, server, state, {copies})


@pytest.mark.parametrize("place", AT_THE_SERVER)
def test_a_sender_killed_at_any_step_of_the_server(database_url: str, place: str) -> None:
    running: list[BaseProcess] = []
    hook = killer(lambda: running[0].pid if running else None, place)
    with filled(database_url, WHO), channel_server(accepting, hook=hook) as server:
        process = PROCESSES.Process(target=deadly_pass, args=(database_url, server.origin, "never"))
        running.append(process)
        process.start()
        process.join()
        assert process.exitcode == -9
        running.clear()
        with filled(database_url, WHO) as opened:
            send_due(opened, mailing(server.origin, LATER))
            state = states(opened)[WHO[1]]
        assert state in AT_THE_SERVER[place]
        _settled(database_url, server, state, {1} if state == "sent" else {0, 1})


def _settled(url: str, server: ChannelServer, state: str, copies: set[int]) -> None:
    """Other processes come by at once, and once the dead one's claim has lapsed."""
    with filled(url, WHO) as opened:  # putting the digest again makes no second messages
        for after in (timedelta(), timedelta(minutes=2), LATER, LATER):
            send_due(opened, mailing(server.origin, after))
        arrived = Counter(recipient_of(post) for post in server.posts)
        assert states(opened) == dict(zip(WHO, ("sent", state, "sent"), strict=True))
        assert (arrived[WHO[0]], arrived[WHO[2]]) == (1, 1)
        assert arrived[WHO[1]] in copies
        # Nothing is lost silently: an operator finds it.
        assert {mail.recipient for mail in opened.outbox.open()} == ({WHO[1]} if state == "unknown" else set())


def test_two_senders_at_once_send_each_message_once(database_url: str) -> None:
    with filled(database_url, WHO) as opened, channel_server(accepting) as server:
        senders = [PROCESSES.Process(target=deadly_pass, args=(database_url, server.origin, "never")) for _ in range(3)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert [sender.exitcode for sender in senders] == [0, 0, 0]
        assert states(opened) == dict.fromkeys(WHO, "sent")
    assert sorted(map(recipient_of, server.posts)) == sorted(WHO)


# What a service does -> the state of its message.
SERVICES: dict[str, tuple[bytes, tuple[str, ...], str]] = {
    "drops at once": (b"", ("accepted",), "pending or unknown"),
    "drops after the headers": (b"", ("headers",), "pending or unknown"),
    "takes it and drops": (DROP, (), "unknown"),
    "takes it and stalls": (STALL, (), "unknown"),
    "takes it and fails": (answer(500, "rollup_error"), (), "unknown"),
    "is a broken gateway": (answer(502), (), "unknown"),
    "is not available": (answer(503, "", Retry_After="60"), (), "pending"),
    "limits the rate": (answer(429, "", Retry_After="60"), (), "pending"),
    "refuses": (answer(400, "invalid_payload"), (), "failed"),
    "is gone": (answer(410, "channel_is_archived"), (), "failed"),
    "redirects": (answer(307, "", Location="http://169.254.169.254/latest"), (), "failed"),
}


@pytest.mark.parametrize("case", SERVICES)
def test_a_service_that_breaks_at_any_step(tmp_path: Path, case: str) -> None:
    reply, drops, expected = SERVICES[case]
    with filled(new_database("sqlite", tmp_path), RECIPIENTS) as opened:
        with channel_server(reply, drops=drops) as broken:
            here = mailing(broken.origin, who=RECIPIENTS, seconds=0.5 if reply == STALL else 10)
            report = send_due(opened, here)
        first = states(opened)
        assert set(first.values()) <= set(expected.split(" or "))
        assert report.needs_operator == bool({"failed", "unknown"} & set(first.values()))
        assert {mail.recipient for mail in opened.outbox.open()} == set(RECIPIENTS)
        broken_posts = Counter(map(recipient_of, broken.posts))
        assert all(count == 1 for count in broken_posts.values())

        # Then one that works: only what was certainly not accepted is sent again, and once.
        with channel_server(accepting) as working:
            for after in (timedelta(), timedelta(minutes=2), LATER):
                send_due(opened, mailing(working.origin, after, RECIPIENTS))
        again = sorted(recipient for recipient, state in first.items() if state == "pending")
        assert sorted(map(recipient_of, working.posts)) == again
        assert states(opened) == {
            recipient: "sent" if state == "pending" else state for recipient, state in first.items()
        }
