"""What unstructured reads: office files, web pages, books, mails. Its structure is taken, not its guesses."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.documents.kinds import Kind
from tools.documents.reading import Element, Reading
from tools.documents.tables import from_html

_PARTS: dict[Kind, str] = {
    "docx": "docx", "doc": "docx", "odt": "odt", "rtf": "rtf", "pptx": "pptx", "ppt": "pptx", "xlsx": "xlsx",
    "xls": "xlsx", "html": "html", "rst": "rst", "epub": "epub", "eml": "email", "msg": "msg",
}  # fmt: skip
_OFFICE_FIX = "Install it (`apt install libreoffice-writer-nogui libreoffice-impress-nogui`), or save it as {}."


def load(kind: Kind) -> Callable[..., Any]:
    """unstructured's function for this kind; the first call imports it, which takes seconds."""
    name = _PARTS[kind]
    _quieten()
    found: Callable[..., Any] = getattr(import_module(f"unstructured.partition.{name}"), f"partition_{name}")
    return found


def read_office(source: Path, kind: Kind) -> Reading:
    """The file's elements. `source` may be replaced by a converted copy beside it."""
    if kind in ("doc", "ppt"):
        wanted = f"{kind}x"
        if not (program := shutil.which("soffice")):
            fix = _OFFICE_FIX.format(f".{wanted}")
            return Reading(problem=f"a .{kind} file is converted with LibreOffice, which is not installed", fix=fix)
        source = _converted(program, source, wanted)
    name, partition = _PARTS[kind], load(kind)
    own = {"process_attachments": False} if name in ("email", "msg") else {}
    try:
        found = list(partition(filename=str(source), languages=[""], **own))  # "" switches language guessing off
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  parsers of a dozen packages raise what they like on broken files
        return Reading(problem=f"it is broken ({_one_line(error)})", fix="Save it again in its own program.")
    if name in ("email", "msg") and not any(one.text.strip() for one in found):
        return Reading(problem="its text is encrypted or empty", fix="Save the text itself as .txt and add that file.")
    head = _mail_head(found[0].metadata) if name in ("email", "msg") else ()
    elements = [*head, *_elements(found)]
    paged = name in ("pptx", "xlsx") or (name == "docx" and any((one.page or 1) > 1 for one in elements))
    if not paged:
        elements = [one.model_copy(update={"page": None}) for one in elements]
    pages = max((one.page or 0 for one in elements), default=0)
    return Reading(elements=tuple(elements), pages=pages, notes=tuple(_left_out(source, name)))


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
    """What a person may miss: pictures of a file that has any, attachments of a mail."""
    if name == "email":
        from email import message_from_bytes

        message = message_from_bytes(source.read_bytes())
        names = [part.get_filename() for part in message.walk() if part.get_content_disposition() == "attachment"]
        if named := [one for one in names if one]:
            yield f"Attachments are not read: {', '.join(named)}. Add them as separate files."
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
