"""`python -m signals_pipeline` is `signals`."""

from signals_pipeline.cli import main

main()
