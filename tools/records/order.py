"""What a job was told to do: one kind of order a stage."""

from typing import Annotated, Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.evaluation import Match


class GivenFile(Value):
    """A file that the user gave: what they call it, and where it lies."""

    name: str
    path: str


class ReadingOrder(Value):
    """Files to read as documents, or documents whose scans OCR shall read."""

    kind: Literal["read"] = "read"
    files: tuple[GivenFile, ...] = ()
    recognise: tuple[str, ...] = Field((), description="Ids of documents with scanned pages.")
    student_folder: str = Field("", description="Folder of the student whose tokenizer sizes the passages.")


class Aim(Value):
    """What targeted samples are for. They are trained on only: freezing puts them into train."""

    focus: str = Field(description="The kind of case wanted, in words made of the task's names.")
    examples: tuple[str, ...] = Field(min_length=1, description="Ids of train samples that show it.")


class Care(Value):
    """How much is spent on each sample, and how much one document may give."""

    answers_each: int = Field(1, ge=1, le=9, description="Answers asked for each input; more than half must agree.")
    critique: bool = Field(False, description="Whether the teacher judges its samples once more.")
    per_document: int = Field(0, ge=0, description="Most samples of one document; 0 for no limit.")


NO_CARE = Care()


class SynthesisOrder(Value):
    kind: Literal["synthesize"] = "synthesize"
    count: int = Field(ge=1, le=1_000_000, description="Samples to have at the end of the job.")
    max_usd: float = Field(ge=0, description="Hard stop on teacher money, US dollars.")
    max_minutes: float = Field(0, ge=0, description="Hard stop on wall time of one start; 0 for none.")
    aim: Aim | None = Field(None, description="What the samples are aimed at; None spreads them over the task.")
    care: Care = NO_CARE


class ScreeningOrder(Value):
    """Samples that nobody has looked at, to be judged by a rule."""

    kind: Literal["screen"] = "screen"
    rule_id: str
    samples: tuple[str, ...] = Field(min_length=1, description="Their ids; no other is touched.")
    max_usd: float = Field(ge=0, description="Hard stop on teacher money, US dollars.")
    max_minutes: float = Field(0, ge=0, description="Hard stop on wall time of one start; 0 for none.")

    @property
    def count(self) -> int:
        return len(self.samples)


class TrainingOrder(Value):
    kind: Literal["train"] = "train"
    run_id: str
    max_minutes: float = Field(gt=0, description="Hard stop on wall time; a checkpoint is written first.")


class EvaluationOrder(Value):
    kind: Literal["evaluate"] = "evaluate"
    dataset_id: str
    split: Literal["dev", "test"] = "test"
    candidates: tuple[str, ...] = Field(
        min_length=1, description="'base', 'few-shot', 'teacher', checkpoint ids, deployment ids."
    )
    max_usd: float = Field(0, ge=0, description="Hard stop on what the teacher's answers may cost, US dollars.")


class JudgingOrder(Value):
    kind: Literal["judge"] = "judge"
    matches: tuple[Match, ...] = Field(min_length=1, description="Pairs of answers to judge, each in both orders.")
    max_usd: float = Field(ge=0, description="Hard stop on the judge's cost, US dollars.")


class CurveOrder(Value):
    kind: Literal["curve"] = "curve"
    run_id: str = Field(description="The finished run whose plan is trained again on parts of its rows.")
    parts: tuple[str, ...] = Field(min_length=1, description="Ids of the runs on parts, which go when all is known.")
    max_minutes: float = Field(gt=0, description="Hard stop on wall time of one start.")


class GuardOrder(Value):
    kind: Literal["guard"] = "guard"
    candidates: tuple[str, str] = Field(description="'base' and a checkpoint id: both answer questions off the task.")


class ServingOrder(Value):
    kind: Literal["serve"] = "serve"
    deployment_id: str


Order = Annotated[
    ReadingOrder
    | SynthesisOrder
    | ScreeningOrder
    | TrainingOrder
    | EvaluationOrder
    | JudgingOrder
    | GuardOrder
    | CurveOrder
    | ServingOrder,
    Field(discriminator="kind"),
]
