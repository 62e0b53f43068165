"""Tests of the sources of earnings dates."""
