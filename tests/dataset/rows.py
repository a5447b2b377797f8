"""Samples and files for the tests of this folder."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from tools.catalog import Catalog
from tools.records import Message, Project, Sample, new_id


def sample(project: Project, question: str, answer: str = "{}", **fields: object) -> Sample:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    record = Sample(
        id=new_id("sample"), owner="local", project_id=project.id, messages=turns, state="approved", source="test"
    )
    return record.but(**fields)


# Words without digits, so that their samples are no near-duplicates of one another.
WORDS = [a + b + c for a in "bdfgkl" for b in "aeiou" for c in ("mar", "lin", "tos", "ver", "pax", "gon", "rud", "sel")]


def distinct(project: Project, count: int, **fields: object) -> list[Sample]:
    """Samples with unlike inputs."""
    draws = random.Random(7)
    return [sample(project, " ".join(draws.sample(WORDS, 4)), f"answer {number}", **fields) for number in range(count)]


def add_distinct(catalog: Catalog, project: Project, count: int, **fields: object) -> list[Sample]:
    samples = distinct(project, count, **fields)
    catalog.add_all(samples)
    return samples


def chat(question: str, answer: str, system: str = "") -> str:
    turns = [{"role": "system", "content": system}] if system else []
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}, ensure_ascii=False)


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.write_bytes("\n".join(lines).encode() + b"\n")
    return path
