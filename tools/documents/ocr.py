"""Pictures of text -> text, with tesseract: English and simplified Chinese where their data is installed."""

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from tools.documents.boilerplate import mark
from tools.documents.layout import BETWEEN_CJK_SPACE
from tools.documents.reading import Element, Reading
from tools.records import Value

LANGUAGES = ("eng", "chi_sim")
DPI = 300
MAX_PIXELS = 30_000_000
POOR = 0.8  # below this mean confidence other orientations of the page are tried
INSTALL = "Install it: `apt install tesseract-ocr tesseract-ocr-chi-sim`; then say 'ocr'."
SECONDS_A_PAGE = 6.0  # an A4 page of text on one core, measured; told as an estimate


class Recognised(Value):
    """One page: its paragraphs and how sure tesseract is of its words, 0 to 1."""

    paragraphs: tuple[str, ...] = ()
    confidence: float = 0.0


def is_installed() -> bool:
    return shutil.which("tesseract") is not None


def estimate_s(pages: int) -> float:
    """Seconds that recognising so many pages takes on this machine."""
    return max(2.0, SECONDS_A_PAGE * pages / max(1, min(os.cpu_count() or 1, pages)))


def recognise(source: Path, reading: Reading | None = None) -> Reading:
    """The scans of a PDF (in their places among the pages that hold text), or the frames of a picture."""
    pictures = _scans(source, reading) if reading else _frames(source)
    languages = "+".join(one for one in LANGUAGES if one in _installed_languages())
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # tesseract is a program of its own: threads only wait for it
        found = list(pool.map(lambda one: _best(one[1], languages), pictures))
    read = [
        Element(text=text, page=number)
        for (number, _), page in zip(pictures, found, strict=True)
        for text in page.paragraphs
    ]
    sure = [page.confidence for page in found if page.paragraphs]
    empty = tuple(number for (number, _), page in zip(pictures, found, strict=True) if not page.paragraphs)
    known = [one for one in reading.elements if one.page not in reading.scans] if reading else []
    elements = sorted([*known, *mark(read)], key=lambda one: one.page or 0)
    return Reading(
        elements=tuple(elements),
        pages=reading.pages if reading else len(pictures),
        confidence=sum(sure) / len(sure) if sure else None,
        notes=(f"OCR found no text on page {_few(empty)}.",) if empty else (),
    )


def _scans(source: Path, reading: Reading) -> list[tuple[int, Path]]:
    """The pages without text as pictures of 300 dots an inch, less where that would be too many."""
    import pypdfium2

    document = pypdfium2.PdfDocument(source)
    made = []
    for number in reading.scans:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(DPI / 72, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
        path = source.with_name(f"page-{number}.png")
        page.render(scale=scale, grayscale=True).to_pil().save(path)
        made.append((number, path))
    return made


def _frames(source: Path) -> list[tuple[int, Path]]:
    """The pages of a picture (TIFF has several), small ones enlarged: tesseract wants letters of 20 pixels and more."""
    from PIL import Image, ImageSequence

    made = []
    with Image.open(source) as picture:
        for number, frame in enumerate(ImageSequence.Iterator(picture), 1):
            grey = frame.convert("L")
            if max(grey.size) < 1500:
                grey = grey.resize((grey.width * 2, grey.height * 2))
            path = source.with_name(f"page-{number}.png")
            grey.save(path)
            made.append((number, path))
    return made


def _best(picture: Path, languages: str) -> Recognised:
    """Upright, or turned where that reads better; tesseract's own orientation test needs more text than many pages."""
    best = _read(picture, languages)
    if best.confidence >= POOR:
        return best
    from PIL import Image

    for angle in (180, 90, 270):
        turned = picture.with_stem(f"{picture.stem}-{angle}")
        with Image.open(picture) as upright:
            upright.rotate(angle, expand=True).save(turned)
        best = max(best, _read(turned, languages), key=lambda one: one.confidence)
        if best.confidence >= POOR:
            break
    return best


def _read(picture: Path, languages: str) -> Recognised:
    command = ["tesseract", str(picture), "stdout", "-l", languages, "--psm", "3", "--dpi", str(DPI), "tsv"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
    )
    rows = list(csv.DictReader(done.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    words = [row for row in rows if row["level"] == "5" and row["text"].strip()]
    letters = sum(len(row["text"]) for row in words)
    sure = sum(float(row["conf"]) * len(row["text"]) for row in words) / (100 * letters) if letters else 0.0
    paragraphs = [
        _joined(list(group)) for _, group in groupby(words, key=lambda row: (row["block_num"], row["par_num"]))
    ]
    return Recognised(paragraphs=tuple(paragraphs), confidence=sure)


def _joined(words: Sequence[dict[str, Any]]) -> str:
    """Words with spaces between them, but none inside Chinese; lines of one paragraph run on."""
    lines = [" ".join(row["text"] for row in group) for _, group in groupby(words, key=lambda row: row["line_num"])]
    text = "\n".join(lines)
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text).replace("\n", " ")
    return BETWEEN_CJK_SPACE.sub("", text)


def _installed_languages() -> set[str]:
    done = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


# --- what a person should know about a reading ----------------------------------------------------------------------

UNSURE = 0.85


def notes_of(reading: Reading) -> list[str]:
    """Sentences, the most important first."""
    told = [_told_scans(reading)] if reading.scans else []
    if reading.confidence is not None:
        check = ": check names and numbers" if reading.confidence < UNSURE else ""
        told.append(f"The text was read by OCR, which is {reading.confidence:.0%} sure of its words{check}.")
    return [*told, *reading.notes]


def _told_scans(reading: Reading) -> str:
    many = len(reading.scans) > 1
    told = f"Page{'s' if many else ''} {ranges(reading.scans)} {'are scans' if many else 'is a scan'} without text"
    if reading.pages == len(reading.scans):
        told = "It is a scan" if not many else f"All {reading.pages} pages are scans"
    if not is_installed():
        return f"{told}. OCR needs the program tesseract, which is not installed. {INSTALL}"
    return f"{told}. Say 'ocr' to read {'them' if many else 'it'} (about {estimate_s(len(reading.scans)):.0f} s)."


def ranges(numbers: Sequence[int]) -> str:
    """(1, 3, 4, 5) as '1, 3 to 5'."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
