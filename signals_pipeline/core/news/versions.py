"""Which text of a headline stands: publishers edit and withdraw what was already collected.

Copies behind one link whose later text a collector recorded when it first saw it are versions of one item. What was
known before an instant decides which version stands then, so that a window keeps the text that its reader could have
read, and the window in which an edit became known goes by the new one.
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
class Version:
    """One copy of an item: when it became known, its text in one case (empty: withdrawn), whether that was recorded."""

    known_at: datetime
    text: str
    recorded: bool


@dataclass(frozen=True, eq=False, slots=True)
class Versions:
    """The copies of every link that has had more than one text, oldest first."""

    by_url: Mapping[str, tuple[Version, ...]]

    @classmethod
    def of(cls, copies: pd.DataFrame) -> Self:
        """Gather the copies behind each link.

        Args:
            copies: Columns url, text, known_at and reconstructed, in any order; rows without a link are left out.
        """
        linked = copies.loc[copies["url"] != "", ["url", "text", "known_at", "reconstructed"]]
        texts = linked["text"].str.casefold()
        several = linked.assign(text=texts)[texts.groupby(linked["url"]).transform("nunique") > 1]
        found: dict[str, list[Version]] = defaultdict(list)
        for url, text, known_at, reconstructed in several.itertuples(index=False):
            found[url].append(Version(known_at.to_pydatetime(), text, not reconstructed))
        return cls({url: tuple(sorted(each, key=lambda one: one.known_at)) for url, each in found.items()})

    def replaced(self, url: str, text: str, as_of: datetime) -> bool:
        """Whether another text took the place of this one before `as_of`.

        It did where its copy became known after the last copy of this text, and a collector recorded when. Without such
        a record two texts behind one link are two posts that share it.
        """
        seen = [each for each in self.by_url.get(url, ()) if each.known_at < as_of]
        own = [each.known_at for each in seen if each.text == text.casefold()]
        return bool(own) and any(each.recorded and each.known_at > own[-1] for each in seen)

    def replaced_rows(self, rows: pd.DataFrame, as_of: npt.NDArray[np.datetime64]) -> Flags:
        """`replaced` of many rows.

        Args:
            rows: Columns url and text.
            as_of: The instant of each row, datetime64[us], UTC.
        """
        found = np.zeros(len(rows), dtype=bool)
        urls, texts = rows["url"].to_numpy(), rows["text"].to_numpy()
        instants = pd.DatetimeIndex(as_of).tz_localize("UTC")
        for at in np.flatnonzero(rows["url"].isin(list(self.by_url))):
            found[at] = self.replaced(urls[at], texts[at], instants[int(at)].to_pydatetime())
        return found
