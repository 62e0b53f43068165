"""The line that the command line prints for a failure, where the failure is one that the user can act on."""

import errno
import sys
from collections.abc import Iterator

from signals_pipeline.core.errors import SignalsError

# What the operator's machine refuses, and what to do; any other OSError is a fault of ours and keeps its traceback.
_FULL = "free space there and run again; nothing is half-written"
_NOT_ALLOWED = "give this user access, or choose another folder"
_NO_FOLDER = "choose another folder"
REFUSALS = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "raise the limit of file sizes (ulimit -f) and run again; nothing is half-written",
    errno.EIO: "the disk fails: check it, and run again; nothing is half-written",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: _NO_FOLDER,
}


def user_message(error: BaseException) -> str | None:
    """The message of the first user-facing failure in an error's chain of causes; None where it is a bug."""
    for cause in _causes(error):
        if isinstance(cause, SignalsError):
            return str(cause)
        if _is_dagster(cause, "Failure") and (description := getattr(cause, "description", None)):
            return str(description)
        if isinstance(cause, OSError) and cause.errno in REFUSALS:
            place = cause.filename or "a file"
            return f"{place}: {cause.strerror}; {REFUSALS[cause.errno]}"
    return None


def interrupted(error: BaseException) -> bool:
    """Whether the user stopped the command, in our code or inside a Dagster run."""
    return any(
        isinstance(cause, KeyboardInterrupt) or _is_dagster(cause, "DagsterExecutionInterruptedError")
        for cause in _causes(error)
    )


def _is_dagster(error: BaseException, name: str) -> bool:
    """Whether it is of Dagster's class of this name, which nobody raises who has not imported Dagster."""
    kind = getattr(sys.modules.get("dagster"), name, None)
    return isinstance(kind, type) and isinstance(error, kind)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
