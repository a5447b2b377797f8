"""Rows that the user already has become samples: JSONL with chat `messages`, or CSV/TSV with a header."""

from pathlib import Path
from typing import Literal, TypeAlias

from tools.catalog import Catalog
from tools.dataset.chatlines import read_chat_lines
from tools.dataset.decoding import to_utf8
from tools.dataset.inference import infer_task
from tools.dataset.rows import FileRows
from tools.dataset.tables import read_table
from tools.errors import RetortError
from tools.records import Project, Sample, Task, Value, new_id
from tools.synthesis.instructions import system_prompt

Split: TypeAlias = Literal["", "train", "dev", "test"]
JSON_LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv")
BY_LOOKING = (".json", ".txt", "")  # taken as JSON lines when they begin like one


class ImportReport(Value):
    """What became of a file's rows: each was imported, known already, or skipped for a reason."""

    format: str
    imported: int
    duplicates: int
    skipped: tuple[tuple[int, str], ...]  # (line, reason)
    sample_ids: tuple[str, ...]
    column_map: dict[str, str]  # which column of a table was taken as what


def import_rows(
    catalog: Catalog,
    project: Project,
    path: Path,
    split: Split = "",
    column_map: dict[str, str] | None = None,
    *,
    name: str = "",
) -> ImportReport:
    """Add the file's rows to the project as approved samples, all in one transaction.

    `split` pins them to a split of every later dataset; `name` is the file's name for display. Raises RetortError
    for an unknown type, an empty file, unclear columns, or when not a single line can be used.
    """
    shown = name or path.name
    found = read_rows(path, project.task, column_map, name=shown)
    known = {sample.messages for sample in catalog.find(Sample, project.id)}
    fresh: list[Sample] = []
    for row in found.rows:
        if row.messages in known:
            continue
        known.add(row.messages)
        fresh.append(
            Sample(
                id=new_id("sample"),
                owner=catalog.owner,
                project_id=project.id,
                messages=row.messages,
                state="approved",
                source=f"import:{shown}",
                split=split,
            )
        )
    catalog.add_all(fresh)
    return ImportReport(
        format=found.format,
        imported=len(fresh),
        duplicates=len(found.rows) - len(fresh),
        skipped=found.skipped,
        sample_ids=tuple(sample.id for sample in fresh),
        column_map=found.column_map,
    )


def read_rows(path: Path, task: Task, column_map: dict[str, str] | None = None, *, name: str = "") -> FileRows:
    """The file's rows without storing any.

    A table has no system prompts, so its rows get the task's; what the task lacks for one is inferred from the rows.
    """
    shown = name or path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RetortError(f"{shown} cannot be read: {error.strerror}.", "Add the file again.") from error
    ending = Path(shown).suffix.lower()
    if ending not in (*JSON_LINES, *TABLES, *BY_LOOKING):
        raise _unknown_type(shown, ending)
    data = to_utf8(data, shown)
    if ending in TABLES:
        bare = read_table(data, shown, "", column_map)
        found = read_table(data, shown, _system_prompt(task, bare), column_map)
    elif data.lstrip().startswith(b"["):
        raise RetortError(
            f"{shown} is one JSON array, not one JSON object a line.",
            f"Turn it into lines, e.g. jq -c '.[]' {shown} > rows.jsonl, then add that.",
        )
    elif ending in JSON_LINES or data.lstrip().startswith(b"{"):
        found = read_chat_lines(data)
    else:
        raise _unknown_type(shown, ending)
    if not found.rows:
        reasons = "; ".join(f"line {line}: {reason}" for line, reason in found.skipped[:3]) or "only a header"
        raise RetortError(
            f"No row of {shown} can be used ({reasons}).",
            'Each line must be {"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}.'
            if ending not in TABLES
            else "Each row needs an input and an output.",
        )
    return found


def _system_prompt(task: Task, found: FileRows) -> str:
    """The task's prompt, or nothing while rows and task together do not tell what is asked."""
    inferred = infer_task(found.rows)
    told = {name: getattr(task, name) or getattr(inferred, name) for name in Task.model_fields}
    whole = Task.model_validate(told)
    return "" if whole.missing() else system_prompt(whole)


def _unknown_type(name: str, ending: str) -> RetortError:
    return RetortError(
        f"{name} is not a kind of file that rows are read from ({ending or 'no ending'}).",
        "Give rows as .jsonl with chat messages, or as .csv or .tsv with a header; other files are added as documents.",
    )
