"""A clock that other processes believe: libfaketime, preloaded, adds to the machine's time what a file says."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path


class Clock:
    """The time of every process that was started with `environment`; it goes on by itself and can be put forward.

    Only what tells the date is moved: monotonic time, on which waiting and time-outs rest, stays the machine's.
    """

    def __init__(self, folder: Path, start: datetime) -> None:
        self._file = folder / "clock"
        self.put(start)

    @property
    def now(self) -> datetime:
        """The present instant of those processes, aware UTC."""
        return datetime.now(UTC) + timedelta(seconds=float(self._file.read_text(encoding="ascii")))

    def put(self, at: datetime) -> None:
        """Let it be this instant (aware) from now on, in all of them at once."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{(at - datetime.now(UTC)).total_seconds():+.6f}", encoding="ascii")
        fresh.replace(self._file)  # a reader finds the old one or the new one, never half of it

    def forward(self, by: timedelta) -> None:
        """Put it forward."""
        self.put(self.now + by)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that is to believe this clock."""
        spec = find_spec("libfaketime")
        assert spec is not None
        assert spec.origin is not None
        library = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
