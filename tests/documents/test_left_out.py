"""Nothing of a document vanishes without a word: it is read, or its kind is told with its count."""

import re
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.documents.test_formats import reading, said

_NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)


def word(path: Path, body: str, **parts: str) -> Path:
    """A .docx with this body; `parts` are further files of the folder word/, by their names without .xml."""
    from docx import Document

    Document().save(str(path))
    with ZipFile(path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    files["word/document.xml"] = f"<w:document {_NAMES}><w:body>{body}</w:body></w:document>".encode()
    for name, text in parts.items():
        files[f"word/{name}.xml"] = f"<w:{name} {_NAMES}>{text}</w:{name}>".encode()
    with ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def run(text: str, about: str = "") -> str:
    return f'<w:r>{about}<w:t xml:space="preserve">{text}</w:t></w:r>'


def par(inner: str) -> str:
    return f"<w:p>{inner}</w:p>"


def control(inner: str) -> str:
    return f"<w:sdt><w:sdtPr/><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


HIDDEN = "<w:rPr><w:vanish/></w:rPr>"
CELL = "<w:tc><w:tcPr/>{}</w:tc>"
BOX = "<w:r><w:pict><v:shape><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (control(par(run("a control in a control: ") + control(run("seven")))), "a control in a control: seven"),
        (par(run("due ") + f'<w:ins w:id="1">{control(run("on Monday"))}</w:ins>'), "due on Monday"),
        (par(run("Dear ") + f'<w:fldSimple w:instr="MERGEFIELD x">{run("Ann")}</w:fldSimple>'), "Dear Ann"),
        (par(f"<w:moveTo><w:smartTag>{run('moved')}</w:smartTag></w:moveTo>"), "moved"),
        (par(f'<w:bdo w:val="rtl">{run("both ways")}</w:bdo>'), "both ways"),
        (par(f"<w:customXml>{run('customer')}</w:customXml>"), "customer"),
        (
            par(
                "<w:r><w:ruby><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>".format(run("とう"), run("東"))
            ),
            "東(とう)",
        ),
        (
            par(
                "<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
            ),
            "(a+b)/2",
        ),
        (
            par(
                '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/>'
                '<w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r>'
            ),
            "blue",
        ),
        (par('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>' + run(" agreed")), "☒ agreed"),
    ],
)
def test_word_reads_what_stands_in_a_wrapper(tmp_path: Path, body: str, text: str) -> None:
    found = reading(word(tmp_path / "a.docx", body))
    assert said(found) == [("text", text)]
    assert found.notes == ()


def test_word_reads_boxes_once_rows_in_controls_and_footnotes(tmp_path: Path) -> None:
    both = "<mc:AlternateContent><mc:Choice>{0}</mc:Choice><mc:Fallback>{0}</mc:Fallback></mc:AlternateContent>"
    box = par(run("before ") + both.format(BOX.format(par(run("first in the box")) + par(run("second in the box")))))
    row = f"<w:tr>{CELL.format(par(run('Kiel')))}{control(CELL.format(control(par(run('low')))))}</w:tr>"
    table = f"<w:tbl><w:tblPr/><w:tblGrid/>{row}{control(row)}</w:tbl>"
    noted = par(run("The fee") + '<w:r><w:footnoteReference w:id="2"/></w:r>' + run(" is due."))
    note = f'<w:footnote w:id="2">{par(run("Without tax."))}</w:footnote>'
    found = reading(word(tmp_path / "a.docx", box + table + noted, footnotes=note))
    assert said(found) == [
        ("text", "before"),
        ("text", "first in the box"),
        ("text", "second in the box"),
        ("table", "| Kiel | low |\n| --- | --- |\n| Kiel | low |"),
        ("text", "The fee[1] is due."),
        ("text", "[1] Without tax."),
    ]


