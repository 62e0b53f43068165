"""Daily bars: adjustment as known at an instant, and technical indicators."""
