"""Verbs about documents: read files, look at what was read, recognise scans. Each phrases what its stage did."""

from collections.abc import Sequence
from pathlib import Path

from agent import uploads
from agent.task_verbs import TaskVerbs
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Document, GivenFile, Passage, ReadingOrder

AT_ONCE = 5  # files that are read while the chat waits; more, or larger ones, are a job
AT_ONCE_BYTES = 5_000_000
SHOWN_PASSAGES = 5


class DocumentVerbs(TaskVerbs):
    """From files to passages. Docstrings are what the chat model reads about a verb."""

    def add_files(self, files: Sequence[str]) -> Outcome:
        """Read uploaded documents (upload ids or file names) and cut them into passages; many files become a job."""
        from tools.documents.adding import Given, add_files
        from tools.documents.summary import summary

        if not files:
            raise RetortError("No file was named.", "Drop a file into the chat, or name one that is there.")
        found = [uploads.find(self.catalog, self.project, one) for one in files]
        if len(found) > AT_ONCE or sum(path.stat().st_size for _, path in found) > AT_ONCE_BYTES:
            given = tuple(GivenFile(name=upload.name, path=str(path)) for upload, path in found)
            return self._reading(ReadingOrder(files=given, student_folder=self._student_folder()))
        added = add_files(
            self.catalog,
            self.project,
            [Given(path=path, name=upload.name) for upload, path in found],
            student=Path(self._student_folder()) if self._student_folder() else None,
        )
        if not added.documents:
            problems, fixes = zip(*added.problems, strict=True)
            raise RetortError(" ".join(problems), " ".join(dict.fromkeys(fixes)))
        return Outcome(text=summary(added), show=_card(added.documents))

    def show_documents(self) -> Outcome:
        """Show all documents: pages, passages, languages, what was skipped and why."""
        found = self.documents()
        if not found:
            raise RetortError("There are no documents yet.", "Drop a file into the chat.")
        return Outcome(text=f"{len(found)} document{'s' if len(found) > 1 else ''}.", show=_card(found))

    def show_document(self, document: str = "", page: int = 0, first: int = 1) -> Outcome:
        """Show passages of a document (name or id; the newest by default): those of a page, or from number `first`."""
        found = self.catalog.get(Document, document)
        passages = [one for one in self.catalog.find(Passage, self.project_id) if one.document_id == found.id]
        if page:
            passages = [one for one in passages if one.page and one.page <= page <= (one.last_page or one.page)]
            where = f"on page {page}"
        else:
            passages = passages[max(0, first - 1) :]
            where = f"from number {first}"
        if not passages:
            raise RetortError(f"{found.name!r} has no passage {where}.", f"It has {found.passages} passages.")
        shown = tuple(one.id for one in passages[:SHOWN_PASSAGES])
        text = f"{found.name}, {where}: {len(shown)} of {found.passages} passages."
        return Outcome(text=text, show=(Show(kind="passages", ids=shown),))

    def ocr(self, documents: Sequence[str] = ()) -> Outcome:
        """Read scanned pages and pictures by OCR, as a job: of the documents named, or of all that have any."""
        return self._reading(ReadingOrder(recognise=tuple(documents), student_folder=self._student_folder()))

    def _reading(self, order: ReadingOrder) -> Outcome:
        job = jobs.launch(self.catalog, self.project, order)
        what = f"{len(order.files)} files" if order.files else f"scans of {len(order.recognise)} documents"
        return Outcome(text=f"Started {job.id}: reading {what}. I tell you when it is done.")

    def _student_folder(self) -> str:
        """Where the student's tokenizer lies, when the student has been fetched already."""
        from tools.training.student import default_student, on_disk

        found = on_disk(self.project.student or default_student())
        return str(found) if found else ""


def _card(documents: Sequence[Document]) -> tuple[Show, ...]:
    return (Show(kind="documents", ids=tuple(one.id for one in documents)),)
