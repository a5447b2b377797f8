"""Training examples, and what was said of them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tools.records.dialogue import Dialogue, Value
from tools.records.project import Project
from tools.records.record import Record
from tools.records.task import Example

SampleState = Literal["draft", "approved", "edited", "rejected"]
REAL = "real:"  # begins the source of every sample pinned to `real`, so that the database can tell them apart


class Sample(Record, Dialogue):
    """One training example. `approved` and `edited` samples may be trained on; `draft` and `rejected` never."""

    project_id: str
    state: SampleState = "draft"
    reason: str = Field("", description="Why it was rejected, or what the edit changed.")
    source: str = Field(description="Who made it: simulator, teacher:<model>, import:<file>, user, real:<from where>.")
    split: Literal["", "train", "dev", "test", "real"] = Field(
        "", description="Given for it; empty lets freezing choose. real: typed by people, sealed, never trained on."
    )
    licence: str = Field("", description="Licence of its source, as the user noted it.")
    job_id: str = Field("", description="The synthesis job that made it; empty when drafted or imported.")
    document_id: str = ""
    passage_id: str = ""
    origin: str = Field("", description="What it varies: an example sentence, a pattern, or an input of the user's.")
    family: str = Field("", description="Rows of one family are written in the same words; they stay in one split.")
    quote: str = Field("", description="Verbatim evidence in the passage.")
    quote_start: int | None = Field(None, ge=0, description="Where the quote begins in the passage, in characters.")
    cell: dict[str, str] = Field({}, description="The cell of the coverage table it was asked for: axis to value.")
    looked_at: datetime | None = Field(None, description="When the user judged it; None: nobody has.")
    drawn_at: datetime | None = Field(None, description="When it was drawn at random for the user to look at.")
    rule_id: str = Field("", description="The rule that rejected it.")
    was: Example | None = Field(None, description="Its input and answer before the user's first edit.")

    @property
    def real(self) -> bool:
        """Whether it measures and is never learnt from."""
        return self.split == "real"

    @property
    def looked(self) -> bool:
        """Whether the user judged it."""
        return self.looked_at is not None


class Pair(Value):
    """A sample that was found bad, and what the user made of it if they did."""

    sample_id: str
    bad: Example
    good: Example | None = None


class Rule(Record):
    """A reason or an edit said for all samples. Only a confirmed one screens samples and binds generation."""

    project_id: str
    state: Literal["proposed", "confirmed"] = "proposed"
    text: str = Field(min_length=1, description="What is wrong, in words.")
    pairs: tuple[Pair, ...] = Field((), description="The judged samples that it was made from.")
    traits: tuple[str, ...] = Field((), description="What they share and no approved sample has, as code sees it.")
    matches: int = Field(0, ge=0, description="Samples not looked at that had these traits when it was proposed.")
    judge: Literal["", "code", "teacher"] = Field("", description="Who screens by it, since it was confirmed.")
    enforced_at: datetime | None = Field(None, description="When it last began or ceased to screen; None: never.")


class Judgement(Record):
    """One act on samples and how they were before it, so that it can be undone exactly."""

    project_id: str
    state: Literal["done", "undone"] = "done"
    act: str = Field(description="Shared by all judgements of one act; of a screening it is the job or the rule.")
    verb: Literal["approve", "edit", "reject", "screen", "mend"]
    before: tuple[Sample, ...] = ()
    rule: Rule | None = Field(None, description="The rule as it was before it was confirmed.")
    project: Project | None = Field(None, description="The project as it was before its rows were mended.")
