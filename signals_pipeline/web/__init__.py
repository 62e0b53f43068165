"""The digests as pages and as an API. Reads the database, starts no run, writes only for signed links."""
