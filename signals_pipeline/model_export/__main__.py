"""Prepare FinBERT where only this part of the package is: python -m signals_pipeline.adapters.finbert TARGET [GIVEN].

What `signals model fetch` and `signals model export` do, for the image's builder: it is run again when one of these few
files changes, and not when any other does.
"""

import sys
import tempfile
from pathlib import Path

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export import prepare, source


def main(target: Path, given: Path | None) -> str:
    """Fetch the weights (or take them from a folder in the hub's layout), export and verify.

    Returns:
        What was prepared, in one line.

    Raises:
        ModelError: the weights can't be had, or the result is refused; nothing is at `target` then.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fetched = Path(scratch) / "source"
        if given:
            source.copy(given, fetched)
        else:
            source.fetch(fetched)
        verification = prepare.export(fetched, target)
    return f"{target}: finbert @{verification.revision}, {verification.summary}"


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python -m signals_pipeline.adapters.finbert TARGET [GIVEN]")
    try:
        sys.stdout.write(main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None) + "\n")
    except ModelError as error:
        sys.exit(str(error))
