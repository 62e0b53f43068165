"""One test module per asset, over one live run of the sample."""
