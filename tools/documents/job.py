"""Reading as a job: many files, or the scans of documents. A file that was read is kept, whatever comes after."""

from pathlib import Path

from tools.documents.adding import Added, Given, add_files, recognise
from tools.documents.summary import summary
from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Document, ReadingOrder


def run(work: Work) -> str:
    order = work.job.order
    if not isinstance(order, ReadingOrder):
        raise RetortError(f"{work.job.id} is no reading job.", "Start it again from the chat.")
    student = Path(order.student_folder) if order.student_folder else None
    added = _recognised(work, order, student) if order.recognise else _added(work, order, student)
    if work.should_stop():
        raise Stopped(summary(added))
    return summary(added)


def _added(work: Work, order: ReadingOrder, student: Path | None) -> Added:
    files = [Given(path=Path(one.path), name=one.name) for one in order.files]
    work.report(0, len(files), "files")

    def report(done: int, name: str) -> bool:
        work.report(done, len(files), "files", name)
        return not work.should_stop()

    return add_files(work.catalog, work.project, files, student=student, job_id=work.job.id, report=report)


def _recognised(work: Work, order: ReadingOrder, student: Path | None) -> Added:
    """Documents that a resumed job has read already are replaced by now and not read again."""
    found: list[Document] = []
    problems: list[tuple[str, str]] = []
    for done, id_ in enumerate(order.recognise):
        document = work.catalog.get(Document, id_)
        work.report(done, len(order.recognise), "documents", document.name)
        if document.state == "current" and not work.should_stop():
            try:
                found.append(recognise(work.catalog, work.project, document, student=student, job_id=work.job.id))
            except RetortError as error:
                problems.append((error.problem, error.fix))
    return Added(documents=tuple(found), problems=tuple(problems))
