"""Unlabelled inputs of the user's: a file of them becomes a document, one input a passage, for a teacher to answer."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Literal

from tools.catalog import Catalog
from tools.documents.tables import cells_of
from tools.errors import RetortError
from tools.files import need_space, write_atomic
from tools.records import Document, Passage, Project, new_id
from tools.text.encoding import decode

NAMES = (
    "input",
    "text",
    "question",
    "message",
    "query",
    "prompt",
    "输入",
    "文本",
    "问题",
    "内容",
)  # of an input's column


def add_inputs(catalog: Catalog, project: Project, data: bytes, name: str, split: Literal["", "real"] = "") -> Document:
    """Each line of a text, row of a table or line of JSON as one input; the same bytes again are the known document.

    `split` pins what becomes of them: real messages are answered for the user to look at, and never trained on.

    Raises RetortError for a file of another kind, in an unknown encoding, or without any input.
    """
    shown = name
    digest = hashlib.sha256(data).hexdigest()
    for known in catalog.find(Document, project.id):
        if (known.sha256, known.holds, known.split) == (digest, "inputs", split):
            return known
    texts = list(dict.fromkeys(text.strip() for text in read_inputs(data, shown) if text.strip()))
    if not texts:
        raise RetortError(f"{shown} contains no input.", "Write one input per line.")
    id_ = new_id("document")
    kept = Path("uploads") / f"{id_}{PurePath(shown).suffix.lower()}"
    folder = catalog.folder(project)
    need_space(folder, 2 * len(data), f"the inputs {shown!r}")
    write_atomic(folder / kept, data)
    document = Document(
        id=id_,
        owner=catalog.owner,
        project_id=project.id,
        name=shown,
        path=str(kept),
        sha256=digest,
        size_bytes=len(data),
        passages=len(texts),
        holds="inputs",
        split=split,
        note="real messages without answers" if split else "unlabelled inputs",
    )
    catalog.add_all([document, *_passages(document, texts)])
    return document


def read_inputs(data: bytes, name: str) -> list[str]:
    """The inputs in a file's bytes."""
    decoded = decode(data)
    if decoded is None:
        raise RetortError(f"{name} is not text in any known encoding.", "Save it as UTF-8.")
    text = decoded.readable
    match PurePath(name).suffix.lower():
        case ".csv" | ".tsv":
            return _column(text, name)
        case ".jsonl" | ".ndjson":
            lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
            return [_of_json(line, f"Line {number} of {name}") for number, line in lines]
        case ".txt" | ".md" | "":
            return text.splitlines()
    raise RetortError(
        f"Inputs cannot be read from files like {name}.",
        "Give a .txt file with one input per line, or a .csv, .tsv or .jsonl file.",
    )


def _column(text: str, name: str) -> list[str]:
    heads, *rows = cells_of(text) or [[]]
    named = [head for head in heads if head.strip().lower() in NAMES] or (heads if len(heads) == 1 else [])
    if not named:
        raise RetortError(
            f"None of the columns of {name} is known to hold the inputs: {', '.join(heads) or 'it is empty'}.",
            f"Name the column {NAMES[0]!r}.",
        )
    for number, row in enumerate(rows, start=2):
        if len(row) > len(heads):
            raise RetortError(
                f"Row {number} of {name} has {len(row)} cells under {len(heads)} headings.",
                "Put any text that contains the separator into double quotes.",
            )
    place = heads.index(named[0])
    return [row[place] for row in rows if len(row) > place]


def _of_json(line: str, where: str) -> str:
    """A text, an object that holds one, or chat messages whose last one is the user's."""
    try:
        found = json.loads(line)
    except ValueError as error:
        raise RetortError(f"{where} is not valid JSON: {error}.", "Write one JSON object per line.") from error
    if isinstance(found, dict):
        turns = found.get("messages")
        said = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
        users = [turn.get("content") for turn in said if turn.get("role") == "user"]
        found = next((found[key] for key in NAMES if key in found), users[-1] if users else None)
    if not isinstance(found, str):
        raise RetortError(f"{where} contains no input.", f'Write {{"{NAMES[0]}": "..."}}.')
    return found


def _passages(document: Document, texts: Sequence[str]) -> list[Passage]:
    return [
        Passage(
            id=new_id("passage"),
            owner=document.owner,
            project_id=document.project_id,
            document_id=document.id,
            position=position,
            text=text,
        )
        for position, text in enumerate(texts)
    ]
