"""A file of the user's becomes a document with passages, or a sentence says why not; never a half of it."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count
from pathlib import Path, PurePath
from threading import Lock

from tools.catalog import Catalog
from tools.documents import ocr
from tools.documents.kinds import kind_of
from tools.documents.passages import Packed, compare, pack
from tools.documents.sandbox import TIMEOUT_S, read
from tools.documents.tokens import counter
from tools.errors import RetortError
from tools.files import need_space, write_atomic
from tools.records import Document, Passage, Project, Record, Value, new_id
from tools.text.language import language_of, languages_of
from tools.text.length import IN_WORDS, guessed_tokens

MAX_BYTES = 50 << 20
UPLOADS = Path("uploads")


class Given(Value):
    """A file on its way in: where it lies, and what the user calls it."""

    path: Path
    name: str


class Added(Value):
    """What became of some files: documents in the order given, those that were known, and those that failed."""

    documents: tuple[Document, ...] = ()
    known: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()  # what, and the fix


def add_files(
    catalog: Catalog,
    project: Project,
    files: Sequence[Given],
    *,
    student: Path | None = None,
    job_id: str = "",
    report: Callable[[int, str], bool] = lambda _done, _name: True,
) -> Added:
    """Add several files, some of them read at once; one that cannot be read is told and stops no other.

    `student` is the folder of a student whose tokenizer sizes the passages. `report(files done, name)` is called after
    each file; when it returns False no further file is begun.
    """
    intake = Intake(catalog, project, student, job_id)
    here = {one.id for one in catalog.find(Document, project.id)}
    documents: dict[str, Document] = {}
    known: list[str] = []
    problems: list[tuple[str, str]] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(intake.add, one.path, one.name) for one in files]
        for done, (one, future) in enumerate(zip(files, waiting, strict=True), 1):
            try:
                found = future.result()
                known += [one.name] if found.id in here or found.id in documents else []
                documents[found.id] = found
            except RetortError as error:
                problems.append((error.problem, error.fix))
            if not report(done, one.name):
                pool.shutdown(wait=True, cancel_futures=True)
                break
    return Added(documents=tuple(documents.values()), known=tuple(known), problems=tuple(problems))


def recognise(
    catalog: Catalog, project: Project, document: Document, *, student: Path | None = None, job_id: str = ""
) -> Document:
    """Read a document's scans by OCR; the document with their text takes its place."""
    if not document.scans:
        raise RetortError(f"{document.name!r} has no scanned pages.", "Nothing needs OCR.")
    if not ocr.is_installed():
        raise RetortError("OCR needs the program tesseract, which is not installed.", ocr.INSTALL)
    return Intake(catalog, project, student, job_id).recognise(document)


