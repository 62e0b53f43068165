"""`signals model`: prepare FinBERT once, so that runs need neither torch nor a network."""

from collections.abc import Iterator
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.model.choice import model_folder
from signals_pipeline.adapters.model.folder import ModelError, read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.sentiment.tone import LABELS, softmax
from signals_pipeline.model_export import prepare, source
from signals_pipeline.model_export.verify import read
from signals_pipeline.settings import Settings

# A headline that any usable model finds positive.
PROBE = "Company profit rises sharply, well above expectations"


@click.group()
def model() -> None:
    """Fetch, export, verify and list sentiment models."""


@model.command()
@click.option(
    "--from", "given", type=click.Path(path_type=Path), help="Copy a folder in the hub's layout instead of downloading."
)
@click.option("--repository", help="Model on the hub instead of ProsusAI/finbert.")
@click.option("--revision", help="Commit of that model; required with --repository.")
def fetch(given: Path | None, repository: str | None, revision: str | None) -> None:
    """Fetch FinBERT's weights at the pinned revision, from the Hugging Face hub or a folder."""
    if repository and not revision:
        raise click.UsageError("--repository requires --revision: a commit, so that the model never changes")
    if given and (repository or revision):
        raise click.UsageError("--from copies a folder as it is; remove --repository and --revision")
    target = _source(Settings.checked())
    if given:
        origin = source.copy(given, target)
    else:
        origin = source.fetch(target, repository=repository or source.REPOSITORY, revision=revision or source.REVISION)
    click.echo(f"{origin.repository} at {origin.revision} is in {target}; next: signals model export")


@model.command()
def export() -> None:
    """Convert the fetched weights to an int8 model, verify it against fp32, and put it in place if it passes."""
    settings = Settings.checked()
    verification = prepare.export(_source(settings), _prepared(settings))
    click.echo(f"{_prepared(settings)}: finbert @{verification.revision}, {verification.summary}")


@model.command()
def verify() -> None:
    """Compare the prepared int8 model with the fetched weights in fp32 again."""
    settings = Settings.checked()
    verification = prepare.verify(_prepared(settings), _source(settings))
    click.echo(f"{_prepared(settings)}: finbert @{verification.revision}, {verification.summary}")


@model.command()
def check() -> None:
    """Load the model that runs would use, verify every checksum, and score one headline."""
    click.echo(probe(Settings.checked()))


@model.command("list")
def list_models() -> None:
    """List the models with their state and folder."""
    for line in lines(Settings.checked()):
        click.echo(line)


def lines(settings: Settings) -> Iterator[str]:
    """One line per model: name, revision, quantisation, verification and folder, or what is wrong with it."""
    for folder in (sample.COMPACT_MODEL, _prepared(settings)):
        if not folder.exists():
            yield f"finbert  not prepared at {folder}: signals model fetch, then signals model export"
            continue
        try:
            config = read_manifest(folder)
            verification = read(folder, config.revision)
        except ModelError as error:
            yield str(error)
            continue
        verified = f"; {verification.summary}" if verification else ""
        yield f"{config.name:<8} @{config.revision}  {config.quantisation}{verified}  {folder}"


def probe(settings: Settings) -> str:
    """Score one headline with the model that runs would use.

    Returns:
        A line with the model and the probability of the headline's class.

    Raises:
        ModelError: the model does not exist, is damaged, or misjudges the headline.
    """
    folder = model_folder(settings.sentiment_model, settings.models_dir)
    config = read_manifest(folder)
    # Loading compares every checksum.
    logits = SentimentModel.load(folder).logits([PROBE])
    probabilities = softmax(logits.astype("float64"))[0]
    label = LABELS[int(probabilities.argmax())]
    if label != "positive":
        raise ModelError(f"{folder}: classifies {PROBE!r} as {label}; prepare the model again")
    name = f"{config.name} {config.quantisation} @{config.revision}"
    return f"{name}: {PROBE!r} is positive, {probabilities.max():.3f}"


def _prepared(settings: Settings) -> Path:
    """The exported int8 model."""
    return settings.models_dir / "finbert"


def _source(settings: Settings) -> Path:
    """The fetched fp32 weights."""
    return settings.models_dir / "finbert-source"
