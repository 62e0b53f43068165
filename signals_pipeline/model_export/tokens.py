# pyright: reportMissingImports=false
"""The tokenizer of a source folder, and whether it belongs to the model."""

from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export.source import Architecture

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PLAIN = (
    "The company said on Monday that its profit rose in the third quarter",
    "Shares of the bank fell after it cut its forecast for the year",
    "Bank Shares Fall After The Company Cut Its Forecast For The Year",
    "Oil Prices Rise As Demand Grows And Stocks Gain In Early Trade",
)
MOST_UNKNOWN = 0.1  # share of plain English words that a BERT vocabulary may not know


def read_tokenizer(source: Path, architecture: Architecture) -> "Tokenizer":
    """The source's tokenizer without padding and truncation, after it proved to be the model's own.

    A tokenizer of another vocabulary, or of the other letter case, gives a model tokens that it never learnt; it then
    answers neutral to everything and no error shows.

    Raises:
        ModelError: the tokenizer is unreadable, of another size than the word embedding, knows no [CLS] and [SEP], or
            takes plain English words for unknown.
    """
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    try:
        tokenizer: Tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True).backend_tokenizer
    except Exception as error:  # transformers and tokenizers share no narrower base
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{source}: tokenizer unreadable ({reason}); fetch the model again") from error
    size = tokenizer.get_vocab_size()
    if size != architecture.vocab_size:
        raise ModelError(
            f"{source}: the tokenizer has {size} tokens, the model {architecture.vocab_size} word vectors;"
            " put the model's own tokenizer there"
        )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoded = [tokenizer.encode(text) for text in PLAIN]
    if any(tokens.tokens[0] != "[CLS]" or tokens.tokens[-1] != "[SEP]" for tokens in encoded):
        raise ModelError(f"{source}: the tokenizer sets no [CLS] and [SEP]; put the model's own tokenizer there")
    known = [token for tokens in encoded for token in tokens.tokens]
    unknown = known.count("[UNK]") / len(known)
    if unknown > MOST_UNKNOWN:
        raise ModelError(
            f"{source}: the tokenizer knows {1 - unknown:.0%} of plain English words; it isn't the model's own"
            " (other vocabulary or letter case), put that there"
        )
    return tokenizer
