"""Price sources, one per module; each delivers daily bars."""
