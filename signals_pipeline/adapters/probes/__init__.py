"""Small checks of outside systems for `signals doctor`; each returns one `ProbeResult` and changes nothing."""
