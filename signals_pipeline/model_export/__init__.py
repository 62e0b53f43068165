"""Preparing FinBERT: fetch its weights, quantise them to an int8 model folder, verify that folder against fp32.

`source` fetches, `prepare` exports and verifies; `graph`, `blocks`, `calibration` and `rounding` are the quantiser.
Only `signals model` and the image's build import this package. It needs the extra `finbert` (torch, transformers,
onnx); `adapters.model`, which runs the result, needs none of these.
"""
