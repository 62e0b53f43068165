"""Builders, sample data and local servers that tests share."""
