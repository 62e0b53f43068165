# pyright: reportMissingImports=false
"""The tokenizer of a source folder, and whether it belongs to the model."""

from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export.source import Architecture

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Plain English in lower case, sentence case and title case: a tokenizer of the other letter case shows by it.
PLAIN_SENTENCES = (
    "The company said on Monday that its profit rose in the third quarter",
    "Shares of the bank fell after it cut its forecast for the year",
    "Bank Shares Fall After The Company Cut Its Forecast For The Year",
    "Oil Prices Rise As Demand Grows And Stocks Gain In Early Trade",
)
# Maximum share of tokens of plain English that a BERT vocabulary may not know; its own tokenizer knows all of them.
MAX_UNKNOWN = 0.1


def read_tokenizer(source: Path, architecture: Architecture) -> "Tokenizer":
    """Read the source's tokenizer, without padding and truncation, and check that it is the model's own.

    A tokenizer of another vocabulary, or of the other letter case, gives a model tokens that it never learnt; the model
    then answers neutral to everything without any error.

    Raises:
        ModelError: the tokenizer is unreadable, has another size than the word embedding, sets no [CLS] and [SEP], or
            does not know plain English words.
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
    all_tokens: list[str] = []
    for text in PLAIN_SENTENCES:
        tokens = tokenizer.encode(text).tokens
        if tokens[0] != "[CLS]" or tokens[-1] != "[SEP]":
            raise ModelError(f"{source}: the tokenizer sets no [CLS] and [SEP]; put the model's own tokenizer there")
        all_tokens += tokens
    unknown_share = all_tokens.count("[UNK]") / len(all_tokens)
    if unknown_share > MAX_UNKNOWN:
        raise ModelError(
            f"{source}: the tokenizer knows {1 - unknown_share:.0%} of plain English words, so it has another"
            " vocabulary or letter case than the model; put the model's own tokenizer there"
        )
    return tokenizer
