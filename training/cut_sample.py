"""Cut the bundled sample: five weeks of one earnings season, headlines and daily bars, out of the StockNet data set.

Usage: python training/cut_sample.py BUNDLE_DIR OUT_DIR

BUNDLE_DIR holds `stocknet/headlines.csv`, `stocknet/prices.csv.gz` and `stocknet/StockTable.tsv`. Rows are copied as
they are, spam and boilerplate included: that is what real input is like. Running it again writes the same bytes.
"""

import csv
import gzip
import io
import sys
from collections import Counter, defaultdict
from pathlib import Path

# From the evening digest of a Friday to the morning digest of a Monday: whole windows, nothing cut off at the edges.
FIRST_HEADLINE, AFTER_LAST_HEADLINE = "2015-01-23T22:30:00Z", "2015-02-27T22:30:00Z"
FIRST_BAR, LAST_BAR = "2012-09-04", "2015-03-31"
MIN_HEADLINES = 3  # a symbol with fewer is taken only where its sector would be thin
MIN_IN_SECTOR, MIN_HEADLINES_THIN = 3, 2

Row = dict[str, str]


def sectors(table: Path) -> dict[str, str]:
    """Symbol to sector, as the data set's table has it."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["Symbol"].removeprefix("$"): row["Sector"] for row in rows}


def chosen_symbols(headlines: list[Row], sector_of: dict[str, str]) -> set[str]:
    """The symbols most written about, and the best of the sectors that would have fewer than `MIN_IN_SECTOR`."""
    counts = Counter(row["symbol"] for row in headlines)
    ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    by_sector: dict[str, list[str]] = defaultdict(list)
    for symbol in ranked:
        by_sector[sector_of[symbol]].append(symbol)
    return {
        symbol
        for symbols in by_sector.values()
        for place, symbol in enumerate(symbols)
        if counts[symbol] >= (MIN_HEADLINES_THIN if place < MIN_IN_SECTOR else MIN_HEADLINES)
    }


def as_csv(columns: list[str], rows: list[Row]) -> bytes:
    """The rows as UTF-8 CSV with line feeds."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def main(bundle: Path, out: Path) -> None:
    """Write headlines.csv and prices.csv.gz, and say what they hold."""
    stocknet = bundle / "stocknet"
    with (stocknet / "headlines.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        headlines = [row for row in reader if FIRST_HEADLINE <= row["published_at"] < AFTER_LAST_HEADLINE]
        headline_columns = list(reader.fieldnames or ())
    symbols = chosen_symbols(headlines, sectors(stocknet / "StockTable.tsv"))
    headlines = [row for row in headlines if row["symbol"] in symbols]
    with gzip.open(stocknet / "prices.csv.gz", "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        bars = [row for row in reader if row["symbol"] in symbols and FIRST_BAR <= row["date"] <= LAST_BAR]
        bar_columns = list(reader.fieldnames or ())
    bars.sort(key=lambda row: (row["symbol"], row["date"]))
    (out / "headlines.csv").write_bytes(as_csv(headline_columns, headlines))
    # A fixed time stamp: the archive depends on the rows alone.
    (out / "prices.csv.gz").write_bytes(gzip.compress(as_csv(bar_columns, bars), compresslevel=9, mtime=0))
    print(f"{len(headlines)} headlines and {len(bars)} bars of {len(symbols)} symbols: {' '.join(sorted(symbols))}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
