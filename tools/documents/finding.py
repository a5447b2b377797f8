"""Passages to work with, and the place of a quote in its document."""

import re

from tools.catalog import Catalog
from tools.records import Document, Passage, Project, Value


class Place(Value):
    """Where a quote stands: offsets into the document's text, in characters."""

    start: int
    end: int


def current_passages(catalog: Catalog, project: Project) -> list[Passage]:
    """The passages of all documents as they are now; those of replaced versions rest."""
    return [one for one in catalog.find(Passage, project.id) if one.state == "current"]


def text_of(catalog: Catalog, project: Project, document: Document) -> str:
    """The document's text as Markdown, into which passages' offsets point."""
    return (catalog.folder(project) / document.text_path).read_text(encoding="utf-8")


def find_quote(passage: Passage, quote: str) -> Place | None:
    """The quote's first place; white space counts as equal, whatever it is. None when the passage does not hold it."""
    words = [re.escape(word) for word in quote.split()]
    found = re.search(r"\s+".join(words), passage.text) if words else None
    return Place(start=passage.start + found.start(), end=passage.start + found.end()) if found else None
