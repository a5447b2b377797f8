"""One task, one folder, and who decides what is trained on."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record
from tools.records.task import Task


class Policy(Value):
    """What freezing lets through, of samples that nobody gave as good: imported rows are the user's own word."""

    kind: Literal["sampled", "all"] = Field(
        "sampled", description="sampled: a look at some, drawn at random, speaks for the rest; all: only what was seen."
    )
    most_bad: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share that may be bad at 95 % confidence (sampled); 1 lets all through, and tells.",
    )


class Project(Record):
    """One task, one folder."""

    slug: str = Field(description="Folder name, unique for its owner.")
    name: str
    goal: str = Field("", description="The goal in the user's own words.")
    task: Task = Task()
    student: str = Field("", description="Student reference; empty means the default for this machine.")
    policy: Policy = Policy()
    rubric: str = Field("", description="By what the judge calls an answer better; empty takes the shipped rubric.")
