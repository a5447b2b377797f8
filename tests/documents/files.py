"""Small real files, made on the spot."""

import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    """A line of text on a page; lengths in points from the lower left corner."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False


Page = Sequence[Said]


def pdf(path: Path, pages: Sequence[str | Page], *, locked: bool = False) -> Path:
    """A minimal PDF in Helvetica; a text is a page of one line, an empty one a page without text."""
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    ]
    kids = []
    for page in pages:
        lines = ([Said(40, 700, page, 12)] if page else []) if isinstance(page, str) else page
        packed = zlib.compress(_drawing(lines) if lines else b"0 0 10 10 re f")
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream")
        stream = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % stream
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), b" ".join(kids))
    security = b""
    if locked:  # a standard security handler whose password nobody knows
        objects.append(b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"11" * 32, b"22" * 32))
        security = b" /Encrypt %d 0 R /ID [<00> <00>]" % len(objects)
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, security, start)
    path.write_bytes(out)
    return path


def _drawing(lines: Page) -> bytes:
    def one(line: Said) -> str:
        text = line.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        return f"BT /F{2 if line.bold else 1} {line.size} Tf {line.x} {line.y} Td ({text}) Tj ET"

    return "\n".join(map(one, lines)).encode("cp1252")


def scan(path: Path, text: str, *, turned: bool = False) -> Path:
    """A page of black letters on white, as a PDF without text or as a picture, by the suffix."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (1654, 2339), 255)
    font = ImageFont.load_default(size=44)
    ImageDraw.Draw(picture).multiline_text((150, 200), text, fill=0, font=font, spacing=24)
    (picture.rotate(180) if turned else picture).save(path, resolution=200)
    return path


def docx(path: Path) -> Path:
    from docx import Document

    document = Document()
    document.add_heading("Returns", 1)
    document.add_paragraph("Goods may be returned within thirty days of purchase.")
    document.add_heading("Shipping", 1)
    document.add_paragraph("We ship to Germany and France every working day.")
    table = document.add_table(rows=2, cols=2)
    for row, values in enumerate((("Country", "Days"), ("Germany", "2"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    document.save(str(path))
    return path


def eml(path: Path) -> Path:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@x.org", "bob@y.org", "New address"
    message.set_content("Dear Bob,\n\nplease send the parcel to 12 Oak Street, Dallas.\n\nAnn")
    path.write_bytes(bytes(message))
    return path


def pptx(path: Path) -> Path:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    for title, body in (("Returns", "Thirty days."), ("Shipping", "Two days."), ("Repairs", "One week.")):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
        for height, text in ((2, body), (6, "Acme, for internal use only")):
            box = slide.shapes.add_textbox(Inches(1), Inches(height), Inches(6), Inches(1))
            box.text_frame.text = text
    deck.save(str(path))
    return path


def xlsx(path: Path) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "Prices"
    for row in (("Product", "Euro"), ("Bolt", 3), ("Nut | washer", 4)):
        sheet.append(row)
    book.save(path)
    return path


def converted(path: Path, markdown: str) -> Path:
    """Markdown as .odt, .rtf, .epub or .rst, made by pandoc."""
    import pypandoc

    extra = ["--standalone", "--metadata", "title=Rules"]
    pypandoc.convert_text(markdown, path.suffix[1:], format="md", outputfile=str(path), extra_args=extra)
    return path
