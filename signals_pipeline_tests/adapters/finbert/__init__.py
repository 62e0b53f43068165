"""Preparing FinBERT, on models of its architecture a few numbers wide."""
