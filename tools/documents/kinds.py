"""Which files can be read, told by name and by their first bytes."""

from pathlib import PurePath
from typing import Literal

from tools.errors import RetortError

Kind = Literal["text", "markdown", "html", "word", "table", "mail", "pdf"]

SUFFIXES: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".log": "text",
    ".md": "markdown", ".markdown": "markdown",
    ".html": "html", ".htm": "html",
    ".docx": "word",
    ".csv": "table", ".tsv": "table",
    ".eml": "mail",
    ".pdf": "pdf",
}  # fmt: skip
_CONVERT = {
    ".doc": "Save it as .docx.",
    ".rtf": "Save it as .docx.",
    ".odt": "Save it as .docx.",
    ".xls": "Export it as .csv.",
    ".xlsx": "Export it as .csv.",
    ".ppt": "Export it as .pdf.",
    ".pptx": "Export it as .pdf.",
    ".zip": "Unpack it and add the files inside.",
}


def kind_of(name: str, head: bytes) -> Kind:
    """The file's kind. Raises RetortError for a kind nobody here reads, and for a name that its content belies."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise RetortError(
            f"{name!r} is of a kind that cannot be read ({suffix or 'no suffix'}).",
            f"{_CONVERT.get(suffix, 'Convert it.')} Readable: {known}. Rows for training (.jsonl) are imported.",
        )
    kind = SUFFIXES[suffix]
    if head.startswith(b"%PDF-"):
        return "pdf"
    if kind == "pdf":
        raise RetortError(f"{name!r} is called a PDF but is none.", "Export it again, or give it its true suffix.")
    if kind == "word" and not head.startswith(b"PK"):
        raise RetortError(
            f"{name!r} is no .docx file, or is locked by a password.",
            "Open it in a word processor and save it as .docx without a password.",
        )
    return kind
