"""From a request to drafted samples: what is asked of the teacher, in one prompt or several, and how it is read."""

import json

from pydantic import BaseModel, JsonValue, ValidationError

from tools.records import Task
from tools.synthesis.teaching import Ask, Drafted, TeacherRequest, Unusable
from tools.synthesis.wording import prompt


class _Sample(BaseModel):
    input: str
    output: JsonValue
    quote: str = ""


class _Reply(BaseModel):
    samples: list[_Sample]


async def write(request: TeacherRequest, ask: Ask) -> tuple[Drafted, ...]:
    """The samples of one request, unchecked. Raises Unusable when the answer holds none."""
    return read(request, await ask(prompt(request)))


def read(request: TeacherRequest, text: str) -> tuple[Drafted, ...]:
    """The samples in an answer's text; more than were asked for are dropped."""
    try:
        found = _Reply.model_validate_json(text)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise Unusable("malformed", f"the teacher's reply is not the JSON asked for: {why}", text) from error
    if not found.samples:
        raise Unusable("empty", "the teacher's reply holds no sample", text)
    return tuple(
        Drafted(input=sample.input.strip(), output=_written(request.task, sample.output), quote=sample.quote)
        for sample in found.samples[: request.count]
    )


def _written(task: Task, output: JsonValue) -> str:
    """The answer's text: JSON with the fields in the task's order, or the label or text itself."""
    if isinstance(output, str):
        return output.strip()
    if isinstance(output, dict) and task.kind == "extraction":
        known = {field.name: output[field.name] for field in task.fields if field.name in output}
        output = {**known, **{name: value for name, value in output.items() if name not in known}}
    return json.dumps(output, ensure_ascii=False)
