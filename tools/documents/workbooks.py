"""What a workbook's file says of itself before its cells are read."""

import re
from pathlib import Path
from zipfile import BadZipFile, ZipFile

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_FORMULA = re.compile(rb"<f[\s>/]")
_IS_TEXT = re.compile(rb'\bt="str"')  # calculated, if only to an empty text
_VALUE = re.compile(rb"<v[^>/]*>[^<]|<is>")


def valueless_formulas(path: Path) -> int:
    """Formulas whose value the file does not hold: programs that write workbooks often calculate nothing."""
    try:
        with ZipFile(path) as package:
            sheets = [package.read(name) for name in package.namelist() if _SHEET.fullmatch(name)]
    except BadZipFile:  # an old .xls
        return 0
    cells = (cell for sheet in sheets for cell in sheet.split(b"</c>"))
    found = ((cell, formula) for cell in cells if (formula := _FORMULA.search(cell)))
    return sum(not _has_value(cell, formula.start()) for cell, formula in found)


def _has_value(cell: bytes, formula: int) -> bool:
    tag = cell[cell.rfind(b"<c ", 0, formula) : formula]
    return _IS_TEXT.search(tag) is not None or _VALUE.search(cell, formula) is not None


def told_valueless(count: int) -> str:
    """A sentence with the remedy."""
    cells = (
        f"{count} formula{'s have' if count > 1 else ' has'} no value in the file and {'are' if count > 1 else 'is'}"
    )
    return f"{cells} read as empty: open it in Excel or LibreOffice and save it again."
