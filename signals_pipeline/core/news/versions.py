"""Which text of a headline stands: publishers edit and withdraw what was collected already.

Copies behind one link are versions of one item where a collector recorded when it first saw the later text. What was
known before an instant decides which version stands then: a window keeps the text that its reader could have read, and
the window in which an edit became known uses the new text.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One copy of an item.

    Attributes:
        known_at: When it became known, aware UTC.
        text: Its text, casefolded; empty for a withdrawal.
        recorded: Whether a collector recorded when it first saw the copy.
    """

    known_at: datetime
    text: str
    recorded: bool


@dataclass(frozen=True, eq=False, slots=True)
class TextVersions:
    """The copies behind every link that has had more than one text, oldest first."""

    by_url: Mapping[str, tuple[TextVersion, ...]]

    @classmethod
    def from_copies(cls, copies: pd.DataFrame) -> Self:
        """Gather the copies behind each link.

        Args:
            copies: Columns url, text, known_at and reconstructed, in any order; rows without a link are left out.
        """
        with_url = copies.loc[copies["url"] != "", ["url", "text", "known_at", "reconstructed"]]
        casefolded = with_url["text"].str.casefold()
        text_count = casefolded.groupby(with_url["url"]).transform("nunique")
        changed = with_url.assign(text=casefolded)[text_count > 1]

        versions: dict[str, list[TextVersion]] = defaultdict(list)
        for url, text, known_at, reconstructed in changed.itertuples(index=False):
            versions[url].append(TextVersion(known_at.to_pydatetime(), text, not reconstructed))

        by_url: dict[str, tuple[TextVersion, ...]] = {}
        for url, url_versions in versions.items():
            by_url[url] = tuple(sorted(url_versions, key=lambda version: version.known_at))
        return cls(by_url)

    def replaced(self, url: str, text: str, as_of: datetime) -> bool:
        """Whether another text took the place of this one before `as_of`.

        That is so where a copy of the other text became known after the last copy of this one, and a collector
        recorded when. Without such a record, two texts behind one link are two posts that share it.
        """
        visible = [version for version in self.by_url.get(url, ()) if version.known_at < as_of]
        same_text = [version for version in visible if version.text == text.casefold()]
        if not same_text:
            return False
        last_known_at = same_text[-1].known_at
        return any(version.recorded and version.known_at > last_known_at for version in visible)

    def replaced_rows(
        self,
        rows: pd.DataFrame,
        as_of: npt.NDArray[np.datetime64],
    ) -> Flags:
        """`replaced` for many rows.

        Args:
            rows: Columns url and text.
            as_of: The instant of each row, datetime64[us], UTC, shape (rows,).

        Returns:
            One flag per row, shape (rows,).
        """
        replaced = np.zeros(len(rows), dtype=bool)
        urls, texts = rows["url"].to_numpy(), rows["text"].to_numpy()
        instants = pd.DatetimeIndex(as_of).tz_localize("UTC")
        # Few links ever change their text: only their rows are looked at one by one.
        for position in np.flatnonzero(rows["url"].isin(list(self.by_url))):
            instant = instants[int(position)].to_pydatetime()
            replaced[position] = self.replaced(urls[position], texts[position], instant)
        return replaced
