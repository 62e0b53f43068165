"""The accounting of a window: everything that was delivered for it was kept or dropped for a named reason.

Two ends are compared that were counted independently: what the feeds delivered (raw items) and the headlines in the
window's evidence. Whatever lies between them must be a reason; what is not is a fault of ours, which
`core.checks.data_quality` reports as serious.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from signals_pipeline.core.news.evidence import TextVersions
from signals_pipeline.core.news.normalisation import REASONS, Normalised, Reason

# An item that is not kept has exactly one of these; `REPEATED` and `SUPERSEDED` are known only once the window's
# evidence is read, the others when an item is normalised.
DROPPED: tuple[str, ...] = ("duplicate", "no_time", "no_title", "removed", "repeated", "superseded", "unaccounted")

# A copy of a headline that was known before the window's evidence begins.
REPEATED = "repeated"
# A text that its publisher edited or withdrew before the window's end.
SUPERSEDED = "superseded"
# Neither kept nor dropped for a reason: always a fault of ours.
UNACCOUNTED = "unaccounted"

# Why an item is no headline by itself.
_UNUSABLE: frozenset[Reason] = frozenset({"no_time", "no_title", "removed"})


class Accounts:
    """Accounts for the windows of a run, which share what was delivered for all of them.

    Args:
        normalised: What was delivered for the whole run, normalised.
    """

    def __init__(self, normalised: Normalised) -> None:
        items = normalised.items
        self._normalised = normalised
        self._text: list[str] = items["text"].tolist()
        self._url: list[str] = items["url"].tolist()
        self._headline_id: list[str] = items["headline_id"].tolist()
        # Ascending: items are sorted by known_at.
        self._known_at: list[datetime] = [instant.to_pydatetime() for instant in items["known_at"]]
        self._versions = TextVersions.from_copies(items)

    def account(
        self,
        positions: Iterable[int],
        *,
        kept: Collection[str],
        visible_from: datetime,
        evidence_from: datetime,
        as_of: datetime,
    ) -> dict[str, int]:
        """Count why items of a delivery were not kept, and those that were kept though something is odd about them.

        Args:
            positions: The items that were delivered for the window, as positions in the delivery.
            kept: headline_id of every headline with a text in the window's evidence.
            visible_from: From when on the window sees copies.
            evidence_from: Start of the window's evidence.
            as_of: End of the window.

        Returns:
            Number of items by reason, every reason of REASONS and DROPPED present. Those of DROPPED and the kept
            headlines together are the positions, unless the evidence has a headline that nobody delivered.
        """
        counts: Counter[str] = Counter(dict.fromkeys((*REASONS, *DROPPED), 0))
        rows: list[int] = []
        for position in positions:
            reasons, row = self._normalised.results[position]
            counts.update(reasons)
            if _UNUSABLE.isdisjoint(reasons):
                rows.append(row)

        # Copies of one headline are one, the others duplicates. Which copies belong together depends on all that the
        # window sees, also before its evidence.
        first = bisect_left(self._known_at, visible_from)
        last = bisect_left(self._known_at, as_of)
        visible = [row for row in range(first, last) if self._text[row]]
        delivered = set(rows)
        headlines = 0
        for copies in self._normalised.headlines(visible):
            if delivered.isdisjoint(copies):
                continue
            headlines += 1
            if self._headline_id[copies[0]] in kept:
                continue
            if any(self._versions.replaced(self._url[row], self._text[row], as_of) for row in copies):
                counts[SUPERSEDED] += 1
            elif self._known_at[copies[0]] < evidence_from:
                counts[REPEATED] += 1
            else:
                counts[UNACCOUNTED] += 1
        counts["duplicate"] += len(rows) - headlines
        return dict(counts)
