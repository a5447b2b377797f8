"""Counts a dataset's samples in the student's tokens, in a child process: transformers stays out of the page."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from tools.catalog import Catalog
from tools.dataset.lengths import Lengths, lengths
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.files import write_atomic
from tools.records import Dataset
from tools.settings import settings
from tools.student.config import text_config
from tools.student.reference import resolve
from tools.student.tokens import tokenised


def measure_lengths(catalog: Catalog, dataset: Dataset, student: str) -> Lengths:
    """Lengths of train and dev (test is sealed), counted once for each dataset and student."""
    key = hashlib.sha256(f"{student} {sorted(dataset.sha256.items())}".encode()).hexdigest()[:24]
    cached = settings().home_dir / "cache" / f"lengths-{key}.json"
    if cached.is_file():
        return Lengths.model_validate_json(cached.read_bytes())
    splits = (read_train(catalog, dataset), read_dev(catalog, dataset))
    told = [[row.model_dump(mode="json") for row in rows] for rows in splits]
    asked = json.dumps({"student": student, "splits": told})
    command = [sys.executable, "-m", "tools.training.fit"]
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    answer = done.stdout.strip().splitlines()[-1:]
    if done.returncode or not answer:
        problem, fix = (
            json.loads(answer[0])
            if answer and answer[0].startswith("[")
            else (
                done.stderr.strip()[-300:],
                "Check the student reference; `retort status` shows the default for this machine.",
            )
        )
        raise RetortError(f"The samples could not be counted in tokens of {student!r}: {problem}", fix)
    found = Lengths.model_validate_json(answer[0])
    write_atomic(cached, answer[0].encode())
    return found


def main() -> int:
    """The child: a student and rows in, lengths out, both JSON."""
    asked = json.load(sys.stdin)
    splits = TypeAdapter(list[list[Row]]).validate_python(asked["splits"])
    try:
        folder = resolve(asked["student"])
        tokens = [sample.tokens for rows in splits for sample in tokenised(folder, rows)]
    except RetortError as error:
        print(json.dumps([error.problem, error.fix]))
        return 1
    own = text_config(folder).get("max_position_embeddings")  # a student that hands on a state may name no limit
    print(lengths(asked["student"], own if isinstance(own, int) else max(tokens), tokens).model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
