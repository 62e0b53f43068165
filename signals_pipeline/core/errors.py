"""The root of the failures that a user can act on."""


class SignalsError(Exception):
    """A failure whose message is written for the user: one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with 2; a Dagster step fails with it. Anything
    that is not a `SignalsError` is a bug and keeps its traceback.
    """
