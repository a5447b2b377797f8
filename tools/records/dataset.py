"""A frozen version of the samples."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record

_WHY = {
    "equal": "their inputs are those of pinned dev or test rows",
    "near": "their inputs are nearly the same as those of pinned dev or test rows",
    "equal-real": "they repeat real messages",
    "near-real": "they nearly repeat real messages",
    "unreviewed": "you have not reviewed them",
}
MOST_NAMED = 8  # labels or fields in a sentence


class LeftOut(Value):
    """Rows that freezing left out for one reason."""

    why: Literal["equal", "near", "equal-real", "near-real", "unreviewed"]
    rows: int = Field(ge=1)
    example: str = Field("", description="The input of one of them.")

    @property
    def sentence(self) -> str:
        """'13 rows were left out: they repeat real messages.'"""
        return f"{self.rows} {'row was' if self.rows == 1 else 'rows were'} left out: {_WHY[self.why]}."


class Dataset(Record):
    """A frozen, hashed version of the samples. Its files never change."""

    project_id: str
    version: int = Field(ge=1)
    folder: str = Field(description="Relative to the project folder: train.jsonl, dev.jsonl, sealed/.")
    rows: dict[str, int] = Field(description="Rows by split: train, dev, test; real where there are any.")
    sha256: dict[str, str] = Field(description="Hash of each split's file.")
    seed: int
    note: str = Field("", description="How rows were kept together, and what a split lacks, for a person.")
    left_out: tuple[LeftOut, ...] = Field((), description="What is in no split, by reason.")
    vouched: dict[str, int] = Field({}, description="Rows by who says that they are good: see `tally.vouched`.")
    thin: dict[str, int] = Field(
        {}, description="Labels or fields that a simulated test says nothing about, with the number of their patterns."
    )
    reasons: bool = Field(False, description="Whether answers of train begin with reasoning in writing (<think>).")
    parent_id: str = Field("", description="The version frozen before it; empty for the first.")
    review: str = Field("", description="How much of it the user had looked at, and what that says of the rest.")

    @property
    def thin_sentence(self) -> str:
        """What the simulated test cannot tell, and what to do; nothing where it can."""
        if not self.thin:
            return ""
        listed = ", ".join(f"{name} ({number})" for name, number in list(self.thin.items())[:MOST_NAMED])
        more = f" and {len(self.thin) - MOST_NAMED} more" if len(self.thin) > MOST_NAMED else ""
        return (
            f"The simulated test says nothing about {listed}{more}: the simulator writes each in fewer than three "
            "patterns. Say 'real messages:' and paste 10 to 30, or import real rows as test."
        )
