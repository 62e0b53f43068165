"""Headlines before their tone: what feeds deliver, normalisation, versions, stories, evidence, the coverage ledger."""
