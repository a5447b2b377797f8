"""Every file of a folder read as a user's would be: `python -m tests.documents.corpus FOLDER [GOLD]`.

One row a file, in Markdown: passages or the sentence that says why there are none, the share of the gold's words that
its text keeps, seconds, and the most memory that its reader, or a program that this started, ever had. Scans are read
by OCR. The gold of `a.pdf` is `GOLD/a.pdf.md`; files without one have no share.
"""

import multiprocessing
import re
import resource
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path

from tests.documents.intake import add_file, text_of
from tools.catalog import Catalog
from tools.documents import sandbox
from tools.documents.adding import recognise
from tools.documents.passages import current_passages
from tools.errors import RetortError
from tools.records import Project, Value, new_id


class Row(Value):
    """What became of one file."""

    name: str
    passages: int = 0
    said: str = ""
    kept: float | None = None
    seconds: float
    megabytes: float


def measured(source: Path, gold: Path) -> Row:
    """Added to a project of its own. Call it in a fresh process: what the children took is known of all together."""
    started, said, text, passages = time.perf_counter(), "", "", 0
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(f"sqlite:///{folder}/catalog.sqlite", "local", Path(folder))
        project = catalog.add(Project(id=new_id("project"), owner="local", slug="docs", name="Docs"))
        try:
            document = add_file(catalog, project, source)
            said = document.note
            if document.scans:
                document = recognise(catalog, project, document)
                said = f"OCR: {document.note}"
            text, passages = text_of(catalog, project, document), len(current_passages(catalog, project))
        except RetortError as error:
            said = str(error)
        catalog.close()
    seconds = time.perf_counter() - started
    sandbox.end_all()  # what a reader took is known when the warm process that forked it has ended
    return Row(
        name=source.name,
        passages=passages,
        said=said,
        kept=share_kept(gold.read_text(encoding="utf-8"), text) if gold.is_file() else None,
        seconds=seconds,
        megabytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    )


def share_kept(gold: str, text: str) -> float:
    """The share of the gold's words that the text has, each as often as there."""
    want, have = words(gold), words(text)
    return (want & have).total() / max(1, want.total())


def words(markdown: str) -> Counter[str]:
    plain = re.sub(r"<!--.*?-->|&\w+;|\\(?=[_*|])", "", markdown, flags=re.DOTALL)
    return Counter(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", plain).casefold()))


def main(folder: Path, gold: Path) -> int:
    """The table; the exit status tells whether a file gave neither passages nor a word."""
    sources = sorted(one for one in folder.rglob("*") if one.is_file() and gold not in one.parents)
    print("| File | Passages | Words kept | Seconds | MB | |\n| --- | ---: | ---: | ---: | ---: | --- |")
    silent = 0
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for one in sources:
            row = pool.apply(measured, (one, gold / f"{one.name}.md"))
            kept = "" if row.kept is None else f"{row.kept:.1%}"
            figures = f"{row.passages} | {kept} | {row.seconds:.1f} | {row.megabytes:.0f}"
            print(f"| {row.name} | {figures} | {row.said.replace('|', '/')} |", flush=True)
            silent += not row.passages and not row.said
    print(f"\n{len(sources)} files, {silent} without passages and without a word", file=sys.stderr)
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "none")))
