"""The training job: a run by its order, from the newest checkpoint on, paid for and put in order at its end."""

import time

from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Run, TrainingOrder


def run(work: Work) -> str:
    """Train the run of the order. Returns the closing sentences."""
    order = work.job.order
    assert isinstance(order, TrainingOrder)
    return train(work, order.run_id, order.max_minutes)


def train(work: Work, run_id: str, max_minutes: float) -> str:
    """Train a run in this job; resumes from its newest complete checkpoint. Returns the closing sentences."""
    from tools.training.compute.loop import Training
    from tools.training.compute.team import start_followers

    found = work.catalog.change(Run, run_id, state="training")
    started = time.monotonic()
    followers = start_followers(found.plan.processes, found.plan.model_dump_json())
    try:
        sentences = Training(work, found, max_minutes * 60).train()
        work.catalog.change(Run, run_id, state="finished")
        return sentences
    except Stopped:
        work.catalog.change(Run, run_id, state="stopped")
        raise
    except Exception as error:
        work.catalog.change(Run, run_id, state="failed")
        if all(follower.poll() in (None, 0) for follower in followers) or isinstance(error, RetortError):
            raise
        raise RetortError(
            f"One of {found.plan.processes} training processes ended: {error}.", "Say 'resume' to continue from there."
        ) from error
    finally:
        for follower in followers:
            follower.terminate()
        _spend(work, time.monotonic() - started, len(followers) + 1)


def _spend(work: Work, seconds: float, processes: int) -> None:
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    # Each process has a GPU of its own.
    work.book("training", kind="compute", seconds=seconds * (processes if gpu else 1), device=gpu or "cpu")
