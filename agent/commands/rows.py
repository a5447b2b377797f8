"""Rows that the user brings: finished ones to learn from, and bare inputs for the teacher to answer."""

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Literal

from agent import uploads
from agent.command import FREE, Here, Settled, Spoken, command
from agent.commands.doubts import told_doubts, told_pin
from agent.commands.review import many
from agent.commands.task import named, task_sentence
from agent.references import UploadRef, current_documents, upload_id
from agent.transcript import Outcome, Risk, Show
from tools.records import Sample, Task
from tools.settings import settings

if TYPE_CHECKING:
    from tools.dataset.real import Lines

SHOWN_LINES = 20  # of those that could not be imported
SHOWN_IMPORTED = 2  # samples, to see whether a file was understood
SHOWN_WAITING = 20  # real messages whose answer is asked for
SEALED = "They are real messages: sealed, never trained on, and what the student is measured on."
HOW_TO_GIVE = (
    "Say 'real messages:' and paste 10 to 30, one a line, each `message => answer` or the message alone; "
    "or drop a file and say 'import as real'."
)

_SPLIT_WORDS = {
    "train": ["training", "训练", "treino"],
    "dev": ["validation", "验证", "validação"],
    "test": ["测试", "teste"],
    "real": [
        r"(?:(?:my|our)\s+)?(?:own\s+)?real\s+(?:messages|rows)",
        "真实(?:消息|留言|短信)?",
        r"(?:mensagens|dados)\s+reais",
    ],
}
Split = Annotated[Literal["", "train", "dev", "test", "real"], Spoken(words=_SPLIT_WORDS)]
Pasted = Annotated[str, Spoken(pattern=r"\S.*", sample="hi its Ann => refund", free=True, long=True)]
Column = Annotated[str, Spoken(pattern=r"\S.*?", read=lambda said: said.strip(" ,，'\"`"), sample="question")]


def _not_given_just_now(here: Here, *, file: str, **_: object) -> Risk | None:
    """Rows go in as approved: at once only from a file that came with the user's newest message."""
    return None if file in here.shown.files else "review"


@command(
    risk=_not_given_just_now,
    shows=("samples", "report"),
    terminal="import file",
    examples={"en": "import as test", "zh": "导入为测试集", "pt": "importa como teste"},
    phrases={
        "en": [
            "import [it|this|them|the rows|the file] [(as|for) [the] {split} [set|split|data]]",
            "import {file} (as|for) [the] {split} [set|split|data]",
            (
                "(these|they|those) are [my|our] [own] real (messages|rows|data)"
                " [(from|of) [my|our] (users|customers|people)]",
                {"split": "real"},
            ),
            "[the] input [column] is {input_column} [and] [the] output [column] is {output_column}",
            "[the] input [column] is {input_column}; [and] [the] output [column] is {output_column}",
            "[the] instruction [column] is {instruction_column}[,|;] [and] [the] input [column] is {input_column}[,|;]"
            " [and] [the] output [column] is {output_column}",
        ],
        "zh": [
            "导入[数据][(为|到|作为){split}[集|数据]]",
            ("(这些|这)(是|都是)[我们的|我的|用户的]真实[的](消息|数据|留言|短信)", {"split": "real"}),
            "输入[列]是{input_column}[;|；]输出[列]是{output_column}",
            "指令[列]是{instruction_column}[;|；]输入[列]是{input_column}[;|；]输出[列]是{output_column}",
        ],
        "pt": [
            "(importa|importe|importar) [isto|o arquivo|as linhas|os dados] [(como|para) [o] {split}]",
            ("(estas|essas) são [as] [minhas|nossas] mensagens reais", {"split": "real"}),
            "[a] [coluna de] entrada é {input_column} [e] [a] [coluna de] saída é {output_column}",
        ],
    },
)
def import_rows(
    here: Here,
    *,
    file: UploadRef,
    split: Split = "",
    input_column: Column = "",
    output_column: Column = "",
    instruction_column: Column = "",
    licence: str = "",
) -> Outcome:
    """Import an uploaded file of rows (upload id or name) as approved samples: chat messages, ShareGPT, Alpaca,
    query/response, prompt/completion or tool calls, as JSON, JSON lines, CSV, TSV, XLSX or parquet.

    `split` 'real' is for messages as the user's own users typed them: sealed, they measure the student and are never
    trained on; a file of messages alone (.txt with one message a line, or one column) waits for their answers.
    `input_column`, `output_column` and, before the input, `instruction_column` say which columns of a table are meant
    where their names do not; `licence` is recorded with the samples.
    """
    from tools.dataset.importing import import_rows

    upload, path = uploads.find(here.catalog, here.project, file)
    said = {"instruction": instruction_column, "input": input_column, "output": output_column}
    columns = {part: column for part, column in said.items() if column}
    if split == "real" and not columns and (given := _of_file(path, upload.name, here.project.task)) is not None:
        return _taken(here, given, upload.name)
    report = import_rows(here.catalog, here.project, path, split, columns or None, name=upload.name, licence=licence)
    inferred = _infer_task(here) if here.project.task.missing() else ""
    lines = [f"line {line}: {reason}" for line, reason in report.skipped[:SHOWN_LINES]]
    if len(report.skipped) > SHOWN_LINES:
        lines.append(f"and {len(report.skipped) - SHOWN_LINES} more in {report.path}")
    left_out = f"; {len(report.skipped)} lines were left out (listed below)" if report.skipped else ""
    read_as = ", ".join(filter(None, (report.format, report.encoding)))
    text = f"Imported {report.imported} rows from {upload.name} ({read_as}; {report.confidence})"
    doubles = f", and skipped {report.duplicates} duplicates" if report.duplicates else ""
    notes = "".join(f" {note}" for note in report.notes)
    preview = Show(kind="samples", ids=report.sample_ids[:SHOWN_IMPORTED])
    shows = (*((preview,) if preview.ids else ()), *((Show(kind="report", ids=tuple(lines)),) if lines else ()))
    sealed = f" {SEALED}" if split == "real" and report.imported else ""
    pinned = told_pin(here, split, upload.name, report.imported)
    usable = here.catalog.find(Sample, here.project_id, states=("approved", "edited"))
    doubts = told_doubts(here, usable, report.sample_ids)
    return Outcome(text=f"{text}{doubles}{left_out}.{notes}{sealed}{inferred}{pinned}{doubts}", show=shows)


