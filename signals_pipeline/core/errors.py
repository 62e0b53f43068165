"""The base class of errors that a user can act on."""


class SignalsError(Exception):
    """An error whose message is written for the user: one line that says what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with 2; a Dagster step fails with it. Any other
    exception is a bug and keeps its traceback.
    """
