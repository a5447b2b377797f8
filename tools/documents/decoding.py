"""Bytes -> text, whatever the encoding. A mark decides, then UTF-8, then Chinese, then a guess."""

import codecs

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: it begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes) -> str | None:
    """The bytes as text; None for what is no text."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    if b"\0" in data:
        return _unmarked(data)
    text = _decoded(data, "utf-8")
    if text is None and (chinese := _decoded(data, "gb18030")) is not None and _is_everyday_chinese(chinese):
        return chinese
    if text is None:
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        text = str(best) if best is not None else _decoded(data, "cp1252")
    return text


def _unmarked(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without its mark: NUL bytes lie where the high bytes of Latin letters would."""
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = _decoded(data, encoding)
        if text is None or not sum(char.isprintable() or char.isspace() for char in text) > 0.98 * len(text):
            continue
        if sum(char.isascii() for char in text) > 0.05 * len(text):  # any bytes are rare signs of some encoding
            return text
    return None


def _is_everyday_chinese(text: str) -> bool:
    """Accents read as Chinese give rare characters; GB 2312 keeps the common ones in its first rows."""
    codes = [char.encode("gb2312", errors="ignore") for char in text if not char.isascii()]
    return sum(0xA1 <= code[0] <= 0xD7 for code in codes if code) > 0.8 * len(codes)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
