"""Tests of http_client."""
