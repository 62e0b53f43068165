"""Domain rules, most of them as properties."""
