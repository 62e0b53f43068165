"""Preparing FinBERT: fetch its weights, turn them into a sealed int8 folder for the loader, verify that against fp32.

Needs the extra `finbert` (torch, transformers, onnx); running what was prepared needs none of it.
"""
