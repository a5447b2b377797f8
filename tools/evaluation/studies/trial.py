"""Try a student on a text. torch is loaded in a child process only: the page that asks stays light."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.splits import Row
from tools.errors import RetortError
from tools.evaluation.candidates import Candidate, find_candidate, prompt_for
from tools.evaluation.students import LocalStudent, ServedStudent
from tools.records import Message, Project, Value
from tools.student.reference import resolve

TRIAL_TOKENS = 512  # a trial has no reference to take a limit from
TRIAL_TIMEOUT_S = 600.0  # the first one may fetch the student


class _Question(Value):
    """What the parent writes to the child's standard input."""

    candidate: Candidate
    messages: tuple[Message, ...]


class _Reply(Value):
    """What the child writes back: an answer, or a problem with its fix."""

    answer: str = ""
    problem: str = Field("", description="Empty when there is an answer.")
    fix: str = ""


def try_model(catalog: Catalog, project: Project, candidate: str, text: str) -> str:
    """The answer of 'base', a checkpoint or a serving deployment to `text`, greedy, with the task's system prompt."""
    if not text.strip():
        raise RetortError("There is no text to try the student on.", "Write the input that it should answer.")
    found = find_candidate(catalog, project, candidate)
    messages = prompt_for(catalog, project, candidate, text)
    if found.deployment is not None:
        return _ask(ServedStudent(found.deployment), found, messages)
    return _in_child(catalog, _Question(candidate=found, messages=messages))


def _ask(student: LocalStudent | ServedStudent, candidate: Candidate, messages: tuple[Message, ...]) -> str:
    row = Row(id="trial", messages=(*messages, Message(role="assistant", content="")))
    return next(text for _, text in student.answer([row], candidate, TRIAL_TOKENS))


def _in_child(catalog: Catalog, question: _Question) -> str:
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]  # -P keeps a user's own `tools` out
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tools.evaluation.studies.trial"],
            input=question.model_dump_json(),
            capture_output=True,
            text=True,
            check=False,
            timeout=TRIAL_TIMEOUT_S,
            env={**os.environ, "RETORT_HOME": str(catalog.home), "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
    except subprocess.TimeoutExpired as error:
        raise RetortError(
            f"{question.candidate.label} gave no answer within {TRIAL_TIMEOUT_S:.0f} s.",
            "Try a shorter text, or wait until no other job is busy.",
        ) from error
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RetortError(f"The trial of {question.candidate.label} failed: {last[0]}", "Try again.")
    reply = _Reply.model_validate_json(lines[-1])  # libraries may have printed before it
    if reply.problem:
        raise RetortError(reply.problem, reply.fix)
    return reply.answer


def main() -> int:
    """The child: one question in, one reply out, both JSON."""
    question = _Question.model_validate(json.load(sys.stdin))
    candidate = question.candidate
    try:
        student = LocalStudent(resolve(candidate.loads), candidate.precision)
        reply = _Reply(answer=_ask(student, candidate, question.messages))
    except RetortError as error:
        reply = _Reply(problem=error.problem, fix=error.fix)
    print(reply.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
