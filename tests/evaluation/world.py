"""What an evaluation needs, made small and real: a frozen dataset, a run on the tiny student, peft checkpoints."""

import json
import random
from pathlib import Path
from typing import Any, Literal

from tests.tiny import make_student
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.files import seal_folder
from tools.jobs import Work
from tools.records import (
    Checkpoint,
    Dataset,
    Evaluation,
    Job,
    Message,
    Order,
    Plan,
    Project,
    Run,
    Sample,
    Scores,
    new_id,
)

SYSTEM = "Extract name, phone, address and email as JSON."


def contact(number: int) -> str:
    names = ("name", "phone", "address", "email")
    values = (f"Ann {number}", f"555-01{number:03}", None, None)
    return json.dumps(dict(zip(names, values, strict=True)))


def make_dataset(catalog: Catalog, project: Project, test_rows: int = 12, dev_rows: int = 2) -> Dataset:
    """Four training rows, `dev_rows` dev rows and `test_rows` test rows; inputs of different lengths."""

    def sample(number: int) -> Sample:
        draw = random.Random(number)  # words of its own: near-duplicates would be kept out of train
        words = ("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(6 + number % 5))
        question = f"{' '.join(words)}: Ann {number}, 555-01{number:03}."
        return Sample(
            id=new_id("sample"),
            owner="local",
            project_id=project.id,
            messages=(
                Message(role="system", content=SYSTEM),
                Message(role="user", content=question),
                Message(role="assistant", content=contact(number)),
            ),
            state="approved",
            source="user",
            split="train" if number < 4 else "dev" if number < 4 + dev_rows else "test",
        )

    catalog.add_all([sample(number) for number in range(4 + dev_rows + test_rows)])
    return freeze(catalog, project)


def make_lively_student(folder: Path, hidden: int = 64, layers: int = 2) -> Path:
    """The tiny student with larger and untied weights: the plain one only repeats its last token."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(make_student(folder, hidden, layers), dtype=torch.float32)
    model.config.tie_word_embeddings = False
    torch.manual_seed(5)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embed" not in name:
                weight.normal_(std=hidden**-0.5)
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def make_adapter(student: Path, folder: Path, seed: int, rank: int = 4, **more: Any) -> Path:
    """A peft adapter whose update is large enough to change every answer of the tiny student."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(student, dtype=torch.float32)
    made = {"r": rank, "lora_alpha": 4 * rank, "target_modules": "all-linear", "init_lora_weights": False}
    config = LoraConfig(**{**made, **more})
    get_peft_model(model, config).save_pretrained(folder)
    seal_folder(folder)
    return folder


def make_run(catalog: Catalog, project: Project, dataset: Dataset, student: Path) -> Run:
    plan = Plan(
        student=f"path:{student}",
        epochs=1,
        learning_rate=1e-3,
        batch_samples=4,
        row_tokens=512,
        max_sample_tokens=512,
        lora_rank=4,
        lora_alpha=16,
        precision="fp32",
    )
    folder = f"runs/{new_id('run')}"
    run = Run(id=new_id("run"), owner="local", project_id=project.id, dataset_id=dataset.id, plan=plan, folder=folder)
    return catalog.add(run)


def make_checkpoint(catalog: Catalog, project: Project, run: Run, step: int, dev_loss: float = 1.0) -> Checkpoint:
    """A record with a real adapter behind it, seeded by its step."""
    folder = f"{run.folder}/checkpoints/step-{step:06d}"
    make_adapter(Path(run.plan.student.removeprefix("path:")), catalog.folder(project) / folder, seed=step)
    checkpoint = Checkpoint(
        id=new_id("ckpt"),
        owner="local",
        project_id=project.id,
        run_id=run.id,
        step=step,
        folder=folder,
        dev_loss=dev_loss,
    )
    return catalog.add(checkpoint)


def make_work(catalog: Catalog, project: Project, order: Order) -> Work:
    """A running job's view, in this process."""
    job = Job(id=new_id("job"), owner="local", project_id=project.id, order=order, state="running")
    return Work(catalog, catalog.add(job))


def make_evaluation(
    catalog: Catalog,
    project: Project,
    dataset: Dataset,
    candidate: str,
    answers: dict[str, str],
    *,
    scores: Scores,
    label: str = "",
    split: Literal["dev", "test", "real"] = "test",
) -> Evaluation:
    """An evaluation whose answers were written by hand."""
    id_ = new_id("evaluation")
    path = catalog.folder(project) / "evaluations" / f"{id_}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"row_id": row, "answer": said}) + "\n" for row, said in answers.items()))
    evaluation = Evaluation(
        id=id_,
        owner="local",
        project_id=project.id,
        dataset_id=dataset.id,
        split=split,
        candidate=candidate,
        student="path:/tiny",
        label=label or candidate,
        scores=scores,
        answers=f"evaluations/{id_}.jsonl",
        seconds=1,
    )
    return catalog.add(evaluation)
