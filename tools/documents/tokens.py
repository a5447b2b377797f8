"""How long a text is for the student: by its own tokenizer where that lies on the disk, by a rule of thumb else."""

import re
from collections.abc import Callable
from pathlib import Path

Count = Callable[[str], int]
APPROXIMATE = "about 4 letters, or 1 Chinese character, a token"
_WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def approximate(text: str) -> int:
    """Tokens by rule: no student's tokenizer needs many more for English or for Chinese prose."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + 3) // 4


def counter(student: Path | None) -> Count:
    """The student's own count; `student` is its folder, None where it has not been fetched yet."""
    if student is None or not (student / "tokenizer.json").is_file():
        return approximate
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
