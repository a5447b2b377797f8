"""Every format keeps its text, its titles and its tables; encodings are told."""

from pathlib import Path

import pytest

from tests.documents import files
from tools.documents.kinds import kind_of
from tools.documents.passages import pack
from tools.documents.reader import read
from tools.documents.reading import Reading
from tools.documents.tables import from_delimited, from_html
from tools.text.encoding import decode

MARKDOWN = """---
title: none of it
---
# Returns

Goods may be returned within **thirty days**
of purchase.

## Fees

| Country | Days |
|---------|------|
| Germany | 2    |

```
# no title
```
"""
RULES = "# Returns\n\nGoods may be returned within thirty days.\n\n## Fees\n\n- Nothing for *members*\n"


def reading(path: Path, content: str | bytes | None = None) -> Reading:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, kind_of(path.name, path.read_bytes()[:1024].lstrip()))


def said(found: Reading) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in found.content]


def test_markdown_is_kept_as_it_is_written(tmp_path: Path) -> None:
    assert said(reading(tmp_path / "a.md", MARKDOWN)) == [
        ("heading", "Returns"),
        ("text", "Goods may be returned within **thirty days**\nof purchase."),
        ("heading", "Fees"),
        ("table", "| Country | Days |\n|---------|------|\n| Germany | 2    |"),
        ("text", "```\n# no title\n```"),
    ]


def test_plain_text_has_numbered_titles_and_no_contents(tmp_path: Path) -> None:
    text = "Rules\n\nContents\n\n1.1. Aim\n1.2. Scope\n\n1.1. Aim\n\nWe aim high.\n\n1.2. Scope\n\nAll of us.\n"
    found = reading(tmp_path / "a.txt", text)
    assert said(found) == [
        ("text", "Rules"),
        ("heading", "1.1. Aim"),
        ("text", "We aim high."),
        ("heading", "1.2. Scope"),
        ("text", "All of us."),
    ]
    assert found.set_aside == {"table of contents": 2}


def test_word_keeps_titles_tables_and_sets_headers_aside(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    document.sections[0].header.paragraphs[0].text = "Acme handbook"
    document.add_heading("Returns", 1)
    document.add_paragraph("Short line that is no title")
    table = document.add_table(rows=2, cols=2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Germany"
    table.cell(1, 0).text, table.cell(1, 1).text = "2", "days"
    document.save(str(tmp_path / "a.docx"))
    found = reading(tmp_path / "a.docx")
    assert said(found) == [
        ("heading", "Returns"),
        ("text", "Short line that is no title"),
        ("table", "| Germany | Germany |\n| --- | --- |\n| 2 | days |"),
    ]
    assert found.set_aside == {"header or footer": 1}


def test_slides_and_sheets_know_their_pages(tmp_path: Path) -> None:
    slides = reading(files.pptx(tmp_path / "a.pptx"))
    assert [(one.kind, one.text, one.page) for one in slides.content] == [
        ("heading", "Returns", 1),
        ("text", "Thirty days.", 1),
        ("text", "Acme, for internal use only", 1),
        ("heading", "Shipping", 2),
        ("text", "Two days.", 2),
        ("heading", "Repairs", 3),
        ("text", "One week.", 3),
    ]
    assert (slides.pages, slides.set_aside) == (3, {"repeated": 2})
    sheet = reading(files.xlsx(tmp_path / "a.xlsx"))
    assert said(sheet) == [
        ("heading", "Prices"),
        ("table", "| Product | Euro |\n| --- | --- |\n| Bolt | 3 |\n| Nut \\| washer | 4 |"),
    ]


@pytest.mark.parametrize("suffix", ["odt", "rtf", "epub", "rst"])
def test_what_pandoc_reads(tmp_path: Path, suffix: str) -> None:
    found = said(reading(files.converted(tmp_path / f"a.{suffix}", RULES)))
    assert ("text", "Goods may be returned within thirty days.") in found
    assert ("text", "- Nothing for members") in found
    if suffix != "rtf":  # pandoc's own RTF has no styles
        assert [text for kind, text in found if kind == "heading"][-2:] == ["Returns", "Fees"]


def test_mails(tmp_path: Path) -> None:
    found = reading(files.eml(tmp_path / "a.eml"))
    assert said(found)[:2] == [("heading", "New address"), ("text", "From: ann@x.org\nTo: bob@y.org")]
    assert ("text", "please send the parcel to 12 Oak Street, Dallas.") in said(found)
    encrypted = (
        "Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp\n\nx\n--b--"
    )
    assert reading(tmp_path / "b.eml", encrypted).problem == "its text is encrypted or empty"


def test_html_tables_and_encoding(tmp_path: Path) -> None:
    head = '<html><head><meta charset="gbk"></head>'
    html = f"{head}<body><h1>退货</h1><p>三十天内可以退货，运费由我们承担。</p></body></html>"
    assert said(reading(tmp_path / "a.html", html.encode("gbk"))) == [
        ("heading", "退货"),
        ("text", "三十天内可以退货，运费由我们承担。"),
    ]
    spans = (
        "<table><tr><th rowspan=2>A</th><th>B</th></tr><tr><td>1<table><tr><td>x</td></tr></table></td></tr></table>"
    )
    assert from_html(spans) == "| A | B |\n| --- | --- |\n| A | 1 x |"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a;b\n1,5;2\n", "| a | b |\n| --- | --- |\n| 1,5 | 2 |"),
        ("a\tb,c\n1\t2\n", "| a | b,c |\n| --- | --- |\n| 1 | 2 |"),
        ('a|b\n"x|y"|2\n', "| a | b |\n| --- | --- |\n| x\\|y | 2 |"),
        ("a,b,c\n1,2\n\n3,4,5\n", "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 |  |\n| 3 | 4 | 5 |"),
        ('a\n"1\n2"\n', "| a |\n| --- |\n| 1 2 |"),
    ],
)
def test_delimited_text(text: str, markdown: str) -> None:
    assert from_delimited(text) == markdown


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be", "gb18030"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_are_told(encoding: str) -> None:
    text = "收件人：李雷，电话 13800001111，地址：北京市海淀区中关村大街1号。\nName: Ann Lee\n"
    found = decode(text.encode(encoding))
    assert found is not None
    assert found.text == text
    assert encoding.startswith(found.encoding)


def test_latin_text_is_not_taken_for_chinese_and_bytes_not_for_text() -> None:
    text = "Größe und Straße: über den Dächern. " * 5
    found = decode(text.encode("latin-1"))
    assert found is not None
    assert found.text == text
    assert decode(b"\x00\x01\x02\x00" * 50) is None


def test_a_quote_stands_where_the_offsets_say(tmp_path: Path) -> None:
    """The same holds for every format: passages are slices of the document's text."""
    for path in (files.docx(tmp_path / "a.docx"), files.pptx(tmp_path / "a.pptx"), files.xlsx(tmp_path / "a.xlsx")):
        packed = pack(reading(path).content)
        assert packed.pieces
        assert all(packed.text[piece.start : piece.end] == piece.text for piece in packed.pieces)
