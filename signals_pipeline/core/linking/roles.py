"""The role of a company in a headline, and what it weighs.

The role says whether a headline's tone can be toward a company at all. How it is found is in `linker`.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a headline makes of a company."""

    # It reports something about the company: it acts or is acted on, its results, its stock, a verdict on it.
    SUBJECT = "subject"
    # Another company or event is the subject, and a consequence for this one is stated.
    AFFECTED = "affected"
    # Named without anything reported of it: a partner, a comparison, a platform, an entry in a list.
    MENTIONED = "mentioned"
    # It rates, forecasts, is quoted or comments on something else.
    BROKER = "broker"
    # The words are another thing of that name.
    OTHER = "other"
    # Only a vendor's tag, a filing cashtag or nothing: the title does not name the company.
    TAGGED = ""

    @property
    def relevance(self) -> float:
        """What a headline in which a company has this role weighs for it; only above 0 it carries tone."""
        return _RELEVANCE.get(self, 0.0)


# A stated consequence counts half of what is reported of the company itself.
_RELEVANCE = {Role.SUBJECT: 1.0, Role.AFFECTED: 0.5}
