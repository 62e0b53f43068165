"""A time-out of PostgreSQL's answers on the client's side, for processes whose every statement is short.

`statement_timeout` is kept by the server, and TCP keepalives are answered by its operating system: neither ends a
statement on a server that is stopped or swapped out. psycopg2 waits through one function per process, so that this
holds for all of its connections; without it a waiting thread can't even be interrupted.
"""

import select
import time

import psycopg2
from psycopg2 import extensions


def limit_answers(seconds: float) -> None:
    """Let every statement and every new connection of this process fail that has no answer after so many seconds.

    The connection is closed then, and the failure is a transient `DatabaseError` like any lost connection.
    """

    def wait(connection: extensions.connection) -> None:
        deadline = time.monotonic() + seconds
        while (state := connection.poll()) != extensions.POLL_OK:
            descriptor = connection.fileno()
            # poll() instead of select(), which takes no descriptor above 1,023.
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT if state == extensions.POLL_WRITE else select.POLLIN)
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not waiting.poll(remaining * 1000):
                raise psycopg2.OperationalError(f"timeout: the server has not answered for {seconds:g} s")

    extensions.set_wait_callback(wait)
