"""What was spent, and what an action will take."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record


class Expense(Record):
    """Something spent: teacher money or machine time."""

    project_id: str
    job_id: str = ""
    kind: Literal["teacher", "compute"]
    usd: float = Field(0, ge=0)
    input_tokens: int = Field(0, ge=0)
    cached_tokens: int = Field(0, ge=0, description="Those of the input that the provider had read before.")
    output_tokens: int = Field(0, ge=0)
    guessed: int = Field(0, ge=0, description="Answers of which a side was guessed: the endpoint does not count it.")
    seconds: float = Field(0, ge=0, description="Wall seconds of the machine.")
    device: str = Field("", description="cpu or the GPU's name, for compute.")
    what: str = ""


class Estimate(Value):
    """What an action will take, as ranges; shown before every approval."""

    what: str
    calls_low: int = Field(0, ge=0, description="Requests to a teacher.")
    calls_high: int = Field(0, ge=0)
    tokens_low: int = Field(0, ge=0, description="Input and output together.")
    tokens_high: int = Field(0, ge=0)
    usd_low: float = Field(0, ge=0)
    usd_high: float = Field(0, ge=0)
    minutes_low: float = Field(0, ge=0)
    minutes_high: float = Field(0, ge=0)
    device: str = ""
    notes: tuple[str, ...] = ()
