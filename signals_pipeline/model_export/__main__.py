"""Prepare FinBERT without the rest of the package: python -m signals_pipeline.model_export TARGET [SOURCE].

It does what `signals model fetch` and `signals model export` do, for the image's build: that layer is built again when
one of these few files changes, and not when any other does.
"""

import sys
import tempfile
from pathlib import Path

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export import fetching, prepare


def main(target: Path, local_source: Path | None) -> str:
    """Fetch the weights (or take them from a folder in the hub's layout), export and verify.

    Returns:
        What was prepared, as one line.

    Raises:
        ModelError: the weights can't be fetched, or the result is refused; then nothing is at `target`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fetched = Path(scratch) / "source"
        if local_source:
            fetching.copy(local_source, fetched)
        else:
            fetching.fetch(fetched)
        verification = prepare.export(fetched, target)
    return f"{target}: {target.name} @{verification.revision}, {verification.summary}"


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python -m signals_pipeline.model_export TARGET [SOURCE]")
    try:
        sys.stdout.write(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None) + "\n")
    except ModelError as error:
        sys.exit(str(error))
