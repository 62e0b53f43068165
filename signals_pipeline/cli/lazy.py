"""Commands whose arguments another module reads: it is imported only when one of them is run."""

from importlib import import_module

import click


def _passed_on(name: str, told: str, attribute: str, *, module: str, first: tuple[str, ...] = ()) -> click.Command:
    """A command whose arguments are read by one of another module, which is imported only when it is run.

    Args:
        name: What is typed after `signals`.
        told: What `signals --help` says of it.
        attribute: Name of the other command.
        module: Where it stands, below `signals_pipeline.cli`.
        first: Arguments that it is given before those typed.
    """

    @click.command(name, help=told, add_help_option=False, context_settings=dict(_PASSED_ON))
    @click.pass_context
    def pass_on(context: click.Context) -> None:
        command = getattr(import_module(f"signals_pipeline.cli.{module}"), attribute)
        prog_name = "signals" if first else f"signals {name}"
        command.main([*first, *context.args], prog_name=prog_name, standalone_mode=False)

    return pass_on


_PASSED_ON: dict[str, bool] = {"ignore_unknown_options": True, "allow_extra_args": True}
_RELEASES = {
    "deploy": "Release on AWS: build, check, push, migrate, put into service; back if it does not settle.",
    "rollback": "Put an earlier revision back into service on AWS.",
    "status": "What is in service on AWS.",
    "generator": "The emergency switch on AWS: technical, and back to news_driven.",
}
_GROUPS = {
    "deliveries": "List the mails that were not sent; release, abandon or send them.",
    "model": "Fetch, export, verify and list sentiment models.",
    "watchlist": "Check the watchlist, list the presets, copy one.",
}
COMMANDS: tuple[click.Command, ...] = (
    *(_passed_on(name, told, name, module=name) for name, told in _GROUPS.items()),
    *(_passed_on(name, told, "release", module="deploy", first=(name,)) for name, told in _RELEASES.items()),
)
