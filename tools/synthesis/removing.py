"""Taking a document back: it goes, and exactly what came from it."""

from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Document, Passage, Project, Record, Sample


def samples_of(catalog: Catalog, project: Project, document: Document) -> list[Sample]:
    """The samples made from the document or an earlier version of it, in whatever state."""
    ids = {one.id for one in versions(catalog, project, document)}
    return [one for one in catalog.each(Sample, project.id) if one.document_id in ids]


def remove(catalog: Catalog, project: Project, document: Document) -> int:
    """Delete the samples, then the document with passages and files; returns the number of samples.

    In this order: what is interrupted can be said again. Frozen datasets stay as they are. Raises RetortError while a
    job reads or writes samples: it could bring back what goes.
    """
    busy = [job for job in jobs.active(catalog, project.id) if job.order.kind in ("read", "synthesize", "screen")]
    if busy:
        raise RetortError(
            f"{busy[0].id} is still running and may yet make samples of {document.name!r}.",
            "Wait for it to end, or say 'stop'; then remove the document.",
        )
    gone = samples_of(catalog, project, document)
    catalog.delete_all(gone)
    remove_document(catalog, project, document)
    return len(gone)


def versions(catalog: Catalog, project: Project, document: Document) -> list[Document]:
    """The document and those it took the place of, newest first."""
    known = {one.id: one for one in catalog.find(Document, project.id)}
    found = [document]
    while older := known.get(found[-1].replaces):
        found.append(older)
    return found


def remove_document(catalog: Catalog, project: Project, document: Document) -> list[str]:
    """Remove the document with its earlier versions. Returns their ids: samples made from them carry these."""
    gone = versions(catalog, project, document)
    ids = [one.id for one in gone]
    records: list[Record] = [one for one in catalog.find(Passage, project.id) if one.document_id in ids]
    catalog.delete_all([*records, *gone])
    for one in gone:
        for path in filter(None, (one.path, one.text_path)):
            (catalog.folder(project) / path).unlink(missing_ok=True)
    return ids
