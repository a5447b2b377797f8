"""Answers on disk: one JSON line each, appended as they come, so that a killed evaluation goes on where it was."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import Field, ValidationError

from tools.errors import RetortError
from tools.records import Value


class Answer(Value):
    """What one candidate said to one row."""

    row_id: str
    answer: str
    seconds: float = Field(0, ge=0, description="This row's share of the generation's wall time.")
    tokens: int = Field(0, ge=0, description="Length of the answer in the student's tokens; 0 where nobody counted.")


class AnswerFile:
    """Appends answers, each flushed to the system at once and all to the disk at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = {answer.row_id: answer for answer in _mend(path)}

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def append(self, answer: Answer) -> None:
        try:
            self._file.write(answer.model_dump_json().encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise RetortError(
                f"Could not write an answer to {self.path}: {error.strerror}.",
                "Free disk space, then say 'resume': the answers written so far are kept.",
            ) from error
        self.known[answer.row_id] = answer


def read_answers(path: Path) -> dict[str, str]:
    """Answer text by row id. Raises RetortError when the file is gone or broken in the middle."""
    if not path.is_file():
        raise RetortError(f"The answers {path} are missing.", "Evaluate this candidate again.")
    return {answer.row_id: answer.answer for answer in _parse(path, path.read_bytes().splitlines())}


def _mend(path: Path) -> list[Answer]:
    """The answers of an earlier process; a last line torn by its death is cut off."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return _parse(path, whole.splitlines())


def _parse(path: Path, lines: Iterable[bytes]) -> list[Answer]:
    answers = []
    for number, line in enumerate(lines, start=1):
        try:
            answers.append(Answer.model_validate(json.loads(line)))
        except (ValueError, ValidationError) as error:
            raise RetortError(
                f"Line {number} of {path} is not an answer: {line[:80]!r}.",
                "Move the file away and evaluate this candidate again.",
            ) from error
    return answers
