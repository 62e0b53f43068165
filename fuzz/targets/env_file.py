"""The file `.env`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of
from fuzz.worker import Check
from signals_pipeline.settings import Settings

TOKENS = (
    b"=", b"#", b"'", b'"', b"export ", b"\n", b"\r", b"$", b"${MAX_SIGNALS}", b"MAX_SIGNALS", b"MAIL_FROM",
    b"SIGNALS_FEEDS", b"https://[x/", b"SIGNALS_DATABASE_URL", b"sqlite:///", b"TONE_EVENTS", b"DIGEST_RECIPIENTS",
    b"1e999", b"\\n", b"\\",
)  # fmt: skip
# Everything in it can be wrong, not only each line.
_MAX_LINES = 60


def examples() -> Sequence[Case]:
    """Every variable with its default, and values as operators set them."""
    example = Path(".env.example").read_text(encoding="utf-8")
    switched_on = "\n".join(line.removeprefix("# ") if "=" in line else line for line in example.splitlines())
    chosen = (
        b"MAX_SIGNALS=7\nexport SMTP_HOST='mail'\nSMTP_PASSWORD=\"two\nlines\"\nDIGEST_RECIPIENTS=a@b.example # me\n"
    )
    return (Case(".env", switched_on.encode()), Case(".env", chosen))


@contextmanager
def opened() -> Iterator[Check]:
    """Read the settings from the file."""

    def check(file: Path) -> str:
        return outcome_of(lambda: _settings(file), lines=_MAX_LINES)

    yield check


def _settings(file: Path) -> str:
    settings = Settings.checked(_env_file=file)
    # What is derived from several values must not fail later.
    _ = (settings.database_url, settings.frames_url, settings.recipients, settings.operators, settings.knobs)
    return "read"
