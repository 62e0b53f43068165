"""Preparing sentiment classifiers: fetch weights, convert them to a model folder, verify that folder against fp32.

`fetching` and `source` are about what arrives, `labels` and `tokens` about what must fit; `prepare` exports and
verifies. `graph`, `blocks`, `calibration` and `rounding` are the quantiser of BERT, `traced` the way of all others.
Only `signals model` and the image's build import this package. It needs the extra `finbert` (torch, transformers,
onnx); `adapters.model`, which runs the result, needs none of these.
"""
