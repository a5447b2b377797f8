"""Bytes of a user's file as UTF-8: byte order marks are dropped, UTF-16 is converted."""

import codecs

from tools.errors import RetortError

HEAD_BYTES = 4096


def to_utf8(data: bytes, name: str) -> bytes:
    """The file's bytes as UTF-8 without a mark. Bytes that are no UTF-8 stay: the caller names the broken line.

    Raises RetortError for a file that is empty, binary, or UTF-16 with a flaw.
    """
    encoding = _wide_encoding(data)
    if encoding:
        try:
            data = data.decode(encoding).encode()
        except UnicodeError as error:
            raise RetortError(
                f"{name} looks like UTF-16 but cannot be read as such: {error}.", "Save it as UTF-8 and add it again."
            ) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise RetortError(f"{name} is empty.", "Choose a file with at least one row.")
    if b"\0" in data[:HEAD_BYTES]:
        raise RetortError(
            f"{name} is a binary file, not text.", "Choose a JSONL file with chat messages, or a CSV file."
        )
    return data


def _wide_encoding(data: bytes) -> str:
    """`utf-16`, `utf-16-le`, `utf-16-be`, or nothing. Without a mark, zero bytes at every other place give it away."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:HEAD_BYTES]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even == 0:
        return "utf-16-le"
    if even > len(head) // 8 and odd == 0:
        return "utf-16-be"
    return ""
