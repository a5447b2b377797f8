"""The teacher's ceiling: it answers the same rows by the same prompt as the student, which shows what can be had."""

import math
from collections.abc import Callable, Iterator, Sequence

from tools.dataset.splits import Row
from tools.records import Estimate, Task
from tools.student.chat import in_words
from tools.synthesis.request.wording import is_strict
from tools.teacher.asking import Told, ask_each, need_teacher
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Prompt
from tools.text.length import guessed_tokens
from tools.text.personal import Masked, mask, restore

BETWEEN = "\x1f"  # parts the messages of a row while they are masked together; in no text
SPREAD = (0.6, 1.6)  # tokens as they turn out, times the guess from lengths
SECONDS = (0.5, 6.0)  # of one answer


def teacher_for_rows() -> Endpoint:
    """The teacher that can be asked rows; RetortError where there is only the simulator."""
    return need_teacher("answer inputs, so there is no teacher's ceiling")


def ask_rows(
    teacher: Endpoint,
    task: Task,
    rows: Sequence[Row],
    *,
    max_usd: float,
    spent_usd: float,
    should_stop: Callable[[], bool],
    retrying: Callable[[str], None] = lambda _told: None,
) -> Iterator[tuple[Row, Told]]:
    """The rows' answers as they come. Stopped at the limit of money, RetortError when the teacher cannot go on."""
    masked = {row.id: _masked(task, row) for row in rows}
    by_id = {row.id: row for row in rows}
    questions = {row.id: question(task, row, masked[row.id]) for row in rows}
    answers = ask_each(
        teacher, questions, max_usd=max_usd, spent_usd=spent_usd, should_stop=should_stop, retrying=retrying
    )
    for id_, told in answers:
        yield by_id[id_], told.model_copy(update={"text": restore(told.text, masked[id_])})


def question(task: Task, row: Row, masked: Masked) -> Prompt:
    """The row as the student is asked it, tools in words; an extraction's answer comes by the task's own schema."""
    told = in_words(row.prompt, row.tools)
    messages = tuple(
        message.model_copy(update={"content": text})
        for message, text in zip(told, masked.text.split(BETWEEN), strict=True)
    )
    return Prompt(
        messages=messages,
        answer_schema=task.json_schema() if task.kind == "extraction" else None,
        strict=is_strict(task),
        expected_tokens=max(1, guessed_tokens(row.answer)),
    )


def expect(task: Task, alike: Sequence[Row], rows: int) -> Estimate:
    """Calls, money and minutes for so many rows, guessed from rows that are like them."""
    teacher = teacher_for_rows()
    prompts = [question(task, row, _masked(task, row)) for row in alike[:50]]
    share = rows / max(1, len(prompts))
    usages = [teacher.expect_of(prompt) for prompt in prompts]
    used = share * sum(one.input_tokens + one.output_tokens for one in usages)
    usd = share * sum(one.usd for one in usages)
    dearest = max((teacher.most_usd_of(prompt) for prompt in prompts), default=0.0)  # the last one must fit too
    rounds = math.ceil(rows / teacher.concurrency)
    notes = () if teacher.price_is_known else (f"the price of {teacher.model} is assumed; set it in RETORT_PRICES",)
    return Estimate(
        what="",
        calls_low=rows,
        calls_high=rows,
        tokens_low=int(used * SPREAD[0]),
        tokens_high=int(used * SPREAD[1]),
        usd_low=usd * SPREAD[0],
        usd_high=usd * SPREAD[1] + dearest,
        minutes_low=rounds * SECONDS[0] / 60,
        minutes_high=rounds * SECONDS[1] / 60,
        notes=notes,
    )


def _masked(task: Task, row: Row) -> Masked:
    """All messages of the row in one text, without personal data where the task wants that."""
    text = BETWEEN.join(message.content for message in in_words(row.prompt, row.tools))
    return mask(text, task.language) if task.pii == "mask" else Masked(text=text)