class Intake:
    """Takes the files of one project, from several threads."""

    def __init__(self, catalog: Catalog, project: Project, student: Path | None, job_id: str = "") -> None:
        self.catalog, self.project = catalog, project
        self.folder = catalog.folder(project)
        self.student, self.job_id = student, job_id
        self._given: set[str] = set()  # ids of what was added here
        self.count = counter(student)
        self._storing = Lock()  # what is known is asked and written in one go

    def add(self, source: Path, name: str) -> Document:
        """Keep a copy under a name of ours, read it in a sandbox, and store its passages.

        `name` is what the user calls the file. The same bytes again are the known document. A file of a known name that
        shares most of its text is a new version: it takes the other's place, and its note says what changed. Files that
        are given together are none of each other's versions: one of a name in use gets a number. Raises RetortError for
        a file that is missing, empty, too large, of an unknown kind, locked, broken or too slow to read. Scans are kept
        without passages: OCR may read them.
        """
        shown = _display_name(name)
        data = _bytes(source, shown)
        if known := self._known(hashlib.sha256(data).hexdigest()):
            return known
        return self._keep(data, shown)

    def recognise(self, document: Document) -> Document:
        return self._keep((self.folder / document.path).read_bytes(), document.name, scanned=document)

    def _keep(self, data: bytes, shown: str, scanned: Document | None = None) -> Document:
        """Bytes, text and records of a new document; all or nothing. `scanned` is the one that OCR is to read."""
        kind = kind_of(shown, data[:1024].lstrip())
        id_ = new_id("document")
        path, text_path = UPLOADS / f"{id_}{PurePath(shown).suffix.lower()}", UPLOADS / f"{id_}.text.md"
        need_space(self.folder, 3 * len(data), f"the document {shown!r}")
        write_atomic(self.folder / path, data)
        started = time.monotonic()
        try:
            limit = TIMEOUT_S + (3 * ocr.estimate_s(len(scanned.scans)) if scanned else 0)
            reading = read(self.folder / path, kind, shown, with_ocr=scanned is not None, timeout_s=limit)
            packed = pack(reading.content, count=self.count)
            if not packed.pieces and (scanned or not reading.scans):
                raise RetortError(f"{shown!r} contains no text.", "Add a file with text in it.")
            write_atomic(self.folder / text_path, packed.text.encode())
            document = Document(
                id=id_,
                owner=self.catalog.owner,
                project_id=self.project.id,
                name=shown,
                path=str(path),
                text_path=str(text_path),
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                pages=reading.pages,
                scans=reading.scans,
                passages=len(packed.pieces),
                tokens=sum(piece.tokens for piece in packed.pieces),
                token_count=IN_WORDS if self.count is guessed_tokens or not self.student else self.student.name,
                set_aside=reading.set_aside,
                seconds=time.monotonic() - started,
                job_id=self.job_id,
            )
            stored = self._store(document, packed, ocr.notes_of(reading), scanned)
        except BaseException:
            self._drop(path, text_path)
            raise
        if stored.id != id_:
            self._drop(path, text_path)
        return stored

    def _store(self, document: Document, packed: Packed, told: list[str], scanned: Document | None) -> Document:
        """Document and passages in one transaction; then the older version rests."""
        spoken = [language_of(piece.text) for piece in packed.pieces]
        lengths = [len(piece.text) for piece in packed.pieces]
        document = document.but(languages=languages_of(zip(spoken, lengths, strict=True)))
        passages = list(_passages(document, packed, spoken))
        with self._storing:
            if not scanned and (known := self._known(document.sha256)):
                return known  # the same file twice among those read at once
            older, changed = (scanned, "") if scanned else self._older(document, packed)
            name = older.name if older else self._free(document.name)
            if not older and name != document.name:
                changed = f"Another {document.name} is here already: this one is called {name}."
            document = document.but(
                name=name,
                replaces=older.id if older else "",
                note=" ".join([*told, *([changed] if changed else [])]),
            )
            records: list[Record] = [document, *passages]
            self.catalog.add_all(records)
            self._given.add(document.id)
            if older:
                resting = [one for one in self.catalog.find(Passage, self.project.id) if one.document_id == older.id]
                self.catalog.save_all(one.but(state="replaced") for one in (older, *resting))
        return document

    def _current(self) -> list[Document]:
        return [one for one in self.catalog.find(Document, self.project.id) if one.state == "current"]

    def _known(self, digest: str) -> Document | None:
        return next((one for one in self._current() if one.sha256 == digest), None)

    def _older(self, document: Document, packed: Packed) -> tuple[Document | None, str]:
        """The document that this one is a new version of, and what changed: the same name, most of the same text."""
        changes = [
            (known, compare((self.folder / known.text_path).read_text(encoding="utf-8"), packed.text))
            for known in self._current()
            if known.text_path and _same_name(known, document) and not self._together(known)
        ]
        known, change = max(changes, key=lambda one: one[1].share, default=(None, None))
        return (known, change.sentence) if change and change.is_a_version else (None, "")

    def _together(self, known: Document) -> bool:
        """Whether both came in one drop, which a job may read in several starts."""
        return known.id in self._given or bool(self.job_id and known.job_id == self.job_id)

    def _free(self, name: str) -> str:
        """The name, with a number where another document has it: README.md, README (2).md."""
        taken = {one.name for one in self._current()}
        path = PurePath(name)
        numbered = (f"{path.stem} ({number}){path.suffix}" for number in count(2))
        return next(one for one in chain([name], numbered) if one not in taken)

    def _drop(self, *paths: Path) -> None:
        for path in paths:
            (self.folder / path).unlink(missing_ok=True)


def _same_name(one: Document, other: Document) -> bool:
    """Numbers that Retort or a browser put behind a name aside; a year is the name's own."""
    bare, known = (re.sub(r" ?\(\d{1,2}\)(?=(?:\.\w+)?$)", "", name.casefold()) for name in (one.name, other.name))
    return bare == known


def _passages(document: Document, packed: Packed, spoken: Sequence[str]) -> Iterator[Passage]:
    """A passage too short to tell its language has its document's."""
    main = next(iter(document.languages), "")
    for position, (piece, language) in enumerate(zip(packed.pieces, spoken, strict=True)):
        yield Passage(
            id=new_id("passage"),
            owner=document.owner,
            project_id=document.project_id,
            document_id=document.id,
            position=position,
            language=language or main,
            **piece.model_dump(),
        )


def _bytes(source: Path, shown: str) -> bytes:
    if not source.is_file():
        raise RetortError(f"There is no file {str(source)!r}.", "Check the path, or drop the file into the chat again.")
    size = source.stat().st_size
    if size > MAX_BYTES:
        raise RetortError(
            f"{shown!r} has {size / 1e6:,.0f} MB, but at most {MAX_BYTES / 1e6:,.0f} MB can be read.",
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
