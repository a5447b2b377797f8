"""Which teacher writes the samples: the one that the settings name, else the simulator."""

from tools.records import Sample, Task
from tools.settings import settings
from tools.synthesis.openai_teacher import OpenAITeacher
from tools.synthesis.simulator import Simulator


def teacher_name() -> str:
    """How a person calls the teacher in use."""
    return settings().teacher_model or "the simulator"


def pick_teacher(task: Task, seed: str, like: Sample | None = None) -> OpenAITeacher | Simulator:
    """The teacher for this task. Raises RetortError when it lacks a key, or when the simulator cannot do the task.

    `seed` starts the simulator's stream; with `like` it writes samples that resemble this one.
    """
    if settings().teacher_model:
        return OpenAITeacher(settings())
    return Simulator(task, seed, like)
