"""What a job was told to do. An order names its stage and its title: how it is run and what it is called."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from tools.records.dialogue import Value
from tools.records.evaluation import Match


class GivenFile(Value):
    """A file that the user gave: what they call it, and where it lies."""

    name: str
    path: str


class Order(Value):
    """An order to a stage. A subclass is known by its `kind` from the moment it is defined."""

    stage: ClassVar[str]  # "module:function" that runs it: `run(work) -> closing sentence`
    title: ClassVar[str]  # names the job while it runs and when it has ended
    ends: ClassVar[bool] = True  # by itself; a server runs until it is stopped

    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_given: Any) -> None:
        ORDERS[cls.model_fields["kind"].default] = cls


ORDERS: dict[str, type[Order]] = {}


def _read(value: Any) -> Any:
    """An order of JSON as the class that its kind names."""
    if isinstance(value, dict) and (known := ORDERS.get(str(value.get("kind")))):
        return known.model_validate(value)
    if isinstance(value, dict):
        raise ValueError(f"there is no order of kind {value.get('kind')!r}; known are {', '.join(ORDERS)}")
    return value


AnyOrder = Annotated[SerializeAsAny[Order], BeforeValidator(_read)]


class ReadingOrder(Order):
    """Files to read as documents, or documents whose scans OCR shall read."""

    stage = "tools.documents.job:run"
    title = "Reading files"
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
    per_document: int = Field(0, ge=0, description="Most samples from one document; 0 for no limit.")


NO_CARE = Care()


class SynthesisOrder(Order):
    stage = "tools.synthesis.job:run"
    title = "Generation"
    kind: Literal["synthesize"] = "synthesize"
    count: int = Field(ge=1, le=1_000_000, description="Samples to have at the end of the job.")
    max_usd: float = Field(ge=0, description="Hard stop on teacher money, US dollars.")
    max_minutes: float = Field(0, ge=0, description="Hard stop on wall time of one start; 0 for none.")
    aim: Aim | None = Field(None, description="What the samples are aimed at; None spreads them over the task.")
    care: Care = NO_CARE


class ScreeningOrder(Order):
    """Samples that nobody has looked at, to be judged by a rule."""

    stage = "tools.synthesis.screening:run"
    title = "Screening samples"
    kind: Literal["screen"] = "screen"
    rule_id: str
    samples: tuple[str, ...] = Field(min_length=1, description="Their ids; no other is touched.")
    max_usd: float = Field(ge=0, description="Hard stop on teacher money, US dollars.")
    max_minutes: float = Field(0, ge=0, description="Hard stop on wall time of one start; 0 for none.")

    @property
    def count(self) -> int:
        return len(self.samples)


class TrainingOrder(Order):
    stage = "tools.training.job:run"
    title = "Training"
    kind: Literal["train"] = "train"
    run_id: str
    max_minutes: float = Field(gt=0, description="Hard stop on wall time; a checkpoint is written first.")


class EvaluationOrder(Order):
    stage = "tools.evaluation.job:run"
    title = "Evaluation"
    kind: Literal["evaluate"] = "evaluate"
    dataset_id: str
    split: Literal["dev", "test", "real"] = "test"
    real: bool = Field(False, description="Whether the sealed real rows are asked as well.")
    candidates: tuple[str, ...] = Field(
        min_length=1, description="'base', 'few-shot', 'teacher', checkpoint ids, deployment ids."
    )
    max_usd: float = Field(0, ge=0, description="Hard stop on what the teacher's answers may cost, US dollars.")

    @property
    def splits(self) -> tuple[Literal["dev", "test", "real"], ...]:
        """All that is asked; the real rows last."""
        return (self.split, "real") if self.real and self.split != "real" else (self.split,)


class JudgingOrder(Order):
    stage = "tools.evaluation.arena.judge:run"
    title = "Judging answers"
    kind: Literal["judge"] = "judge"
    matches: tuple[Match, ...] = Field(min_length=1, description="Pairs of answers to judge, each in both orders.")
    max_usd: float = Field(ge=0, description="Hard stop on the judge's cost, US dollars.")


class CurveOrder(Order):
    stage = "tools.evaluation.studies.learning:run"
    title = "Learning curve"
    kind: Literal["curve"] = "curve"
    run_id: str = Field(description="The finished run whose plan is trained again on parts of its rows.")
    parts: tuple[str, ...] = Field(min_length=1, description="Ids of the runs on parts, which go when all is known.")
    max_minutes: float = Field(gt=0, description="Hard stop on wall time of one start.")


class GuardOrder(Order):
    stage = "tools.evaluation.studies.forgetting:run"
    title = "Forgetting check"
    kind: Literal["guard"] = "guard"
    candidates: tuple[str, str] = Field(description="'base' and a checkpoint id: both answer questions off the task.")


class ServingOrder(Order):
    stage = "tools.deployment.job:run"
    title = "Serving"
    ends = False
    kind: Literal["serve"] = "serve"
    deployment_id: str
