"""Tests of signals."""
