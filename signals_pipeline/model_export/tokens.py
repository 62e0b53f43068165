# pyright: reportMissingImports=false
"""The tokenizer of a source folder, and whether it belongs to the model."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.core.text import first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Plain English in lower case, sentence case and title case: a tokenizer of the other letter case shows by it.
PLAIN_SENTENCES = (
    "The company said on Monday that its profit rose in the third quarter",
    "Shares of the bank fell after it cut its forecast for the year",
    "Bank Shares Fall After The Company Cut Its Forecast For The Year",
    "Oil Prices Rise As Demand Grows And Stocks Gain In Early Trade",
)
# Maximum share of tokens of plain English that a vocabulary may not know; the model's own knows all of them.
MAX_UNKNOWN = 0.1
# Word embeddings are padded to a multiple of 64 or 128 rows: DeBERTa v3 has 128,100 for 128,001 tokens.
MAX_PADDED_ROWS = 127
# Tokenizers that need no sentencepiece.
READABLE_ALONE = ("tokenizer.json", "vocab.txt", "vocab.json")


def read_tokenizer(source: Path, rows: int) -> "Tokenizer":
    """Read the source's tokenizer, without padding and truncation, and check that it is the model's own.

    A tokenizer of another vocabulary, or of the other letter case, gives a model tokens that it never learnt; the model
    then answers neutral to everything without any error.

    Args:
        source: A folder in the hub's layout. Where it has no `tokenizer.json`, transformers converts what it has.
        rows: Rows of the model's word embedding.

    Raises:
        ModelError: the tokenizer is unreadable or can't be converted, has another size than the word embedding, sets no
            start and end marks, or does not know plain English words.
    """
    tokenizer, start, end, unknown = _open_tokenizer(source)
    size = tokenizer.get_vocab_size()
    if not rows - MAX_PADDED_ROWS <= size <= rows:
        raise ModelError(
            f"{source}: the tokenizer has {size} tokens, the model {rows} word vectors;"
            " put the model's own tokenizer there"
        )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    all_tokens: list[str] = []
    for text in PLAIN_SENTENCES:
        tokens = tokenizer.encode(text).tokens
        if tokens[0] != start or tokens[-1] != end:
            raise ModelError(f"{source}: the tokenizer sets no {start} and {end}; put the model's own tokenizer there")
        all_tokens += tokens
    unknown_share = all_tokens.count(unknown) / len(all_tokens)
    if unknown_share > MAX_UNKNOWN:
        raise ModelError(
            f"{source}: the tokenizer knows {1 - unknown_share:.0%} of plain English words, so it has another"
            " vocabulary or letter case than the model; put the model's own tokenizer there"
        )
    return tokenizer


def _open_tokenizer(source: Path) -> "tuple[Tokenizer, str, str, str]":
    """The tokenizer, and its marks for a text's start, its end and an unknown word."""
    try:
        from transformers.models.auto.tokenization_auto import AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise ModelError(f"{error.name} is not installed; pip install 'signals_pipeline[finbert]'") from error
    logging.set_verbosity_error()
    try:
        loaded = AutoTokenizer.from_pretrained(source, local_files_only=True, trust_remote_code=False)
        return loaded.backend_tokenizer, str(loaded.cls_token), str(loaded.sep_token), str(loaded.unk_token)
    except Exception as error:  # transformers and tokenizers share no narrower base
        has_only_sentencepiece = not any((source / name).is_file() for name in READABLE_ALONE)
        if has_only_sentencepiece and find_spec("sentencepiece") is None:
            raise ModelError(
                f"{source}: no tokenizer.json, and its sentencepiece model can't be converted here; pip install"
                " sentencepiece protobuf, or save the tokenizer as tokenizer.json"
            ) from error
        reason = first_line(str(error), type(error).__name__)
        raise ModelError(f"{source}: tokenizer unreadable ({reason}); fetch the model again") from error
