"""Small real files, made on the spot."""

import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path


def pdf(path: Path, pages: Sequence[str], *, locked: bool = False) -> Path:
    """A minimal PDF with one line of Helvetica a page; an empty string gives a page without text."""
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for text in pages:
        drawing = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode() if text else b"0 0 10 10 re f"
        packed = zlib.compress(drawing)
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream")
        stream = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % stream
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
