"""What the child does that opens an untrusted file: it gives up what it can do, and then reads."""

from pathlib import Path

from tools.documents import boilerplate, ocr, office, outline, pdf, tables, web
from tools.documents.confinement import confine
from tools.documents.kinds import Kind
from tools.documents.prose import read_markdown, read_text
from tools.documents.reading import Element, Reading
from tools.text.encoding import decode, told_doubt

WITHOUT_TITLES: tuple[Kind, ...] = ("text", "docx", "doc", "odt", "rtf", "pdf", "image")  # or not reliably with them


def load(kind: Kind) -> None:
    """Import what reading this kind takes; a file is not touched."""
    match kind:
        case "pdf":
            import pypdfium2  # noqa: F401
        case "image":
            import PIL.Image  # noqa: F401
        case "markdown":
            import markdown_it  # noqa: F401
        case "text" | "table":
            pass
        case _:
            office.load(kind)


def read_confined(source: Path, kind: Kind, out: Path, *, with_ocr: bool) -> None:
    """Read the file and leave a Reading as JSON in `out`."""
    confine(out.parent, local_sockets=kind in ("doc", "ppt"))
    out.write_text(read(source, kind, with_ocr=with_ocr).model_dump_json(), encoding="utf-8")


def read(source: Path, kind: Kind, *, with_ocr: bool = False) -> Reading:
    """The file's elements, with what is no content marked."""
    try:
        reading = _read(source, kind, with_ocr=with_ocr)
    except MemoryError:
        return Reading(
            problem="reading it takes more memory than is allowed (1 GB)", fix="Split it into smaller files."
        )
    elements = boilerplate.mark(reading.elements)
    if kind in WITHOUT_TITLES:
        elements = outline.with_titles(elements)
    return reading.model_copy(update={"elements": tuple(elements)})


def _read(source: Path, kind: Kind, *, with_ocr: bool) -> Reading:
    match kind:
        case "pdf":
            reading = pdf.read_pdf(source)
            return ocr.recognise(source, reading) if with_ocr and reading.scans else reading
        case "image":
            return ocr.recognise(source) if with_ocr else Reading(pages=1, scans=(1,))
        case "text" | "markdown" | "table" | "html":
            decoded = decode(source.read_bytes())
            if decoded is None:
                return Reading(problem="its text encoding cannot be recognised", fix="Save it as UTF-8 text.")
            text = decoded.readable.replace("\r\n", "\n").replace("\r", "\n")
            telling = next((line for line in text.splitlines() if not line.isascii()), "")
            doubt = told_doubt(decoded.encoding, telling) if telling else ""
            reading = _read_decoded(kind, text)
            return reading.model_copy(update={"notes": (*reading.notes, *filter(None, [doubt]))})
        case _:
            return office.read_office(source, kind)


def _read_decoded(kind: Kind, text: str) -> Reading:
    match kind:
        case "text":
            return Reading(elements=tuple(read_text(text)))
        case "markdown":
            return Reading(elements=tuple(read_markdown(text)))
        case "table":
            table = tables.from_delimited(text)
            return Reading(elements=(Element(text=table, kind="table"),) if table else ())
    return web.read_html(text)
