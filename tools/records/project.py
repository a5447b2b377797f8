"""One task, one folder, and who decides what is trained on."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record
from tools.records.task import Task

Copies = Literal["out", "near", "all"]


class Policy(Value):
    """What freezing lets through, of samples that nobody gave as good: imported rows are the user's own word."""

    kind: Literal["sampled", "all"] = Field(
        "sampled", description="sampled: a random draw speaks for the rest; all: only what the user has reviewed."
    )
    most_bad: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share that may be bad, at 95 % confidence (sampled); 1 lets everything through and says so.",
    )
    copies: Copies = Field(
        "out",
        description="Rows like pinned or real ones: out; near: only those with an equal input go; all: kept.",
    )


class Project(Record):
    """One task, one folder."""

    slug: str = Field(description="Folder name, unique for its owner.")
    name: str
    goal: str = Field("", description="The goal in the user's own words.")
    task: Task = Task()
    student: str = Field("", description="Student reference; empty means the default for this machine.")
    policy: Policy = Policy()
    by_program: bool = Field(False, description="Whether a program began it: it is used only when it is named.")
    rubric: str = Field(
        "", description="What makes one answer better than another, for the judge; empty means the built-in rubric."
    )
