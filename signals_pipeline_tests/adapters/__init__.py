"""Adapters against recorded or real counterparts."""
