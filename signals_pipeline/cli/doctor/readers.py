"""Checks of `signals doctor` on what readers get: the newest signals, the mails of the newest digest, and the channels.

Whether a digest exists at all is `local.newest_window`; whether a mail waits for an operator is `local.deliveries`.
"""

from datetime import timedelta

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn
from signals_pipeline.cli.database import existing_database
from signals_pipeline.core.text import short_duration
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment

# As many as one window can have: the upper bound of MAX_SIGNALS.
_MOST_SIGNALS = 500
_NOBODY_EXPECTS = ("unsubscribed", "abandoned")


def signals(settings: Settings) -> ProbeResult:
    """What generated the newest signals, and whether one of them repeats an active one that readers were told."""
    from signals_pipeline.adapters.stores.signal_history import SignalHistory
    from signals_pipeline.adapters.stores.signals import SignalFilter, SignalReader
    from signals_pipeline.core.windows import window_starting

    with existing_database(settings) as engine:
        newest = SignalReader(engine).list(limit=1) if engine else []
        if engine is None or not newest:
            return warn("signal_history is empty", "signals run")
        window = window_starting(newest[0].window_start)
        decided = SignalReader(engine).list(limit=_MOST_SIGNALS, wanted=SignalFilter(window_start=window.start))
        expiry = decided[0].expires_at - decided[0].decided_at
        history = SignalHistory(engine)
        active = {signal.symbol: signal for signal in history.active(window.end, expiry / timedelta(days=1))}
        modes = history.modes(window.end)

    described = f"{len(decided)} of {window.key}"
    for signal in decided:
        earlier = active.get(signal.symbol)
        # Nobody was told the signals of a backfill, whenever it ran.
        if signal.lifecycle == "new" and earlier is not None and modes[earlier.window_start] != "backfill":
            former = f"{earlier.signal_type} {earlier.symbol} of {window_starting(earlier.window_start).key}"
            return fail(
                f"{described}: {signal.signal_type} {signal.symbol} is reported as new, but {former} was active",
                "compare the two in signal_history, and report it",
            )
    sources = sorted({signal.source for signal in decided})
    if sources != ["news_driven_ml"]:
        remedy = "expected while the emergency switch is on; back: signals generator news_driven"
        return warn(f"{described}, by {' and '.join(sources)}", remedy)
    return ok(f"{described}, by {' and '.join(sources)}; none repeats an active one")


def newest_mail(settings: Settings) -> ProbeResult:
    """Whether the mails of the newest live digest were handed over, and how soon."""
    if settings.signals_deployment is Deployment.DEMO:
        return ok("the demo mails nothing by itself")
    from signals_pipeline.adapters.stores.digests import DigestRepository
    from signals_pipeline.adapters.stores.outbox import Outbox
    from signals_pipeline.core.digest.delivery import SEND_WITHIN
    from signals_pipeline.core.windows import window_starting

    with existing_database(settings) as engine:
        digest = DigestRepository(engine).newest_live() if engine else None
        if engine is None or digest is None:
            return warn("no live digest yet", "signals run, or wait for the schedule")
        window = window_starting(digest.entry.window_start)
        mails = [mail for mail in Outbox(engine).mails_for(window) if mail.reason not in _NOBODY_EXPECTS]
    if not mails:
        return warn(f"{window.key} was mailed to nobody", "set DIGEST_RECIPIENTS; signals send sends it now")
    sent_at = [mail.sent_at for mail in mails if mail.sent_at is not None]
    described = f"{len(sent_at)} of {len(mails)} of {window.key} handed over"
    if len(sent_at) < len(mails):
        return warn(described, "signals deliveries says which and why")
    delay = max(sent_at) - window.end
    described += f", the last {short_duration(delay)} after the window's end"
    if delay > SEND_WITHIN:
        return warn(described, "the next digest is to be on time: see its run")
    return ok(described)


def channels(settings: Settings) -> ProbeResult:
    """How many channels can be used, and why another can't; no message is sent."""
    from signals_pipeline.defs.channels import channels_of

    found = channels_of(settings)
    if found.unread:
        return fail(found.unread, "correct SIGNALS_READERS, or the file")
    described = f"{len(found.usable)} of {len(found.usable) + len(found.problems)} can be used"
    if found.problems:
        return fail(f"{described}; {'; '.join(found.problems.values())}", "see docs/channels.md")
    if found.warnings:
        return warn(f"{described}; {'; '.join(found.warnings)}", "see docs/channels.md")
    return ok(f"{described}; `signals send-test {next(iter(found.usable), 'KIND:NAME')}` tries one")
