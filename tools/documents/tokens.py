"""How long a text is for the student: by its own tokenizer where that is on the disk, otherwise guessed."""

from collections.abc import Callable
from pathlib import Path

from tools.text.length import guessed_tokens

Count = Callable[[str], int]


def counter(student: Path | None) -> Count:
    """The student's own count; `student` is its folder, None where it has not been fetched yet."""
    if student is None or not (student / "tokenizer.json").is_file():
        return guessed_tokens
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(student / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
