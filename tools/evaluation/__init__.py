"""Checkpoints x sealed test -> scores: who answers, what is measured, and whether rows can tell who is better."""