def test_word_counts_what_nobody_sees(tmp_path: Path) -> None:
    body = (
        par(run("stays") + "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>")
        + par(f"<w:moveFrom>{run('old place')}</w:moveFrom>")
        + par(run("secret", HIDDEN) + run("more", HIDDEN))
        + par(run("shown", '<w:rPr><w:vanish w:val="0"/></w:rPr>'))
        + "<w:tbl><w:tblPr/><w:tblGrid/>"
        + f"<w:tr><w:trPr><w:del/></w:trPr>{CELL.format(par(run('struck')))}</w:tr></w:tbl>"
        + control('<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>')
        .replace("<w:sdtPr/><w:sdtContent>", "<w:sdtPr>")
        .replace("</w:sdtContent>", "</w:sdtPr><w:sdtContent/>")
    )
    found = reading(word(tmp_path / "a.docx", body, comments='<w:comment w:id="1"/><w:comment w:id="2"/>'))
    assert said(found) == [("text", "stays"), ("text", "shown")]
    (told,) = found.notes
    for kind in (
        "1 table of contents",
        "1 deleted table row",
        "1 tracked deletion",
        "1 paragraph with hidden text",
        "2 comments",
    ):
        assert kind in told


def test_word_finds_text_hidden_by_its_style(tmp_path: Path) -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Base"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="Note"><w:basedOn w:val="Base"/></w:style>'
    )
    body = par(run("seen ") + run("unseen", '<w:rPr><w:rStyle w:val="Note"/></w:rPr>'))
    found = reading(word(tmp_path / "a.docx", body, styles=styles))
    assert said(found) == [("text", "seen")]
    assert found.notes == ("Not read: 1 paragraph with hidden text.",)


def test_slides_tell_notes_and_what_lies_beside_them(tmp_path: Path) -> None:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck = Presentation()
    for title in ("One", "Two"):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = title
        slide.notes_slide.notes_text_frame.text = f"say of {title.lower()}"
    beside = slide.shapes.add_textbox(Inches(-5), Inches(1), Inches(2), Inches(1))
    beside.text_frame.text = "not on the slide"
    data = CategoryChartData()
    data.categories, _ = ["a"], data.add_series("s", (1,))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, Inches(1), Inches(1), Inches(2), Inches(2), data)
    deck.save(str(tmp_path / "a.pptx"))
    found = reading(tmp_path / "a.pptx")
    assert [(one.text, one.page) for one in found.content] == [
        ("One", 1),
        ("Notes: say of one", 1),
        ("Two", 2),
        ("Notes: say of two", 2),
    ]
    assert found.notes == ("Not read: 1 chart, 1 text beside its slide.",)


