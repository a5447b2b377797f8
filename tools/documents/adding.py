"""A file of the user's becomes a document with passages, or a sentence says why not; never a half of it."""

import hashlib
from pathlib import Path, PurePath

from tools.catalog import Catalog
from tools.documents.kinds import kind_of
from tools.documents.packing import pack
from tools.documents.reading import Reading
from tools.documents.sandbox import read
from tools.errors import RetortError
from tools.files import need_space, write_atomic
from tools.records import Document, Passage, Project, Record, new_id

MAX_BYTES = 50 << 20


def add_file(catalog: Catalog, project: Project, source: Path, name: str = "") -> Document:
    """Keep a copy under a name of ours, read it in a sandbox, and store its passages.

    `name` is what the user calls the file. The same bytes again are the known document. Raises RetortError for a file
    that is missing, empty, too large, of an unknown kind, locked, scanned, broken or too slow to read.
    """
    shown = _display_name(name or source.name)
    data = _bytes(source, shown)
    digest = hashlib.sha256(data).hexdigest()
    for known in catalog.find(Document, project.id):
        if known.sha256 == digest:
            return known
    kind = kind_of(shown, data[:1024].lstrip())
    document_id = new_id("document")
    path = Path("uploads") / f"{document_id}{PurePath(shown).suffix.lower()}"
    folder = catalog.folder(project)
    need_space(folder, 2 * len(data), f"the document {shown!r}")
    write_atomic(folder / path, data)
    try:
        reading = read(folder / path, kind, shown)
        document = Document(
            id=document_id,
            owner=catalog.owner,
            project_id=project.id,
            name=shown,
            path=str(path),
            sha256=digest,
            size_bytes=len(data),
            note=reading.note,
        )
        return _stored(catalog, document, reading)
    except BaseException:
        (folder / path).unlink(missing_ok=True)
        raise


def _stored(catalog: Catalog, document: Document, reading: Reading) -> Document:
    """Document and passages in one transaction."""
    pieces = pack(reading.elements)
    if not pieces:
        raise RetortError(f"{document.name!r} holds no text.", "Add a file with text in it.")
    passages: list[Record] = [
        Passage(
            id=new_id("passage"),
            owner=document.owner,
            project_id=document.project_id,
            document_id=document.id,
            position=position,
            text=piece.text,
            heading=piece.heading,
            page=piece.page,
        )
        for position, piece in enumerate(pieces)
    ]
    document = document.but(passages=len(passages))
    catalog.add_all([document, *passages])
    return document


def _bytes(source: Path, shown: str) -> bytes:
    if not source.is_file():
        raise RetortError(f"There is no file {str(source)!r}.", "Check the path, or drop the file into the chat again.")
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise RetortError(
            f"{shown!r} has {size / 1e6:,.0f} MB; at most {MAX_BYTES / 1e6:,.0f} MB can be read.",
            "Split it, or save only its text.",
        )
    try:
        data = source.read_bytes()
    except OSError as error:
        raise RetortError(f"{shown!r} cannot be opened: {error.strerror}.", "Check its permissions.") from error
    if not data.strip():
        raise RetortError(f"{shown!r} is empty.", "Add a file with text in it.")
    return data


def _display_name(name: str) -> str:
    """The user's file name without folders and control characters; shown, never used as a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(char for char in last if char.isprintable()).strip()
    return clean if len(clean) <= 200 else clean[:150] + clean[-50:]
