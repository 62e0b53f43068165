"""The digests as pages and as an API: reads the database, starts nothing, and writes only what a signed link asks."""
