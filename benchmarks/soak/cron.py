"""What a machine without a daemon has in its crontab: every 15 minutes, run what is due live, and send what waits.

    */15 * * * *  (the newest window's live run, where it has not succeeded yet); signals deliveries send; \
signals deliveries

The product has no command for a live run without a daemon: `signals run` is manual and mails nobody. `live_run` is that
command's own code (`cli.runs.execute`) over the windows that `digest_schedule` would choose, in live mode. Cron mails
its operator what a line prints, so what is printed here is the operator's mail.
"""

import faulthandler
import os
import signal
import sys
from pathlib import Path

INTERVAL_MINUTES = 15
_NOTHING_TO_READ = {"all mails were sent", "no mail was due"}


def serve() -> None:
    """Fork a process per line of the input, which names the file of its output; answer with pids and exit codes.

    Lines of the answer: `started FILE PID` and `ended PID STATUS`, where a negative status is the signal that ended it.
    """
    import select

    import signals_pipeline.adapters.mail.message
    import signals_pipeline.cli.commands.deliveries
    import signals_pipeline.definitions  # noqa: F401 - imported once, for all that are forked

    os.set_blocking(0, False)
    left, running = b"", set[int]()
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([0], [], [], 0.05)
        if readable:
            read = os.read(0, 65536)
            if not read:
                return
            *lines, left = (left + read).split(b"\n")
            for line in lines:
                pid = _fork(Path(line.decode()))
                running.add(pid)
                print(f"started {pid}", flush=True)
        for pid in [*running]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.discard(pid)
                print(f"ended {pid} {os.waitstatus_to_exitcode(status)}", flush=True)


def _fork(output: Path) -> int:
    """The line of the crontab in a process and session of its own, as cron starts it."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(written, 1)
    os.dup2(written, 2)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)  # what a line that hangs is asked with
    status = 1
    try:
        status = line()
    except BaseException:  # noqa: BLE001 - a process's last frame: told on its stderr, which cron mails
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def line() -> int:
    """One line of the crontab; its exit code."""
    status = live_run()
    status = max(status, _signals("deliveries", "send"))
    return max(status, _signals("deliveries"))


def live_run() -> int:
    """Run the missed windows and the newest one in live mode, unless that has succeeded before."""
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.adapters.stores.migrations import upgrade
    from signals_pipeline.cli import runs
    from signals_pipeline.cli.errors import interrupted, user_message
    from signals_pipeline.core.windows import newest_complete
    from signals_pipeline.defs.jobs import scheduled_windows
    from signals_pipeline.defs.resources import open_store
    from signals_pipeline.settings import Settings

    settings = Settings.checked()
    newest = newest_complete(utc_now())
    done = settings.signals_data_dir / "done"
    if done.exists() and done.read_text(encoding="ascii") == newest.key:
        return 0
    try:
        upgrade(settings.database_url)
        earlier = open_store(settings.database_url).digests.list(limit=1, before=newest.start)
        windows = scheduled_windows(newest, earlier[0].window_end if earlier else None)
        runs.execute(settings, windows, mode="live")
    except BaseException as error:  # as `signals` does: its line, or the traceback of a bug
        message = "interrupted" if interrupted(error) else user_message(error)
        if message is None:
            raise
        print(f"live run of {newest.key}: {message}", file=sys.stderr)
        return 2
    done.write_text(newest.key, encoding="ascii")
    return 0


def _signals(*arguments: str) -> int:
    """`signals` with these arguments; what an operator need not read is left out."""
    import traceback

    from click.testing import CliRunner

    from signals_pipeline.cli import main

    result = CliRunner().invoke(main, arguments)
    if result.output.strip() not in _NOTHING_TO_READ:
        print(result.output, end="")
    if result.exc_info and result.exception and not isinstance(result.exception, SystemExit):
        traceback.print_exception(*result.exc_info)
    return result.exit_code
