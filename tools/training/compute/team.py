"""Several processes that share an optimizer batch, one a GPU; alone, nothing here does anything.

The leader (rank 0) is the training job. Followers hold the same student and plan and do what the leader's engine does:
each computes its share of a batch, gradients are summed over all, everyone takes the same step. The environment
variables are torchrun's, so a follower may as well be started by it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch


class Team:
    """This process among the others; `size` 1 is a process alone."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        if self.size > 1:
            gpus = torch.cuda.device_count()
            if gpus:
                torch.cuda.set_device(self.rank % gpus)
            torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")

    def tell(self, *message: Any) -> None:
        """From the leader to all followers: a method of their engine and its arguments."""
        if self.size > 1 and self.rank == 0:
            torch.distributed.broadcast_object_list([message], src=0, device=torch.device("cpu"))

    def hear(self) -> tuple[Any, ...]:
        heard: list[Any] = [None]
        torch.distributed.broadcast_object_list(heard, src=0, device=torch.device("cpu"))
        return tuple(heard[0])

    def any(self, mine: bool) -> bool:
        """Whether it holds for one of them."""
        return self.sum([float(mine)])[0] > 0

    def sum(self, numbers: Iterable[float]) -> list[float]:
        values = list(numbers)
        if self.size == 1:
            return values

        tensor = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(tensor)
        return [float(value) for value in tensor]

    def sum_gradients(self, weights: Iterable[Any]) -> None:
        """Add everyone's gradients, in one message; a weight that this process's share did not touch counts as 0."""
        if self.size == 1:
            return

        found = list(weights)
        flat = torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in found])
        torch.distributed.all_reduce(flat)
        for weight, gradient in zip(found, flat.split([w.numel() for w in found]), strict=True):
            weight.grad = gradient.view_as(weight)

    def leave(self) -> None:
        if self.size > 1:
            torch.distributed.destroy_process_group()


def start_followers(size: int, plan_json: str) -> list[subprocess.Popen[str]]:
    """The other `size - 1` processes, in this one's group so that they end with it; this one becomes rank 0."""
    if size == 1:
        return []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), WORLD_SIZE=str(size), RANK="0")
    followers = []
    for rank in range(1, size):
        command = [sys.executable, "-P", "-m", "tools.training.compute.follower"]
        path = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", ""))))
        environment = {**os.environ, "RANK": str(rank), "PYTHONPATH": path}
        follower = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment)
        assert follower.stdin is not None
        follower.stdin.write(plan_json)
        follower.stdin.close()
        followers.append(follower)
    return followers
