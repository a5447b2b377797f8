"""Which files can be read, told by name and by their first bytes."""

from pathlib import PurePath
from typing import Literal

from tools.errors import RetortError

Kind = Literal[
    "text", "markdown", "rst", "html", "table", "pdf", "image", "docx", "pptx", "xlsx", "xls", "odt", "rtf", "epub",
    "eml", "msg", "doc", "ppt",
]  # fmt: skip

SUFFIXES: dict[str, Kind] = {
    ".txt": "text", ".text": "text", ".log": "text",
    ".md": "markdown", ".markdown": "markdown", ".rst": "rst",
    ".html": "html", ".htm": "html",
    ".csv": "table", ".tsv": "table",
    ".pdf": "pdf",
    ".docx": "docx", ".docm": "docx", ".pptx": "pptx", ".pptm": "pptx", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".doc": "doc", ".ppt": "ppt", ".xls": "xls",
    ".odt": "odt", ".rtf": "rtf", ".epub": "epub",
    ".eml": "eml", ".msg": "msg",
    ".png": "image", ".jpg": "image", ".jpeg": "image", ".tif": "image", ".tiff": "image", ".bmp": "image",
    ".webp": "image",
}  # fmt: skip
ZIPPED = ("docx", "pptx", "xlsx", "odt", "epub")
OLE = b"\xd0\xcf\x11\xe0"  # the container of .doc, .ppt, .xls and .msg, and of every locked .docx, .pptx and .xlsx
_FIXES = {
    ".zip": "Unpack it and add the files inside.",
    ".jsonl": "To import it as training rows, say 'import'.",
    ".odp": "Export it as .pptx or .pdf.",
    ".ods": "Save it as .xlsx.",
    ".pages": "Export it as .docx.",
}


def kind_of(name: str, head: bytes) -> Kind:
    """The file's kind. Raises RetortError for a kind nobody here reads, and for a name that its content belies."""
    suffix = PurePath(name).suffix.lower()
    if head.startswith(b"%PDF-"):
        return "pdf"
    if suffix not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise RetortError(
            f"Files like {name!r} cannot be read ({suffix or 'no suffix'}).",
            f"{_FIXES.get(suffix, 'Convert it, or give it its true suffix.')} These kinds can be read: {known}.",
        )
    kind = SUFFIXES[suffix]
    if kind in ("doc", "xls") and head.startswith(b"PK"):
        return "docx" if kind == "doc" else "xlsx"
    if kind == "doc" and head.startswith(b"{\\rtf"):
        return "rtf"
    if kind == "pdf":
        raise RetortError(f"{name!r} is named as a PDF but is not one.", "Export it again, or give it its true suffix.")
    if kind in ZIPPED and not head.startswith(b"PK"):
        why = "is locked with a password" if head.startswith(OLE) else f"is not a {suffix} file"
        raise RetortError(f"{name!r} {why}.", "Open it in its own program and save it again, without a password.")
    if kind in ("doc", "ppt", "xls", "msg") and not head.startswith(OLE):
        raise RetortError(f"{name!r} is not a {suffix} file.", "Open it in its own program and save it again.")
    return kind
