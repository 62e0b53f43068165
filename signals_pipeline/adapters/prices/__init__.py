"""Price sources, one a file; each delivers daily bars."""
