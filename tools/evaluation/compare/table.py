"""The table of a comparison, as records."""

from typing import Literal

from pydantic import Field

from tools.records import Measure, Score, Scores, Value

Choice = Literal["dev score", "dev loss", "these rows", "real rows"]


class ComparedRow(Value):
    """One line of the score table."""

    evaluation_id: str
    candidate: str
    label: str
    scores: Scores
    figure: Score | Measure = Field(description="The headline figure, by which candidates are compared.")
    run_id: str = ""
    step: int | None = None
    dev_loss: float | None = None
    best: bool = False

    @property
    def trained(self) -> bool:
        """A checkpoint: what is chosen among. A served one is a checkpoint over again."""
        return self.candidate.startswith("ckpt-")


class Pair(Value):
    """The chosen candidate against another, on the rows that both answered."""

    best_id: str
    other_id: str
    only_best: int = Field(description="Rows on which only the best is right, or better.")
    only_other: int = Field(description="Rows on which only the other is.")
    difference: float = Field(description="Headline figure of the best less that of the other.")
    p: float = Field(ge=0, le=1, description="Two-sided p value, corrected for all that is tested at once.")
    rows_needed: int | None = Field(description="Rows that would separate the two; None where no number would.")
    same_answers: bool = Field(description="Whether the two say the same, word for word, on every row.")


class Comparison(Value):
    """Evaluations of one split side by side; ids are those of the evaluations."""

    dataset_id: str
    split: Literal["dev", "test", "real"]
    made: str = Field("", description="What these rows are: who wrote them.")
    thin: str = Field("", description="What simulated rows say nothing about.")
    n: int = Field(description="Rows that count.")
    origins: int = Field(description="Documents, example sentences or conversations that these rows come from.")
    few_origins: bool = Field(description="Whether these are too few for an interval or a test.")
    figure: str = Field(description="Name of the headline figure.")
    rows: tuple[ComparedRow, ...]
    best: str
    chosen_by: Choice = Field(description="What the best was chosen by.")
    pairs: tuple[Pair, ...]
    looks: int = Field(description="Jobs that scored checkpoints on these sealed rows, this one included; 0 for dev.")
    newest_run: str = Field("", description="The run on trial, where checkpoints of several runs are compared.")
    leaked: int = Field(description="Rows left out because training rows give them away.")
    ignored: tuple[str, ...] = Field(description="Labels of checkpoints that answer exactly as their base does.")
    real: "Comparison | None" = Field(None, description="The same candidates on real messages, where there are any.")
    passed_over: str = Field(
        "", description="Label of the checkpoint that dev chose, where real messages chose another."
    )
    sentence: str