def _infer_task(here: Here) -> str:
    """Fill in what the task lacks from the rows; what the user said is never overruled."""
    from tools.dataset.inference import infer_task

    project = here.project
    samples = here.catalog.find(Sample, project.id, states=("approved", "edited"))
    if not samples:
        return ""
    found, own = infer_task(samples), project.task
    task = Task.model_validate({name: getattr(own, name) or getattr(found, name) for name in Task.model_fields})
    here.catalog.save(named(here, project.but(task=task)))
    return f" I took this from the rows. {task_sentence(task)}"


# --- real messages ------------------------------------------------------------------------------------------------


def _not_typed_just_now(here: Here, *, messages: str, **_: object) -> Risk | None:
    """Messages with answers count at once: only what stands in the user's newest message is their word."""
    return None if messages.strip() in here.shown.said else "review"


@command(
    risk=_not_typed_just_now,
    shows=("samples", "report", "documents"),
    terminal="real-messages [messages]",
    examples={"en": "real messages: …", "zh": "真实消息：…", "pt": "mensagens reais: …"},
    phrases={
        "en": [
            "[(these|here) are] [my|our|some] real messages: {messages}",
            "[how many|show [me] [my|our|the]] real messages[:]",
        ],
        "zh": ["[我们的|用户的]真实(消息|数据|留言|短信):{messages}", "真实(消息|留言|短信)[:]"],
        "pt": ["[(estas|aqui) são] [as] [minhas|nossas] mensagens reais: {messages}", "mensagens reais[:]"],
    },
)
def real_messages(here: Here, *, messages: Pasted = "") -> Outcome:
    """Take messages as people really typed them, one a line: 'message => answer', 'message -> {json}', or the message
    alone, whose answer is then asked for. They are sealed and never trained on: the student is measured on them.
    Without messages: how many there are."""
    from tools.dataset.real import is_blank, read_lines, typed

    if messages.strip():
        return _taken(here, read_lines(messages, here.project.task), "chat")
    every = [one for one in typed(here.catalog, here.project) if one.state != "rejected"]
    if not every:
        return Outcome(text=f"There are no real messages yet. {HOW_TO_GIVE}")
    waiting = [one for one in every if one.state == "draft"]
    text = f"{many(len(every) - len(waiting), 'real message')} with an answer that you gave or looked at"
    if waiting:
        blank = sum(is_blank(here.project.task, one) for one in waiting)
        text += f"; {len(waiting)} wait for you, {blank} of them without an answer"
    shown = tuple(one.id for one in (waiting or every)[:SHOWN_WAITING])
    return Outcome(text=f"{text}.", show=(Show(kind="samples", ids=shown),))


