"""How the code reads and how much of it one window runs through: `python -m benchmarks.code_metrics [PATH ...]`.

Tokens and comments per code line tell how dense code is; published projects such as alembic or tenacity lie at 5 to 7
tokens and .05 to .2 comments. Pass their folders to compare. The modules that one demo window enters are counted by a
profiler in a process of their own, once for the whole run and once for core between `headlines` and `digest`.
"""

import ast
import io
import os
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ["signals_pipeline", "signals_pipeline/core", "signals_pipeline/adapters", "signals_pipeline_tests"]
WINDOW = "2015-02-02-17:30"
CODE_TOKENS = {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}

# Run in another process: the profiler sees every function call of the run, in all threads.
PROFILER = """
import atexit, sys, threading

root, window = sys.argv[1:]
stages = ("headlines", "sentiment", "technicals", "scores", "signals", "digest")
assets = {f"{root}/signals_pipeline/defs/assets/{stage}.py": stage for stage in stages}
entered, on_path, depth = set(), set(), 0

def profile(frame, event, _argument):
    global depth
    file, function = frame.f_code.co_filename, frame.f_code.co_name
    if assets.get(file) == function:
        depth += (event == "call") - (event == "return")
    ours = file.startswith(root + "/signals_pipeline/") and file.endswith(".py")
    if event == "call" and ours and function != "<module>":
        entered.add(file)
        if depth and "/core/" in file:
            on_path.add(file)

def report():
    sys.setprofile(None)
    print("files entered", len(entered), file=sys.stderr)
    print("core modules from headlines to digest", len(on_path), file=sys.stderr)

atexit.register(report)
from signals_pipeline.cli import main
threading.setprofile(profile)
sys.setprofile(profile)
main(["run", "--window", window])
"""


@dataclass(frozen=True)
class Density:
    """Counts over some files.

    Attributes:
        files: Files read.
        lines: All lines, blank ones included.
        code_lines: Lines with code; docstrings and comments are none.
        tokens: Names, operators, numbers and strings in code.
        comments: Comments, those behind code included.
    """

    files: int
    lines: int
    code_lines: int
    tokens: int
    comments: int

    @property
    def text(self) -> str:
        """The counts in one line."""
        tokens, comments = self.tokens / self.code_lines, self.comments / self.code_lines
        return (
            f"{self.files} files, {self.lines:,} lines, {self.code_lines:,} of code;"
            f" per line of code {tokens:.2f} tokens and {comments:.3f} comments"
        )


def density(files: Iterable[Path]) -> Density:
    """Counts over Python files."""
    count = lines = code_lines = tokens = comments = 0
    for file in files:
        source = file.read_text(encoding="utf-8")
        docstrings = set(_docstring_lines(ast.parse(source)))
        with_code = set[int]()
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments += 1
            elif token.type in CODE_TOKENS and token.start[0] not in docstrings:
                tokens += 1
                with_code.update(range(token.start[0], token.end[0] + 1))
        count += 1
        lines += source.count("\n")
        code_lines += len(with_code)
    return Density(count, lines, code_lines, tokens, comments)


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    """Lines of strings that stand alone: docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def run_profiled() -> str:
    """What the profiler counted over one demo window in a fresh data folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SIGNALS_DATA_DIR": folder, "DAGSTER_HOME": str(ROOT), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", PROFILER, str(ROOT), WINDOW],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    return "\n".join(done.stderr.strip().splitlines()[-2:])


def main(paths: list[str]) -> None:
    """Print one line per folder, then what one window enters."""
    for path in paths or [
        "signals_pipeline",
        "signals_pipeline/core",
        "signals_pipeline/adapters",
        "signals_pipeline_tests",
    ]:
        print(f"{path}: {density(sorted(Path(path).rglob('*.py'))).text}")
    if not paths:
        print(run_profiled())


if __name__ == "__main__":
    main(sys.argv[1:])
