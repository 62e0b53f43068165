"""The excerpt of SEntFiN's held-out rows that the tests score: python cut_held_out.py --data BUNDLE --out FILE.csv."""

import argparse
import csv
import hashlib
from pathlib import Path

from rows import LABELS, read_sentfin

ROWS = 300


def main() -> None:
    """Write the held-out titles with the smallest SHA-256, and their labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with sentfin/")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    rows = [row for row in read_sentfin(settings.data / "sentfin") if row.part == "held_out"]
    rows.sort(key=lambda row: hashlib.sha256(row.title.encode()).digest())
    with settings.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["title", "label"])
        writer.writerows([row.title, LABELS[row.label]] for row in rows[:ROWS])


if __name__ == "__main__":
    main()
