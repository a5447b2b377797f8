"""A document goes, with all that came from its file: passages, kept bytes and text, earlier versions."""

from tools.catalog import Catalog
from tools.records import Document, Passage, Project, Record


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
