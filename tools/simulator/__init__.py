"""Samples without any model, right by construction."""
