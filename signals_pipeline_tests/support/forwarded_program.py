"""A program of a shell that is carried out by the test's process: `python -S forwarded_program.py NAME ARGUMENTS`.

It sends its name, arguments, standard input and password variable to the socket that GUIDE_SOCKET names, prints what
comes back, and ends with that exit code. It imports nothing but the standard library, so that it starts at once.
"""

import json
import os
import socket
import sys

READS_INPUT = {"psql"}


def main(name: str, *arguments: str) -> int:
    """Have a command carried out; its exit code."""
    asked = {
        "program": name,
        "arguments": arguments,
        "input": sys.stdin.read() if name in READS_INPUT else "",
        "password": os.environ.get("PGPASSWORD", ""),
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["GUIDE_SOCKET"])
        connection.sendall(json.dumps(asked).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = json.loads(b"".join(iter(lambda: connection.recv(65_536), b"")))
    sys.stdout.write(answer["output"])
    sys.stderr.write(answer["error"])
    return answer["code"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
