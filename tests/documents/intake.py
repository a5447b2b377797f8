"""A single document taken in and read back, as the tests of several folders need it."""

from pathlib import Path

from tools.catalog import Catalog
from tools.documents.adding import Intake
from tools.records import Document, Project


def add_file(
    catalog: Catalog, project: Project, source: Path, name: str = "", *, student: Path | None = None
) -> Document:
    """The file as a document; the RetortError that it gives, where `add_files` would tell it beside the others."""
    return Intake(catalog, project, student).add(source, name or source.name)


def text_of(catalog: Catalog, project: Project, document: Document) -> str:
    """The document's text as Markdown, into which passages' offsets point."""
    return (catalog.folder(project) / document.text_path).read_text(encoding="utf-8")
