"""Office files, books and mails. Of unstructured, which reads most, the structure is taken and not the guesses."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.documents import slides, word
from tools.documents.kinds import Kind
from tools.documents.mail import read_mail
from tools.documents.reading import Element, Reading
from tools.documents.tables import from_html
from tools.documents.web import read_html, told
from tools.documents.workbooks import told_valueless, valueless_formulas

_PARTS: dict[Kind, str] = {
    "docx": "docx", "doc": "docx", "odt": "odt", "pptx": "pptx", "ppt": "pptx", "xlsx": "xlsx", "xls": "xlsx",
    "msg": "msg",
}  # fmt: skip
_PANDOC: tuple[Kind, ...] = ("rtf", "epub", "rst")  # become a web page first
_OFFICE_FIX = "Install it (`apt install libreoffice-writer-nogui libreoffice-impress-nogui`), or save it as {}."


def load(kind: Kind) -> None:
    """Import what reading this kind takes; unstructured takes seconds."""
    if name := _PARTS.get(kind):
        _partition(name)
    else:
        import bs4  # noqa: F401
        import lxml.etree  # noqa: F401


def read_office(source: Path, kind: Kind) -> Reading:
    """The file's elements. `source` may be replaced by a converted copy beside it."""
    if kind in ("doc", "ppt"):
        wanted = f"{kind}x"
        if not (program := shutil.which("soffice")):
            fix = _OFFICE_FIX.format(f".{wanted}")
            return Reading(problem=f"a .{kind} file is converted with LibreOffice, which is not installed", fix=fix)
        source = _converted(program, source, wanted)
    try:
        if kind == "eml":
            return read_mail(source)
        if kind in _PANDOC:
            import pypandoc

            return read_html(pypandoc.convert_file(str(source), "html", format=kind, sandbox=True))
        return _partitioned(source, _PARTS[kind])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  parsers of a dozen packages raise what they like on broken files
        return Reading(problem=f"it is broken ({_one_line(error)})", fix="Save it again in its own program.")


def _partitioned(source: Path, name: str) -> Reading:
    """By unstructured, and what it would drop in silence beside it."""
    left_out: Counter[str] = Counter()
    readable = source
    if name == "docx":
        readable, left_out = word.plain(source)
    own = {"process_attachments": False} if name == "msg" else {}
    found = list(_partition(name)(filename=str(readable), languages=[""], **own))  # "" switches language guessing off
    if name == "msg" and not any(one.text.strip() for one in found):
        return Reading(problem="its text is encrypted or empty", fix="Save the text itself as .txt and add that file.")
    head = _mail_head(found[0].metadata) if name == "msg" else ()
    elements = [*head, *_elements(found)]
    if name == "pptx":
        elements, left_out = slides.with_notes(source, elements)
    paged = name in ("pptx", "xlsx") or (name == "docx" and any((one.page or 1) > 1 for one in elements))
    if not paged:
        elements = [one.model_copy(update={"page": None}) for one in elements]
    pages = max((one.page or 0 for one in elements), default=0)
    notes = (*_left_out(source, name), *told(left_out))
    return Reading(elements=tuple(elements), pages=pages, notes=notes)


def _partition(name: str) -> Callable[..., Any]:
    """unstructured's function for this kind; the first call imports it, which takes seconds."""
    _quieten()
    found: Callable[..., Any] = getattr(import_module(f"unstructured.partition.{name}"), f"partition_{name}")
    return found


def _quieten() -> None:
    """Keep unstructured from loading spaCy: its guesses at what is a sentence or a title are English and not used.

    Loading takes seconds a file, and the model is downloaded at run time where it is missing.
    """
    sentences = ModuleType("unstructured.nlp.tokenize")
    sentences.sent_tokenize = sentences.pos_tag = sentences.word_tokenize = lambda text: [text]  # type: ignore[attr-defined]
    sys.modules[sentences.__name__] = sentences
    guesses: Any = import_module("unstructured.partition.text_type")
    guesses.is_possible_title = lambda *_, **__: False
    guesses.is_possible_narrative_text = lambda *_, **__: True


def _elements(found: list[Any]) -> Iterator[Element]:
    sheet = ""
    for one in found:
        about = one.metadata
        if about.page_name and about.page_name != sheet:  # a sheet of a workbook
            sheet = about.page_name
            yield Element(text=sheet, kind="heading", page=about.page_number)
        text = (one.text or "").strip()
        if one.category == "PageBreak" or not text:
            continue
        if one.category in ("Header", "Footer"):
            yield Element(text=text, aside="header or footer", page=about.page_number)
        elif one.category == "Title":
            yield Element(
                text=text, kind="heading", level=min((about.category_depth or 0) + 1, 9), page=about.page_number
            )
        elif one.category == "Table" and about.text_as_html:
            table = from_html(about.text_as_html) or text
            yield Element(text=table, kind="table" if "\n" in table else "text", page=about.page_number)
        elif one.category == "ListItem":
            yield Element(text=f"{'  ' * max((about.category_depth or 1) - 1, 0)}- {text}", page=about.page_number)
        else:
            yield Element(text=text, page=about.page_number)


def _mail_head(about: Any) -> Iterator[Element]:
    """Who wrote to whom about what; unstructured keeps it apart from the text."""
    if about.subject:
        yield Element(text=about.subject, kind="heading")
    people = [("From", about.sent_from), ("To", about.sent_to), ("Cc", about.cc_recipient)]
    if lines := [f"{label}: {', '.join(who)}" for label, who in people if who]:
        yield Element(text="\n".join(lines))


def _left_out(source: Path, name: str) -> Iterator[str]:
    """What a person may miss: pictures of a file that has any, attachments of a mail, cells that hold no value."""
    if name == "msg":
        from oxmsg import Message

        if names := [one.file_name or "a message" for one in Message.load(str(source)).attachments]:
            yield f"Attachments are not read: {', '.join(names)}. Add them as separate files."
    if name == "xlsx" and (count := valueless_formulas(source)):
        yield told_valueless(count)
    if name in ("docx", "pptx", "odt", "epub") and (count := _pictures(source)):
        yield f"It contains {count} picture{'s' if count > 1 else ''} that {'are' if count > 1 else 'is'} not read."


def _pictures(source: Path) -> int:
    from zipfile import ZipFile

    with ZipFile(source) as package:
        names = package.namelist()
    return sum(
        bool(re.search(r"(?i)(?:media|pictures|images?)/[^/]+\.(?:png|jpe?g|gif|emf|wmf|tiff?)$", one)) for one in names
    )


def _converted(program: str, source: Path, wanted: str) -> Path:
    """LibreOffice's copy in the new format, made beside the source with a profile of its own."""
    home = source.parent / "libreoffice"
    command = [program, f"-env:UserInstallation={home.as_uri()}", "--headless", "--convert-to", wanted]
    subprocess.run([*command, "--outdir", str(source.parent), str(source)], check=True, capture_output=True)
    return source.with_suffix(f".{wanted}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
