"""Cut the reference data of the package: the listed companies, and which of their names are ambiguous.

Usage: python training/cut_reference.py BUNDLE_DIR TOKENIZER_JSON OUT_DIR

BUNDLE_DIR holds `sec/companies.csv` and the data sets whose titles are counted; TOKENIZER_JSON is the tokenizer of the
compact model. A name of one word is ambiguous where titles also write it in lower case, where it is a word of the
encoder's general vocabulary, or where it is listed here; a name of several words where all of them are everyday ones.
Running it again writes the same bytes.
"""

import csv
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from signals_pipeline.core.linking.gazetteer import Gazetteer, ListedCompany, NameUse

# Data sets whose titles are counted, with the column of the text.
CORPORA = (
    ("sentfin/sentfin_headline.csv", "text"),
    ("stocknet/headlines.csv", "title"),
    ("twitter-financial-news/sentiment_train.csv", "text"),
    ("twitter-financial-news/topic_train.csv", "text"),
    ("twitter-financial-news/topic_valid.csv", "text"),
)
# From this many occurrences in lower case on, a name is an everyday word.
EVERYDAY = 30

# Words of the vocabulary that mean the company in every headline. Read through from the list of all.
COMPANIES_LIST = """
    abbott adobe alibaba bae bhp blackberry boeing cisco dell eaton ferrari hilton honda honeywell intel lattice
    macy marriott microsoft mitsubishi motorola netflix newell nike nokia pfizer peabody sap siemens sony
    starbucks stryker tesla toyota uber wendy yamaha chevron citigroup comcast costco walmart verizon nvidia
    ebay fedex hasbro unilever vodafone barclays hsbc infosys mastercard pepsico paypal spotify sanofi novartis
    merck amgen qualcomm alcoa caterpillar mcdonalds ubs lyft medtronic accenture daimler gamestop expedia
    groupon twilio
"""
COMPANIES = frozenset(COMPANIES_LIST.split())
# Abbreviations, places, people and adjectives that stand in headlines for something else.
NEVER_LIST = """
    ai alpha american api asia asian atlantic au austin beijing billion brazil btc bullish california canada
    chicago china community crypto ecb eth esg europe european ev fb first general germany global gold hong
    india indonesia inter international ipo iran israel italy japan korea london m mexico miami million morgan
    nasdaq national nft nov one paris pdf powell q q2 republic reserve russia s silicon spdr spx tech texas th
    tic top trump u uk united universal us vr vs washington west western world x zealand north south east
    northern southern eastern federal central pacific royal senior super ten th western xp ark bit op ps su nv
    sp american tim dave
"""
NEVER = frozenset(NEVER_LIST.split())
# Everyday words that are also companies which headlines write about: words next to them can tell.
CONTEXT_LIST = """
    arm block dow gap target
"""
CONTEXT = frozenset(CONTEXT_LIST.split())
# Companies that consist of everyday words, and yet are written about under this name.
_EVERYDAY_COMPANIES_LIST = """
    arm holdings, best buy, capital one, check point, d wave, dollar general, energy transfer, first solar, five below,
    forward air, global payments, live nation, on semiconductor, performance food, realty income, t mobile, take two,
    trip com, venture global
"""
EVERYDAY_COMPANIES = frozenset(name.strip() for name in _EVERYDAY_COMPANIES_LIST.split(","))
PHRASES = (
    "data storage, fast track, financial institutions, first financial, first national, global asset management,"
    " global industrial, healthcare services, information services, life time, national bank, open house, quantum"
    " computing, source capital, standard life, start today, top financial, top wealth, us energy, world gold"
)


def titles(bundle: Path) -> Iterator[str]:
    """The titles of all data sets."""
    for name, column in CORPORA:
        with (bundle / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row[column]


def ambiguous_names(
    companies: list[ListedCompany], lower_case: Counter[str], vocabulary: set[str]
) -> dict[str, NameUse]:
    """When each name of one word that is also something else means the company."""
    gazetteer = Gazetteer(tuple(companies))
    uses: dict[str, NameUse] = {}
    for company in companies:
        for name in gazetteer.names(company):
            if len(name.words) > 1:
                # "Natural Gas", "New Era": a title in title case can't tell.
                is_everyday = all(lower_case[word] >= EVERYDAY for word in name.words)
                if is_everyday and " ".join(name.words) not in EVERYDAY_COMPANIES:
                    uses[" ".join(name.words)] = NameUse.NEVER
                continue
            word = name.words[0]
            if word in NEVER or (lower_case[word] >= EVERYDAY and word not in CONTEXT):
                uses[word] = NameUse.NEVER
            elif word not in COMPANIES and (lower_case[word] or word in vocabulary):
                uses[word] = NameUse.CONTEXT
    uses |= dict.fromkeys(PHRASES.split(", "), NameUse.NEVER)
    return dict(sorted(uses.items()))


def main(bundle: Path, tokenizer: Path, out: Path) -> None:
    """Write companies.csv and ambiguous_names.csv."""
    source = bundle / "sec" / "companies.csv"
    with source.open(encoding="utf-8", newline="") as file:
        companies = [ListedCompany(row["ticker"], row["name"], row["exchange"]) for row in csv.DictReader(file)]
    lower_case: Counter[str] = Counter()
    for title in titles(bundle):
        lower_case.update(word for word in re.findall(r"[^\W_]+", title) if word.islower())
    vocabulary = set(json.loads(tokenizer.read_text(encoding="utf-8"))["model"]["vocab"])

    uses = ambiguous_names(companies, lower_case, vocabulary)
    shutil.copyfile(source, out / "companies.csv")
    lines = ["name,use", *(f"{name},{use.value}" for name, use in uses.items())]
    (out / "ambiguous_names.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
