"""Candidates beside each other: tables, tests, rows, reports."""
