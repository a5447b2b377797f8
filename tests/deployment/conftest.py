"""The same small world as evaluation's."""

from tests.evaluation.conftest import checkpoints, dataset, run, student

__all__ = ["checkpoints", "dataset", "run", "student"]
