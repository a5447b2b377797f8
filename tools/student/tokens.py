"""Samples in the student's tokens, made once: kept by the hash of all that they are made of."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from tools.dataset.splits import Row
from tools.files import write_atomic
from tools.settings import settings
from tools.student.chat import Encoded, encode, end_token_id, load_tokenizer

VERSION = 3  # of how a sample becomes tokens; another one is another key
_TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "chat_template*",
    "vocab*",
    "merges.txt",
    "generation_config.json",
)


def tokenised(student: Path, rows: Sequence[Row], *, every: bool = True) -> list[Encoded]:
    """The rows in their order, each with all answers of its conversation or (not `every`) with its last alone; read
    from the cache folder of the home where they were told before."""
    import numpy as np

    kept = settings().home_dir / "cache" / f"tokens-{_key(student, rows, every)}.npz"
    found = _read(kept)
    if found is None:
        tokenizer = load_tokenizer(student)
        end = end_token_id(tokenizer)
        samples = [encode(tokenizer, row, end, every=every) for row in rows]
        answers = [one for sample in samples for one in sample.learnt]
        parts = [part for one in answers for part in (one.prompt_ids, one.answer_ids)]
        file = io.BytesIO()
        flat = np.fromiter((id_ for part in parts for id_ in part), dtype=np.int32)
        turns = [len(sample.learnt) for sample in samples]
        np.savez(file, ids=flat, ends=np.cumsum([0, *map(len, parts)]), turns=np.cumsum([0, *turns]))
        write_atomic(kept, file.getvalue())
        return samples
    ids, ends, turns = found
    cut = [tuple(ids[start:end]) for start, end in pairwise(ends)]
    told = [Encoded(prompt_ids=prompt, answer_ids=answer) for prompt, answer in zip(cut[::2], cut[1::2], strict=True)]
    whole = [told[start:end] for start, end in pairwise(turns)]
    return [last.model_copy(update={"earlier": tuple(before)}) for *before, last in whole]


def _read(kept: Path) -> tuple[list[int], list[int], list[int]] | None:
    """All tokens in a row, where each prompt and each answer ends, and where the answers of each sample do; None where
    nothing whole is kept."""
    import numpy as np

    try:
        with kept.open("rb") as file, np.load(file) as found:  # refuses pickles
            return found["ids"].tolist(), found["ends"].tolist(), found["turns"].tolist()
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _key(student: Path, rows: Sequence[Row], every: bool) -> str:
    told = hashlib.sha256(f"{VERSION} {every} {version('transformers')} {version('tokenizers')}".encode())
    for pattern in _TOKENIZER:
        for path in sorted(student.glob(pattern)):
            told.update(path.name.encode() + path.read_bytes())
    for row in rows:
        told.update(row.model_dump_json(exclude={"id"}).encode())
    return told.hexdigest()[:24]
