"""The commands of `signals`, one module per command.

Light commands import what they need inside their functions. Heavy ones are groups or have options that need the
packages they work with; `HEAVY_COMMANDS` holds what `signals --help` says about them, so that it need not import them.
"""

from dataclasses import dataclass

import click

from signals_pipeline.cli.commands.audit import audit
from signals_pipeline.cli.commands.backfill import backfill
from signals_pipeline.cli.commands.classify import classify
from signals_pipeline.cli.commands.doctor import doctor
from signals_pipeline.cli.commands.export import export
from signals_pipeline.cli.commands.feedback import feedback
from signals_pipeline.cli.commands.mcp import mcp
from signals_pipeline.cli.commands.migrate import migrate
from signals_pipeline.cli.commands.prepare import prepare
from signals_pipeline.cli.commands.preview import preview
from signals_pipeline.cli.commands.prune import prune
from signals_pipeline.cli.commands.publish import publish
from signals_pipeline.cli.commands.readers import readers
from signals_pipeline.cli.commands.record import record
from signals_pipeline.cli.commands.run import run
from signals_pipeline.cli.commands.schedule import schedule
from signals_pipeline.cli.commands.send import send
from signals_pipeline.cli.commands.send_test import send_test
from signals_pipeline.cli.commands.tune import tune
from signals_pipeline.cli.commands.watch import watch
from signals_pipeline.cli.commands.web import web

LIGHT_COMMANDS: tuple[click.Command, ...] = (
    audit,
    backfill,
    classify,
    doctor,
    export,
    feedback,
    mcp,
    migrate,
    prepare,
    preview,
    prune,
    publish,
    readers,
    record,
    run,
    schedule,
    send,
    send_test,
    tune,
    watch,
    web,
)


@dataclass(frozen=True, slots=True)
class HeavyCommand:
    """A command whose module is imported when it is run.

    Attributes:
        module: Module in this package; the command is its attribute of the same name as the command.
        summary: First sentence of its help.
    """

    module: str
    summary: str


HEAVY_COMMANDS = {
    "deliveries": HeavyCommand("deliveries", "List unsent mails; release, abandon or send them."),
    "deploy": HeavyCommand("deploy", "Build, test and push an image, and put it into service."),
    "generator": HeavyCommand("deploy", "Switch the signal generator, without a new image."),
    "model": HeavyCommand("model", "Fetch, export, verify, distil and list sentiment models."),
    "news": HeavyCommand("news", "Check a file of recorded headlines."),
    "prices": HeavyCommand("prices", "Check a file of recorded daily bars."),
    "rollback": HeavyCommand("deploy", "Put an earlier REVISION back into service."),
    "status": HeavyCommand("deploy", "Show what is in service: revisions, image and generator."),
    "watchlist": HeavyCommand("watchlist", "Check the watchlist, list presets, copy one."),
}

SECTIONS = {
    "Run": ("run", "backfill", "schedule", "doctor"),
    "Look back": ("record", "audit", "tune", "export", "feedback", "classify"),
    "Mail": ("preview", "send", "send-test", "deliveries", "readers"),
    "Pages and agents": ("web", "publish", "mcp"),
    "Inputs": ("watchlist", "news", "prices"),
    "Sentiment model": ("model",),
    "Database": ("migrate", "prepare", "prune"),
    "AWS": ("deploy", "rollback", "status", "generator", "watch"),
}
"""The sections of `signals --help`: every command once."""
