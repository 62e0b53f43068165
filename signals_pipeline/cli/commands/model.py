"""`signals model`: prepare sentiment classifiers once, so that runs need neither torch nor a network."""

from collections.abc import Iterator
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.model.choice import model_folder, prepared_models
from signals_pipeline.adapters.model.folder import SOURCE_SUFFIX, ModelError, read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.sentiment.tone import LABELS, softmax
from signals_pipeline.model_export import fetching, prepare
from signals_pipeline.model_export.source import ORIGIN_FILE, name_for
from signals_pipeline.model_export.verify import read
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import ModelChoice, check_model_name, split_list

# A headline that any usable model finds positive.
PROBE = "Company profit rises sharply, well above expectations"


def _parse_labels(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The labels of --labels, in the order of the model's columns."""
    return tuple(split_list(value or ""))


def _parse_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A name that SENTIMENT_MODEL can take."""
    if value is None:
        return None
    try:
        return check_model_name(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


labels_option = click.option(
    "--labels",
    callback=_parse_labels,
    metavar="A,B,C",
    help="What the model's three outputs are, in their order, e.g. negative,neutral,positive; needed where its"
    " configuration says LABEL_0 to LABEL_2.",
)


@click.group()
def model() -> None:
    """Fetch, export, verify, distil and list sentiment models."""


@model.command()
@click.argument("repository", required=False)
@click.option(
    "--from", "given", type=click.Path(path_type=Path), help="Copy a folder in the hub's layout instead of downloading."
)
@click.option("--repository", "repository_option", help="The same as the argument REPOSITORY.")
@click.option("--revision", help="Commit, tag or branch; the commit is recorded. Not given: the newest.")
@click.option("--name", callback=_parse_name, help="Name for SENTIMENT_MODEL; not given: that of the repository.")
@labels_option
def fetch(
    *,
    repository: str | None,
    given: Path | None,
    repository_option: str | None,
    revision: str | None,
    name: str | None,
    labels: tuple[str, ...],
) -> None:
    """Fetch a three-class sentiment classifier from the Hugging Face hub, or from a folder.

    BERT, RoBERTa, DistilBERT, DeBERTa and ModernBERT checkpoints can be used. Without REPOSITORY it is ProsusAI/finbert
    at a pinned commit. A model that can't be used is refused here, in one line.
    """
    repository = repository or repository_option
    if given and (repository or revision):
        raise click.UsageError("--from copies a folder as it is; remove the repository and --revision")
    settings = Settings.checked()
    if given:
        name = name or name_for(fetching.origin_of(given)[0])
        origin = fetching.copy(given, _source(settings, name), labels=labels)
    else:
        # FinBERT is pinned; of any other repository the newest commit is taken and recorded.
        pinned = fetching.REVISION if repository in {None, fetching.REPOSITORY} else "main"
        repository = repository or fetching.REPOSITORY
        name = name or name_for(repository)
        origin = fetching.fetch(
            _source(settings, name), repository=repository, revision=revision or pinned, labels=labels
        )
    target = _source(settings, name)
    click.echo(f"{origin.repository} at {origin.revision} is in {target}; next: signals model export {name}")


@model.command()
@click.argument("name", required=False)
@labels_option
def export(name: str | None, labels: tuple[str, ...]) -> None:
    """Convert fetched weights to an ONNX model, verify it against fp32, and put it in place if it passes.

    Without NAME it is the model that was fetched last.
    """
    settings = Settings.checked()
    name = _chosen(settings, name)
    target = _prepared(settings, name)
    verification = prepare.export(_source(settings, name), target, labels=labels)
    arithmetic = read_manifest(target).quantisation
    click.echo(f"{target}: {name} @{verification.revision}, {arithmetic}; {verification.summary}")


@model.command()
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Compare a prepared model with the fetched weights in fp32 again; without NAME, the model fetched last."""
    settings = Settings.checked()
    name = _chosen(settings, name)
    verification = prepare.verify(_prepared(settings, name), _source(settings, name))
    click.echo(f"{_prepared(settings, name)}: {name} @{verification.revision}, {verification.summary}")


@model.command()
@click.option("--teacher", help="Prepared model that answers; not given: the one that SENTIMENT_MODEL uses.")
@click.option(
    "--titles",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Titles to learn from: a CSV with the column title (and published_at), or one title per line, the oldest"
    " first; not given: the live headlines in the database.",
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=5, show_default=True, help="Time limit."
)
@click.option(
    "--name", callback=_parse_name, default="compact-distilled", show_default=True, help="Name of the result."
)
def distil(teacher: str | None, file: Path | None, minutes: float, name: str) -> None:
    """Teach the compact model what another prepared model answers on your own feed's titles.

    The result is compared on later titles that it did not learn from, and on pairs of headlines that differ in a word.
    If it got worse it is refused; else choose it with SENTIMENT_MODEL.
    """
    from signals_pipeline.cli.title_lists import archived_titles, read_titles
    from signals_pipeline.model_export.distil import distil as teach

    settings = Settings.checked()
    target = _prepared(settings, name)
    folder = model_folder(teacher or settings.sentiment_model, settings.models_dir)
    if folder in {sample.COMPACT_MODEL, target}:
        raise ModelError(
            f"{folder.name} can't teach itself; prepare another model first: signals model fetch, then signals model"
            " export"
        )
    titles = read_titles(file) if file else archived_titles(settings)
    distillation = teach(titles, folder, target, minutes=minutes)
    click.echo(f"{target}: {distillation.summary}; use it: SENTIMENT_MODEL={name}")


@model.command()
def check() -> None:
    """Load the model that runs would use, verify every checksum, and score one headline."""
    click.echo(probe(Settings.checked()))


@model.command("list")
def list_models() -> None:
    """List the models with their origin, state and folder."""
    for line in lines(Settings.checked()):
        click.echo(line)


def lines(settings: Settings) -> Iterator[str]:
    """One line per model: name, revision, quantisation, origin, verification and folder, or what is wrong with it."""
    prepared = prepared_models(settings.models_dir)
    finbert = _prepared(settings, ModelChoice.FINBERT)
    # A folder without a manifest is listed with that as its fault.
    if finbert.exists() and finbert not in prepared:
        prepared.append(finbert)
    for folder in (sample.COMPACT_MODEL, *prepared):
        yield _line(folder)

    for source in _fetched(settings):
        name = source.name.removesuffix(SOURCE_SUFFIX)
        if _prepared(settings, name) not in prepared:
            yield f"{name:<8} fetched, not prepared: signals model export {name}"
    if finbert not in prepared and not _source(settings, finbert.name).exists():
        yield f"finbert  not prepared at {finbert}: signals model fetch, then signals model export"


def _line(folder: Path) -> str:
    """One prepared model."""
    try:
        config = read_manifest(folder)
        verification = read(folder, config.revision)
    except ModelError as error:
        return str(error)
    origin = f"; {config.origin.description}" if config.origin else ""
    verified = f"; {verification.summary}" if verification else ""
    return f"{config.name:<8} @{config.revision}  {config.quantisation}{origin}{verified}  {folder}"


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


def _prepared(settings: Settings, name: str) -> Path:
    """The prepared model of this name.

    Raises:
        click.UsageError: the name stands for something else.
    """
    if name in {ModelChoice.AUTO, ModelChoice.COMPACT} or name.endswith(SOURCE_SUFFIX):
        raise click.UsageError(f"a model can't be called {name}; give another name with --name")
    return settings.models_dir / name


def _source(settings: Settings, name: str) -> Path:
    """The fetched fp32 weights of the model of this name."""
    prepared = _prepared(settings, name)
    return prepared.with_name(prepared.name + SOURCE_SUFFIX)


def _fetched(settings: Settings) -> list[Path]:
    """The folders of fetched weights, the newest last."""
    records = settings.models_dir.glob(f"*{SOURCE_SUFFIX}/{ORIGIN_FILE}")
    return [record.parent for record in sorted(records, key=lambda record: record.stat().st_mtime_ns)]


def _chosen(settings: Settings, name: str | None) -> str:
    """The name given, also as a repository's; else that of the model fetched last, or FinBERT's."""
    if name:
        return name_for(name)
    fetched = _fetched(settings)
    return fetched[-1].name.removesuffix(SOURCE_SUFFIX) if fetched else ModelChoice.FINBERT.value
