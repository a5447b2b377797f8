"""A process beside the training job: `python -m tools.training.follower`, its plan on standard input."""

import signal
import sys

from tools.records import Plan
from tools.training.engine import Engine
from tools.training.student import resolve

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a stop reaches the whole group; the leader's next word is heard
    plan = Plan.model_validate_json(sys.stdin.read())
    Engine(resolve(plan.student), plan).follow()
