"""Long work, and how far it is."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.order import AnyOrder
from tools.records.record import Record

JobState = Literal["queued", "running", "stopping", "done", "stopped", "failed", "died"]


class Progress(Value):
    done: float = Field(0, ge=0)
    total: float = Field(0, ge=0, description="0 while unknown.")
    unit: str = ""
    message: str = ""
    eta_s: float | None = Field(None, ge=0, description="Seconds left as estimated; None while unknown.")


class Job(Record):
    """Long work in its own process group, watched through the catalog and its log."""

    project_id: str
    order: AnyOrder
    state: JobState = "queued"
    progress: Progress = Progress()
    result: str = Field("", description="Closing sentence of a finished job.")
    problem: str = Field("", description="What went wrong, when it did.")
    fix: str = ""
    pid: int = 0
    process_started_at: float = Field(0, description="Start time of the process (epoch seconds): tells a reused pid.")
    reported_at: float = Field(0, description="When it last reported its progress (epoch seconds); 0: not yet.")
    announced: bool = Field(False, description="Whether the conversation has been told of its end.")

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running", "stopping")
