"""Bytes of a user's file as text: by its mark, as UTF-16, as UTF-8, as Chinese, as Western; told which it was."""

import codecs

from tools.errors import RetortError

HEAD_BYTES = 4096
MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_text(data: bytes, name: str) -> tuple[str, str]:
    """The file's text and its encoding. In a UTF-8 file broken bytes stay as U+DC80 and up: `is_broken` finds them.

    Raises RetortError for a file that is empty, binary, or not what its mark says.
    """
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "") or _wide(data)
    if encoding and encoding != "utf-8-sig":
        try:
            text = data.decode(encoding)
        except UnicodeError as error:
            raise RetortError(
                f"{name} looks like {encoding.upper()} but cannot be read as such: {error}.",
                "Save it as UTF-8 and add it again.",
            ) from error
    elif b"\0" in data[:HEAD_BYTES]:
        raise RetortError(
            f"{name} is a binary file, not text.", "Choose rows as JSON, JSON lines, CSV, XLSX or parquet."
        )
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        encoding = _narrow(data)
        text = data.decode(encoding, "surrogateescape")
    if not text.strip():
        raise RetortError(f"{name} is empty.", "Choose a file with at least one row.")
    return text, encoding


def is_broken(line: str) -> bool:
    """Whether bytes of this line could not be read."""
    return not line.isascii() and any("\udc80" <= letter <= "\udcff" for letter in line)


def _wide(data: bytes) -> str:
    """`utf-16-le`, `utf-16-be`, or nothing: without a mark, zero bytes at every other place give it away."""
    head = data[:HEAD_BYTES]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even == 0:
        return "utf-16-le"
    if even > len(head) // 8 and odd == 0:
        return "utf-16-be"
    return ""


def _narrow(data: bytes) -> str:
    """UTF-8 unless hardly a line with accents or signs is; then Chinese (GB 18030) if it reads so, else Western."""
    if _is(data, "utf-8"):
        return "utf-8"
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    if 2 * sum(_is(line, "utf-8") for line in lines) >= len(lines):
        return "utf-8"
    if _is(data, "gb18030") and _is_everyday_chinese(data.decode("gb18030")):
        return "gb18030"
    return "cp1252" if _is(data, "cp1252") else "latin-1"


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_everyday_chinese(text: str) -> bool:
    """Accents read as Chinese give rare characters; GB 2312 keeps the common ones in its first rows."""
    codes = [letter.encode("gb2312", errors="ignore") for letter in text if not letter.isascii()]
    return sum(0xA1 <= code[0] <= 0xD7 for code in codes if code) > 0.8 * len(codes)
