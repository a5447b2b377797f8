"""What became of one request to a teacher."""

from typing import Literal

from pydantic import Field

from tools.records.record import Record

Way = Literal["whole", "record", "slots"]
"""Who writes what: the teacher input and answer; code the answer and the teacher a message that holds its values; the
same with places in the message that code fills."""
AnswerState = Literal["usable", "truncated", "empty", "refused", "malformed", "failed"]


class Answer(Record):
    """What became of one request to a teacher, written with its samples: what has an answer is never asked again."""

    project_id: str
    job_id: str = ""
    number: int = Field(ge=0, description="Of the request within its job.")
    source: str = Field(description="Who answered: simulator, teacher:<model>.")
    way: Way = Field("whole", description="How it was asked.")
    state: AnswerState = Field("usable", description="Any other is set aside: no sample came of it.")
    good: int = Field(0, ge=0, description="Samples that passed the checks.")
    rejected: int = Field(0, ge=0)
    duplicates: int = Field(0, ge=0)
    calls: int = Field(0, ge=0, description="Prompts that the teacher answered.")
    seconds: float = Field(0, ge=0, description="From the first sending to the last answer, waits included.")
    problem: str = Field("", description="Why it was set aside.")
    text: str = Field("", description="What came, when it was set aside; its beginning.")
    judged: tuple[str, ...] = Field((), description="Ids of the samples that it judged, when it was asked to.")
