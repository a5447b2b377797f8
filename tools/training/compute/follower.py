"""A process beside the training job: `python -m tools.training.compute.follower`, its plan on standard input."""

import signal
import sys

from tools.records import Plan
from tools.student.reference import resolve
from tools.training.compute.learner import Engine
from tools.training.compute.model import use_threads

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a stop reaches the whole group; the leader's next word is heard
    plan = Plan.model_validate_json(sys.stdin.read())
    use_threads()
    Engine(resolve(plan.student), plan).follow()
