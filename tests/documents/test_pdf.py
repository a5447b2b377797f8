"""PDFs: paragraphs, titles, tables and what runs along every page; scans by OCR."""

import shutil
from pathlib import Path

import pytest

from tests.documents.files import Page, Said, pdf, scan
from tools.documents import ocr
from tools.documents.pdf import read_pdf
from tools.documents.reader import read

needs_tesseract = pytest.mark.skipif(not shutil.which("tesseract"), reason="Debian's tesseract-ocr is not installed")


def column(x: float, top: float, *lines: str) -> list[Said]:
    return [Said(x, top - 12 * place, line) for place, line in enumerate(lines)]


def kept(path: Path) -> list[tuple[str, str, int | None]]:
    return [(one.kind, one.text, one.page) for one in read_pdf(path).content]


def test_lines_become_paragraphs_and_titles(tmp_path: Path) -> None:
    page = [
        Said(40, 740, "Shipping rules", 18),
        *column(40, 700, "Goods leave our house every working day and are", "with you after two days. Ask us."),
        Said(40, 640, "2.1 Costs", 10, bold=True),
        *column(40, 620, "Nothing below forty euro; the rest is in the table."),
    ]
    assert kept(pdf(tmp_path / "a.pdf", [page])) == [
        ("heading", "Shipping rules", 1),
        ("text", "Goods leave our house every working day and are with you after two days. Ask us.", 1),
        ("heading", "2.1 Costs", 1),
        ("text", "Nothing below forty euro; the rest is in the table.", 1),
    ]


def test_columns_are_read_one_after_the_other_and_sentences_go_on_over_pages(tmp_path: Path) -> None:
    left = column(
        40, 700, "The first column begins here and it goes on with", "more words until it is full, and then the"
    )
    right = column(
        320, 700, "second column takes the sentence up and ends it.", "One more line stands here, which the page"
    )
    over = column(40, 700, "break cuts in two.")
    assert kept(pdf(tmp_path / "a.pdf", [[*left, *right], over])) == [
        (
            "text",
            "The first column begins here and it goes on with more words until it is full, and then the second column "
            "takes the sentence up and ends it. One more line stands here, which the page break cuts in two.",
            1,
        )
    ]


def test_a_table_is_whole_and_in_markdown(tmp_path: Path) -> None:
    rows = [("Country", "Days", "Euro"), ("Germany", "2", "4.90"), ("France", "3 to", "9.90"), ("", "5", "")]
    cells = [Said(40 + 150 * x, 650 - 14 * y, text) for y, row in enumerate(rows) for x, text in enumerate(row) if text]
    page = [*column(40, 700, "What it takes to send a parcel."), *cells, *column(40, 560, "Islands cost more.")]
    assert kept(pdf(tmp_path / "a.pdf", [page])) == [
        ("text", "What it takes to send a parcel.", 1),
        (
            "table",
            "| Country | Days | Euro |\n| --- | --- | --- |\n| Germany | 2 | 4.90 |\n| France | 3 to 5 | 9.90 |",
            1,
        ),
        ("text", "Islands cost more.", 1),
    ]


def test_headers_footers_and_contents_are_set_aside(tmp_path: Path) -> None:
    def page(number: int, *lines: Said) -> Page:
        return [Said(40, 780, "Acme handbook"), *lines, Said(300, 20, f"Page {number} of 4")]

    contents = [Said(40, 700 - 20 * place, f"{place}. Part {'.' * 40} {place + 1}") for place in (1, 2, 3)]
    texts = ("Goods come back within a month.", "Parcels go out each day.", "Repairs take one week or two.")
    pages = [page(1, *contents), *(page(n, *column(40, 600, text)) for n, text in enumerate(texts, 2))]
    found = read_pdf(pdf(tmp_path / "a.pdf", pages))
    assert [one.text for one in found.content] == list(texts)
    assert found.set_aside == {"table of contents": 3, "header or footer": 8}


def test_pages_without_text_are_scans(tmp_path: Path) -> None:
    found = read_pdf(pdf(tmp_path / "a.pdf", ["Text here", "", "More of it", ""]))
    assert (found.pages, found.scans) == (4, (2, 4))
    assert "password" in read_pdf(pdf(tmp_path / "b.pdf", ["secret"], locked=True)).problem


@needs_tesseract
def test_scans_are_read_upright_and_turned(tmp_path: Path) -> None:
    text = "The parcel leaves on Monday\nand arrives two days later."
    for name, turned in (("a.pdf", False), ("b.png", True)):
        found = read(scan(tmp_path / name, text, turned=turned), "pdf" if name == "a.pdf" else "image", with_ocr=True)
        assert [one.text for one in found.content] == ["The parcel leaves on Monday and arrives two days later."]
        assert found.confidence is not None
        assert found.confidence > 0.8
        assert found.content[0].page == 1


@needs_tesseract
def test_a_stamp_over_a_scan_makes_no_page_of_text(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(
        clone_from=scan(tmp_path / "scan.pdf", "The parcel leaves on Monday\nand arrives two days later.")
    )
    writer.pages[0].merge_page(PdfReader(pdf(tmp_path / "stamp.pdf", ["Received 4 May"])).pages[0])
    writer.write(tmp_path / "a.pdf")
    found = read(tmp_path / "a.pdf", "pdf")
    assert ([one.text for one in found.content], found.scans) == (["Received 4 May"], (1,))
    found = read(tmp_path / "a.pdf", "pdf", with_ocr=True)
    assert any("The parcel leaves on Monday" in one.text for one in found.content)


@needs_tesseract
def test_a_picture_without_text_is_told(tmp_path: Path) -> None:
    found = read(scan(tmp_path / "a.png", ""), "image", with_ocr=True)
    assert (found.elements, found.notes) == ((), ("OCR found no text on page 1.",))


def test_chinese_is_joined_without_the_spaces_of_tesseract() -> None:
    words = [
        {"text": text, "line_num": line} for line, text in (("1", "三十"), ("1", "天内"), ("2", "退货"), ("2", "OK"))
    ]
    assert ocr._joined(words) == "三十天内退货 OK"
