"""`signals model`: prepare FinBERT once, so that runs need neither torch nor a network."""

from collections.abc import Iterator
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.model.choice import model_folder
from signals_pipeline.adapters.model.folder import ModelError, read_config
from signals_pipeline.adapters.model.running import SentimentModel
from signals_pipeline.core.sentiment.tone import LABELS, softmax
from signals_pipeline.model_export import prepare, source
from signals_pipeline.model_export.verify import read
from signals_pipeline.settings import Settings

PROBE = "Company profit rises sharply, well above expectations"


@click.group()
def model() -> None:
    """Fetch, export, verify and list sentiment models."""


@model.command()
@click.option(
    "--from", "given", type=click.Path(path_type=Path), help="A folder in the hub's layout, instead of the hub."
)
@click.option("--repository", help="Another model of the hub than ProsusAI/finbert.")
@click.option("--revision", help="Its commit; needed with --repository.")
def fetch(given: Path | None, repository: str | None, revision: str | None) -> None:
    """Get FinBERT's weights at the pinned revision, from the Hugging Face hub or a folder."""
    if repository and not revision:
        raise click.UsageError("--repository needs --revision: a commit of that model, so that it stays the same")
    if given and (repository or revision):
        raise click.UsageError("--from takes a folder as it is; leave out --repository and --revision")
    target = _source(Settings.checked())
    if given:
        origin = source.copy(given, target)
    else:
        origin = source.fetch(target, repository=repository or source.REPOSITORY, revision=revision or source.REVISION)
    click.echo(f"{origin.repository} at {origin.revision} is in {target}; next: signals model export")


@model.command()
def export() -> None:
    """Turn the fetched weights into an int8 folder, verify it against fp32, put it in place if it passes."""
    settings = Settings.checked()
    verification = prepare.export(_source(settings), _prepared(settings))
    click.echo(f"{_prepared(settings)}: finbert @{verification.revision}, {verification.summary}")


@model.command()
def verify() -> None:
    """Compare the prepared int8 folder with the fetched weights in fp32 once more."""
    settings = Settings.checked()
    verification = prepare.verify(_prepared(settings), _source(settings))
    click.echo(f"{_prepared(settings)}: finbert @{verification.revision}, {verification.summary}")


@model.command()
def check() -> None:
    """Load the model that runs would take, every checksum compared, and score one headline with it."""
    click.echo(probe(Settings.checked()))


@model.command("list")
def list_models() -> None:
    """Say which models are there, in which state, and where."""
    for line in lines(Settings.checked()):
        click.echo(line)


def lines(settings: Settings) -> Iterator[str]:
    """A line a model: name, revision, quantisation, its verification, its folder; or what is wrong with it."""
    prepared = _prepared(settings)
    for folder in (sample.COMPACT_MODEL, prepared):
        if not folder.exists():
            yield f"finbert  not prepared at {folder}: signals model fetch, then signals model export"
            continue
        try:
            config = read_config(folder)
            verification = read(folder, config.revision)
        except ModelError as error:
            yield str(error)
            continue
        said = f"; {verification.summary}" if verification else ""
        yield f"{config.name:<8} @{config.revision}  {config.quantisation}{said}  {folder}"


def probe(settings: Settings) -> str:
    """What the model that runs would take says of one plain headline.

    Raises:
        ModelError: no such model is there, it is damaged, or it doesn't understand the headline.
    """
    folder = model_folder(settings.sentiment_model, settings.models_dir)
    config = read_config(folder)
    share = softmax(SentimentModel.load(folder).logits([PROBE]).astype("float64"))[0]
    if LABELS[int(share.argmax())] != "positive":
        raise ModelError(f"{folder}: takes {PROBE!r} for {LABELS[int(share.argmax())]}; prepare the model again")
    return f"{config.name} {config.quantisation} @{config.revision}: {PROBE!r} is positive, {share.max():.3f}"


def _prepared(settings: Settings) -> Path:
    return settings.models_dir / "finbert"


def _source(settings: Settings) -> Path:
    return settings.models_dir / "finbert-source"