def test_mails_in_mails_and_second_texts_are_read(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "z@x.org", "Original"
    inner.set_content("fünf Kais", charset="iso-8859-1")
    middle = EmailMessage()
    middle["Subject"] = "Fwd: Original"
    middle.set_content("as said")
    middle.add_attachment(inner)
    outer = EmailMessage()
    outer["Subject"] = "Fwd: Fwd: Original"
    outer.set_content("see below")
    outer.add_alternative("<p>see <b>below</b></p><details><summary>More</summary>inside</details>", subtype="html")
    outer.make_mixed()
    second = EmailMessage()
    second.set_content("a second text, as Apple Mail writes it")
    outer.attach(second)
    outer.add_attachment(middle)
    outer.add_attachment(b"x", maintype="application", subtype="zip", filename="a.zip")
    found = reading(tmp_path / "a.eml", bytes(outer))
    assert said(found) == [
        ("heading", "Fwd: Fwd: Original"),
        ("text", "see below"),
        ("text", "More"),
        ("text", "inside"),
        ("text", "a second text, as Apple Mail writes it"),
        ("heading", "Fwd: Original"),
        ("text", "as said"),
        ("heading", "Original"),
        ("text", "From: z@x.org"),
        ("text", "fünf Kais"),
    ]
    assert found.notes == ("Attachments are not read: a.zip. Add them as separate files.",)


def test_a_mail_that_lies_about_its_charset_is_read_as_any_text(tmp_path: Path) -> None:
    mail = "Subject: x\nContent-Type: text/plain; charset=us-ascii\n\nGrüße aus Köln\n".encode()
    assert said(reading(tmp_path / "a.eml", mail))[-1] == ("text", "Grüße aus Köln")


PAGE = """<html><head><title>no</title><style>no</style></head><body><form action=x>
<h1>Harbour</h1>
<details><summary>Fees</summary><p>Twelve euros.</p></details>
<figure><img src=x alt="a boat"><figcaption>Our quay</figcaption></figure>
<label for=q>Your berth</label> <input id=q> <select><option>A1</option><option>B2</option></select>
<fieldset><legend>Pay</legend>by <i>card</i><br>or cash</fieldset>
<dl><dt>Kiel</dt><dd>low<!-- no --> tide</dd></dl>
<ul><li>one<ul><li><p>inner</p></li></ul></li></ul>
<table><caption>Tides</caption><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>
<custom-card>in a card</custom-card><pre>x
  y</pre><ruby>東<rt>とう</rt></ruby>
<button>Send</button><script>no</script><iframe src=x></iframe><iframe src=y></iframe>
</form></body></html>"""


def test_a_page_is_read_whole(tmp_path: Path) -> None:
    found = reading(tmp_path / "a.html", PAGE)
    assert said(found) == [
        ("heading", "Harbour"),
        ("text", "Fees"),
        ("text", "Twelve euros."),
        ("text", "a boat"),
        ("text", "Our quay"),
        ("text", "Your berth"),
        ("text", "- A1"),
        ("text", "- B2"),
        ("text", "Pay"),
        ("text", "by card\nor cash"),
        ("text", "Kiel"),
        ("text", "low tide"),
        ("text", "- one"),
        ("text", "  - inner"),
        ("text", "Tides"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("text", "in a card"),
        ("text", "x\n  y"),
        ("text", "東(とう)\nSend".replace("\n", " ")),
    ]
    assert found.notes == ("Not read: 2 embedded pages.",)


DATA = "<table><tr><th>Berth</th><th>Fee</th></tr><tr><td>A1</td><td>12</td></tr></table>"


@pytest.mark.parametrize(
    ("html", "kinds"),
    [
        (
            f"<table><tr><td>Menu</td><td><h1>Rules</h1><p>Moor here.</p>{DATA}</td></tr></table>",
            "text heading text table",
        ),
        ("<table><tr><td>Menu</td><td><p>Moor here.</p><p>Pay there.</p></td></tr></table>", "text text text"),
        (f'<table role="presentation"><tr><td>x</td><td>y</td></tr></table>{DATA}', "text text table"),
        ("<table><tr><td>only</td></tr><tr><td>one column</td></tr></table>", "text text"),
        (f"<table><tr><td>a long first cell</td><td>b</td></tr><tr><td>c</td><td>{DATA}</td></tr></table>", "table"),
        ("<table><tr><td><p>a</p><p>b</p></td><td>1</td></tr><tr><td>c</td><td>2</td></tr></table>", "table"),
    ],
)
def test_tables_that_lay_out_a_page_are_no_tables(tmp_path: Path, html: str, kinds: str) -> None:
    found = said(reading(tmp_path / "a.html", html))
    assert " ".join(kind for kind, _ in found) == kinds
    words = set(re.findall(r"\w+", re.sub(r"<[^>]+>", " ", html)))
    assert words <= set(re.findall(r"\w+", " ".join(text for _, text in found)))


def test_a_guessed_encoding_is_told_with_words_as_they_were_read(tmp_path: Path) -> None:
    text = "Rules\n\nГде моя посылка? Она в пути.\n"
    assert reading(tmp_path / "a.txt", text.encode("koi8-r")).notes == (
        "Its encoding is a guess, koi8-r: it reads “Где моя посылка? Она в пути.”.",
    )
    assert reading(tmp_path / "b.txt", text).notes == ()


def test_formulas_that_hold_no_value_are_told(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (("Product", "Euro"), ("Bolt", 3), ("All", "=B2*2"), ("Both", '="x"')):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    (told,) = reading(tmp_path / "a.xlsx").notes
    assert told.startswith("2 formulas have no value in the file")


def test_a_form_of_pictures_leaves_the_words_to_the_plain_form(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Hello"
    mail.set_content("The plain words stand here.")
    mail.add_alternative("<html><body><img src='cid:x'></body></html>", subtype="html")
    path = tmp_path / "mail.eml"
    path.write_bytes(mail.as_bytes())
    assert said(reading(path))[-1] == ("text", "The plain words stand here.")
