"""What a person should know about a reading: which pages are pictures, what was left out, how sure the OCR is."""

from collections.abc import Sequence

from tools.documents import ocr
from tools.documents.reading import Reading

UNSURE = 0.85


def of_reading(reading: Reading) -> list[str]:
    """Sentences, the most important first."""
    told = [_scans(reading)] if reading.scans else []
    if reading.confidence is not None:
        check = ": check names and numbers" if reading.confidence < UNSURE else ""
        told.append(f"Read by OCR, which is {reading.confidence:.0%} sure of its words{check}.")
    return [*told, *reading.notes]


def _scans(reading: Reading) -> str:
    many = len(reading.scans) > 1
    told = f"Page{'s' if many else ''} {ranges(reading.scans)} {'are' if many else 'is'} scanned, without text"
    if reading.pages == len(reading.scans):
        told = "It is a scan" if not many else f"All its {reading.pages} pages are scans"
    if not ocr.is_installed():
        return f"{told}. OCR needs the program tesseract, which is not installed. {ocr.INSTALL}"
    return f"{told}: say 'ocr' to read {'them' if many else 'it'} (about {ocr.estimate_s(len(reading.scans)):.0f} s)."


def ranges(numbers: Sequence[int]) -> str:
    """(1, 3, 4, 5) as '1, 3 to 5'."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