def _of_file(path: Path, name: str, task: Task) -> "Lines | None":
    """A file of messages alone, or of lines with arrows; None for one of rows."""
    from tools.dataset.real import Lines, messages_alone, read_lines

    alone = messages_alone(path, name)
    if alone and PurePath(name).suffix.lower() in (".txt", ".md", ""):
        return read_lines("\n".join(alone), task)
    return Lines(alone=alone) if alone else None


def _taken(here: Here, given: "Lines", source: str) -> Outcome:
    """Messages with answers count at once; those alone wait, for the teacher's answer and the user's look."""
    from tools.dataset.real import add_answered

    done = add_answered(here.catalog, here.project, given.pairs, source)
    parts: list[tuple[str, tuple[Show, ...]]] = []
    if done.samples:
        preview = Show(kind="samples", ids=tuple(one.id for one in done.samples[:SHOWN_IMPORTED]))
        parts.append((f"{many(len(done.samples), 'real message')} with your answers. {SEALED}", (preview,)))
    if done.known:
        parts.append((f"{done.known} {'was' if done.known == 1 else 'were'} there already.", ()))
    if given.alone:
        parts.append(_asked_for(here, given.alone, source))
    if given.skipped:
        lines = tuple(f"line {line}: {reason}" for line, reason in given.skipped[:SHOWN_LINES])
        told = f"{many(len(given.skipped), 'line')} could not be used (told below)."
        parts.append((told, (Show(kind="report", ids=lines),)))
    if not parts:
        return Outcome(text=f"There was no message in it. {HOW_TO_GIVE}")
    return Outcome(text=" ".join(text for text, _ in parts), show=tuple(one for _, shows in parts for one in shows))


def _asked_for(here: Here, messages: Sequence[str], source: str) -> tuple[str, tuple[Show, ...]]:
    """Messages alone: the teacher answers them first, where there is one; otherwise the user fills them in."""
    from tools.dataset.real import add_waiting
    from tools.synthesis.request.inputs import add_inputs

    if settings().teacher_model:
        data = "\n".join(" ".join(one.split()) for one in messages).encode()
        document = add_inputs(here.catalog, here.project, data, f"{PurePath(source).stem}.txt", "real")
        told = f"{many(document.passages, 'real message')} without answers: 'generate {document.passages}' gets them "
        told += "from the teacher, then you look at each. Only those that you looked at count."
        return told, (Show(kind="documents", ids=(document.id,)),)
    added = add_waiting(here.catalog, here.project, messages, source)
    if not added.samples:
        return f"{added.known} without answers were there already.", ()
    these = "this message" if len(added.samples) == 1 else f"these {len(added.samples)} messages"
    told = f"Fill in the answers of {these}: Edit on each, or 'edit 1: the answer'. Only then do they count."
    return told, (Show(kind="samples", ids=tuple(one.id for one in added.samples[:SHOWN_WAITING])),)


def _inputs(here: Here, said: str) -> str:
    """A document that is there already, by its name or id; otherwise an upload."""
    known = [one.id for one in current_documents(here) if said in (one.id, one.name)]
    return known[-1] if known else upload_id(here, said)


InputsRef = Annotated[str, Settled(by=_inputs), Spoken(pattern=r"\S.*?", sample="guide.pdf", file=True)]


@command(
    risk=FREE,
    shows=("documents",),
    terminal="label file",
    examples={"en": "label these", "zh": "标注这些", "pt": "rotula estes textos"},
    phrases={
        "en": [
            "label [it|them|these|this|all] [the] [inputs|file|rows|texts]",
            "(label|use) [the] (passages|inputs) of {file} [as inputs]",
        ],
        "zh": ["标注[这些|它们][数据|文件|输入|文本]"],
        "pt": [
            "(rotula|rotule|rotular) [estes|estas|isto] [dados|entradas|textos|arquivo]",
            "(rotula|rotule|rotular) [as] passagens (de|do) {file}",
        ],
    },
)
def label_inputs(here: Here, *, file: InputsRef) -> Outcome:
    """Take a file of unlabelled inputs (upload id or name; .txt with one per line, .csv, .jsonl), or the
    passages of a known document, as inputs for the teacher to answer when samples are generated."""
    from tools.synthesis.request.inputs import add_inputs

    known = [one for one in current_documents(here) if one.id == file]
    if known:
        document = here.catalog.save(known[-1].but(holds="inputs"))
    else:
        upload, path = uploads.find(here.catalog, here.project, file)
        document = add_inputs(here.catalog, here.project, path.read_bytes(), upload.name)
    text = (
        f"{document.passages} inputs from {document.name} are waiting for answers; say 'generate "
        f"{document.passages}' to get them."
    )
    return Outcome(text=text, show=(Show(kind="documents", ids=(document.id,)),))
