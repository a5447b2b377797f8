"""Bytes -> text, whatever the encoding: by its mark, as UTF-16 or -32, as UTF-8, as Chinese, as Western, by a guess."""

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

HEAD_BYTES = 4096
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: it begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _everyday_hangul() -> Iterator[str]:
    for lead in range(0xB0, 0xC9):
        yield from bytes(one for trail in range(0xA1, 0xFF) for one in (lead, trail)).decode("cp949")


_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_ACCENTS = 0.3  # of the letters at most: a Western text has few, one in Cyrillic or Greek hardly anything else
# The everyday syllables of KS X 1001; the extension's rare ones are what a Western accent and the next letter give.
_HANGUL = re.compile(f"[{''.join(_everyday_hangul())}]")
# Encodings of two bytes a sign that other bytes read as too, and what of their text must be of their own script.
_SCRIPTS = (
    ("cp932", re.compile("[\u3041-\u30ff]"), 0.25),  # kana; Chinese and Korean bytes give none
    ("euc-jp", re.compile("[\u3041-\u30ff]"), 0.25),
    ("cp949", _HANGUL, 0.9),  # Chinese bytes give Hangul and Chinese signs mixed
)
_TURNED, _COMMON = re.compile("[а-яё][А-ЯЁ]"), re.compile("[оеаинт]")  # the latter are half of any Russian text
_OTHER_SCRIPTS = re.compile("[\u0370-\u03ff\u0530-\u06ff\u0e00-\u0eff]")  # Greek, Armenian, Hebrew, Arabic, Thai


class Decoded(NamedTuple):
    """A file's text; in broken UTF-8 the bytes that could not be read stand as U+DC80 and up (`is_broken`)."""

    text: str
    encoding: str

    @property
    def readable(self) -> str:
        """The text with U+FFFD for what could not be read."""
        if self.text.isascii() or not is_broken(self.text):
            return self.text
        return "".join("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in self.text)


def decode(data: bytes) -> Decoded | None:
    """The bytes as text with the encoding that they are in; None for what is no text, or not what its mark says."""
    encoding = marked(data)
    if not encoding and b"\0" in data:
        encoding = _unmarked(data)
        if not encoding:
            return None
    if encoding == "utf-8-sig":
        data, encoding = data.removeprefix(codecs.BOM_UTF8), ""
    if not encoding:
        encoding = _narrow(data)
        return Decoded(data.decode(encoding, "surrogateescape"), encoding)
    return Decoded(data.decode(encoding), encoding) if _is(data, encoding) else None


def marked(data: bytes) -> str:
    """The encoding that the first bytes name; empty for most files."""
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), "")


def is_broken(text: str) -> bool:
    """Whether bytes of this text could not be read."""
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)


def told_doubt(encoding: str, example: str) -> str:
    """A sentence for a file whose encoding no byte proves, with some of its text as it was read; empty for Unicode."""
    if not encoding or encoding.startswith("utf"):
        return ""
    return f"Its encoding is a guess, {encoding}: it reads “{' '.join(example.split())[:80]}”."


def _unmarked(data: bytes) -> str:
    """UTF-16 or UTF-32 without its mark, or nothing: NUL bytes lie where the high bytes of Latin letters would."""
    for encoding in _WIDE:
        width = 4 if "32" in encoding else 2
        if len(data) % width or not _is(data, encoding):
            continue
        text = data[:HEAD_BYTES].decode(encoding, "ignore")  # the cut may go through a pair of surrogates
        if sum(char.isprintable() or char.isspace() for char in text) <= 0.98 * len(text):
            continue
        if sum(char.isascii() for char in text) > 0.05 * len(text):  # any bytes are rare signs of some encoding
            return encoding
    return ""


def _narrow(data: bytes) -> str:
    """UTF-8 unless hardly a line with accents or signs is; then Chinese if it reads so, Western, or by a guess."""
    if _is(data, "utf-8"):
        return "utf-8"
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    if 2 * sum(_is(line, "utf-8") for line in lines) >= len(lines):
        return "utf-8"
    for encoding, signs, share in _SCRIPTS:
        if _is(data, encoding) and _share(data.decode(encoding), signs) >= share:
            return encoding
    if _is(data, "gb18030") and _is_everyday_chinese(data.decode("gb18030")):
        return "gb18030"
    accents = sum(byte >= 0x80 for byte in data)
    letters = accents + sum(byte < 0x80 and chr(byte).isalpha() for byte in data)
    if accents <= _ACCENTS * letters and _is(data, "cp1252"):
        return "cp1252"
    return _guessed(data)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    guessed = best.encoding if best is not None and _is(data, best.encoding) else ""
    cyrillic = _cyrillic(data)
    sure = guessed and _share(data.decode(guessed), _OTHER_SCRIPTS) > 0.9
    if cyrillic and not sure and _share(data.decode(cyrillic), _COMMON) > 0.25:
        return cyrillic
    if guessed:
        return guessed
    return "cp1252" if _is(data, "cp1252") else "latin-1"


def _cyrillic(data: bytes) -> str:
    """KOI8-R read as cp1251, and the other way round, has small letters before capitals within words."""
    known = [encoding for encoding in ("cp1251", "koi8-r") if _is(data, encoding)]
    return min(known, key=lambda encoding: len(_TURNED.findall(data.decode(encoding))), default="")


def _share(text: str, signs: re.Pattern[str]) -> float:
    """Of the letters beyond ASCII."""
    letters = [char for char in text if not char.isascii() and char.isalpha()]
    return sum(map(bool, map(signs.match, letters))) / max(1, len(letters))


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_everyday_chinese(text: str) -> bool:
    """Accents read as Chinese give rare characters; GB 2312 keeps the common ones in its first rows."""
    codes = [char.encode("gb2312", errors="ignore") for char in text if not char.isascii()]
    return sum(0xA1 <= code[0] <= 0xD7 for code in codes if code) > 0.8 * len(codes)
