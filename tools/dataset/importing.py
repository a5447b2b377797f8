"""Rows that the user already has become samples, in any layout that can be read; what became of each is kept."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.inference import infer_task
from tools.dataset.reading import read_file
from tools.dataset.rows import FileRow, FileRows
from tools.documents.kinds import SUFFIXES
from tools.errors import RetortError, ToConfirm
from tools.files import sha256, write_atomic
from tools.records import REAL, Dialogue, Message, Project, Sample, Task, Value, new_id
from tools.synthesis.request.instructions import system_prompt

Split: TypeAlias = Literal["", "train", "dev", "test", "real"]
SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation"), "dev"),
    "test": "test",
    "real": "real",
}
TABLES = ("CSV", "TSV", "XLSX")


class ImportReport(Value):
    """What became of a file's rows: each was imported, known already, or skipped for a reason."""

    file: str
    sha256: str
    format: str
    encoding: str
    confidence: str
    imported: int
    duplicates: int
    skipped: tuple[tuple[int, str], ...]  # (line, reason)
    sample_ids: tuple[str, ...]
    column_map: dict[str, str]  # which column of a table was taken as what
    notes: tuple[str, ...] = ()
    licence: str = Field("", description="As the user noted it.")
    path: str = Field("", description="Where this report is kept, relative to the project folder.")


def import_rows(
    catalog: Catalog,
    project: Project,
    path: Path,
    split: Split = "",
    column_map: dict[str, str] | None = None,
    *,
    name: str = "",
    licence: str = "",
) -> ImportReport:
    """Add the file's rows to the project as approved samples, all in one transaction; the report is kept as a file.

    `split` pins them to a split of every later dataset; those pinned to `real` are sealed and never trained on, and a
    row that is there already counts as another one. `name` is the file's name for display. Raises RetortError
    for an unknown type, an empty file, unclear columns, or when not a single line can be used.
    """
    shown = name or path.name
    found = read_rows(path, None if split == "real" else project.task, column_map, name=shown)
    known = {_content(one) for one in catalog.find(Sample, project.id) if one.real == (split == "real")}
    fresh: list[Sample] = []
    for row in found.rows:
        if _content(row) in known:
            continue
        known.add(_content(row))
        fresh.append(
            Sample(
                id=new_id("sample"),
                owner=catalog.owner,
                project_id=project.id,
                messages=row.messages,
                tools=row.tools,
                state="approved",
                source=f"{REAL}{shown}" if split == "real" else f"import:{shown}",
                licence=licence.strip(),
                split=split,
            )
        )
    report = ImportReport(
        file=shown,
        sha256=sha256(path),
        format=found.format,
        encoding=found.encoding,
        confidence=found.confidence,
        imported=len(fresh),
        duplicates=len(found.rows) - len(fresh),
        skipped=found.skipped,
        sample_ids=tuple(sample.id for sample in fresh),
        column_map=found.column_map,
        notes=found.notes,
        licence=licence.strip(),
        path=f"imports/{new_id('import')}.json",
    )
    catalog.add_all(fresh)
    write_atomic(catalog.folder(project) / report.path, report.model_dump_json(indent=1).encode())
    return report


def read_rows(path: Path, task: Task | None, column_map: dict[str, str] | None = None, *, name: str = "") -> FileRows:
    """The file's rows without storing any. Raises RetortError when which columns are meant must be confirmed.

    A table has no system prompts, so its rows get the task's; what the task lacks for one is inferred from the rows.
    Without a task (real messages) they get none: freezing tells them as train is told.
    """
    shown = name or path.name
    found = read_file(path, shown, column_map)
    if not found.rows:
        raise RetortError(
            f"None of the rows of {shown} can be used ({summary(found.skipped) or 'there is only a header'}).",
            "Each row needs an input and an answer: chat messages, ShareGPT, Alpaca, or columns for the two.",
        )
    if not found.certain:
        raise _to_confirm(shown, found)
    if task and found.format.endswith(TABLES) and not {"history", "instruction"} & set(found.column_map):
        prompt = _system_prompt(task, found)
        return found.model_copy(update={"rows": tuple(_told(row, prompt) for row in found.rows)})
    return found


def may_hold_rows(name: str) -> bool:
    """Whether rows may be read from a file of this name when somebody says so: what is no book, picture or mail."""
    return SUFFIXES.get(PurePath(name).suffix.lower(), "table") in ("table", "text", "markdown", "xlsx", "xls")


def named_split(name: str) -> Split:
    """The split that a file's name tells: test.jsonl holds the test split; nothing where it tells none."""
    words = re.split(r"[^a-z]+", Path(name).stem.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")


def summary(skipped: Sequence[tuple[int, str]], most: int = 3) -> str:
    """The reasons, most frequent first, each with its first line and how many more lines it has."""
    first: dict[str, int] = {}
    for line, reason in skipped:
        first.setdefault(reason, line)
    told = [
        f"line {first[reason]}{f' and {count - 1} more' if count > 1 else ''}: {reason}"
        for reason, count in Counter(reason for _, reason in skipped).most_common(most)
    ]
    others = len(first) - len(told)
    return "; ".join([*told, f"{others} other reasons"] if others else told)


def _to_confirm(name: str, found: FileRows) -> ToConfirm:
    """The proposal of columns with its reason and a row as it would be read."""
    parts, row = found.column_map, found.rows[0]
    asked, answered = parts.get("input", parts.get("instruction", "")), parts["output"]
    shown = f"{row.question[:120]!r} => {row.answer[:120]!r}"
    return ToConfirm(
        f"It is not certain which columns of {name} are meant. I would read {asked!r} as the input "
        f"and {answered!r} as the output ({found.notes[0].rstrip('.')}): {shown}; {found.confidence}.",
        f"Say 'yes' if that is right, or name other columns: 'input is {asked}, output is {answered}'.",
        {f"{part}_column": column for part, column in parts.items()},
    )


def _told(row: FileRow, prompt: str) -> FileRow:
    if not prompt or row.messages[0].role == "system":
        return row
    return row.model_copy(update={"messages": (Message(role="system", content=prompt), *row.messages)})


def _content(dialogue: Dialogue) -> tuple[tuple[Message, ...], str]:
    return dialogue.messages, json.dumps(dialogue.tools, sort_keys=True)


def _system_prompt(task: Task, found: FileRows) -> str:
    """The task's prompt, or nothing while rows and task together do not tell what is asked."""
    inferred = infer_task(found.rows)
    told = {name: getattr(task, name) or getattr(inferred, name) for name in Task.model_fields}
    whole = Task.model_validate(told)
    return "" if whole.missing() else system_prompt(whole)
