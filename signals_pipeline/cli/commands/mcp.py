"""`signals mcp`: answer the tools of agents."""

import click

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings import Settings


@click.command()
def mcp() -> None:
    """Answer agents over the Model Context Protocol.

    It reads standard input and writes standard output; docs/agents.md says how an agent starts it.
    """
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        raise SignalsError("mcp is not installed; pip install 'signals_pipeline[mcp]'")
    from signals_pipeline.cli.mcp import serve

    serve(Settings.checked())
