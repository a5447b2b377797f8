"""Scores, and which of two answers is better."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record


class Score(Value):
    """A share of rows with its 95 % (modified Wilson) interval."""

    hits: int = Field(ge=0)
    rows: int = Field(ge=0)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @property
    def share(self) -> float:
        return self.hits / self.rows if self.rows else 0.0


class Measure(Value):
    """A figure over rows that is no share of them (F1, BLEU), as a part of 1, with its 95 % bootstrap interval."""

    share: float = Field(description="The figure itself; 1 is the best, but for ratios.")
    low: float
    high: float
    rows: int = Field(ge=0)


class Scores(Value):
    """What was measured; a metric that does not apply to the task is absent. Definitions: docs/metrics.md."""

    valid_json: Score | None = None
    exact_match: Score
    fields: dict[str, Score] = Field({}, description="Accuracy of each field over all rows (extraction).")
    label_accuracy: Score | None = None
    shares: dict[str, Score] = Field({}, description="Further shares of rows by name: refusals, out-of-scope recall.")
    measures: dict[str, Measure] = Field({}, description="Other figures by name: macro F1, ROUGE-L, BLEU-4.")


class Evaluation(Record):
    """One candidate answered one split of one dataset."""

    project_id: str
    dataset_id: str
    split: Literal["dev", "test", "real"]
    candidate: str = Field(description="'base', 'few-shot', 'teacher', a checkpoint id, or a deployment id.")
    student: str = Field(description="Student reference that the candidate stands on, or who the teacher is.")
    label: str = Field(description="How tables call the candidate: 'base', 'step 60', 'served'.")
    scores: Scores
    answers: str = Field(description="Path of the answers (JSONL), relative to the project folder.")
    seconds: float = Field(ge=0, description="Wall time of the generation.")
    answer_tokens: int = Field(0, ge=0, description="Tokens of all answers together; 0 where nobody counted.")
    job_id: str = Field("", description="The evaluation job that asked; one job is one look at its split.")
    leaked: tuple[str, ...] = Field(
        (), description="Rows whose input is also in the training split, word for word or nearly; they are not scored."
    )


class Match(Value):
    """A row and the two evaluations whose answers to it meet; the first stands on the left, as A."""

    row_id: str
    first: str
    second: str
    origin: str = Field("", description="Mark of the row's origin.")


class Ballot(Record):
    """Which of two answers to a row is better: a vote of the user's in the blind arena, or a verdict of a judge's."""

    project_id: str
    row_id: str
    origin: str = Field("", description="Mark that rows of one origin share; empty where it is not known.")
    first: str = Field(description="Id of the evaluation whose answer stood on the left.")
    second: str
    winner: str = Field("", description="Id of the evaluation whose answer is better; empty is a tie.")
    by: str = Field(description="Who found so: 'user', or judge:<model>.")
    reason: str = ""
