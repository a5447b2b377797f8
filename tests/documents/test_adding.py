"""Files become documents with passages in a sandboxed child; bad files become one sentence and leave nothing."""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.documents import files
from tools.catalog import Catalog
from tools.documents import adding, sandbox
from tools.documents.adding import add_file
from tools.documents.packing import pack, split
from tools.documents.reader import decode
from tools.documents.reading import Element
from tools.errors import RetortError
from tools.records import Document, Passage, Project

MARKDOWN = "# Returns\n\nGoods may be returned within thirty days.\n\n## Shipping\n\nWe ship to Germany and France.\n"
HTML = (
    '<html><head><meta charset="gbk"><title>t</title></head><body>'
    "<h1>退货</h1><p>三十天内可以退货，运费由我们承担。</p>"
    "<table><tr><th>Country</th><th>Days</th></tr><tr><td>Germany</td><td>2</td></tr></table></body></html>"
)


def texts(catalog: Catalog, project: Project) -> str:
    return "\n".join(passage.text for passage in catalog.find(Passage, project.id))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_text_file_is_kept_under_our_name_and_known_again(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    source = write(tmp_path / "notes.txt", "Ann Lee lives in Bonn.\n\nHer number is 0228 1234.")
    document = add_file(catalog, project, source, name="../../my notes.txt")
    assert document.name == "my notes.txt"
    kept = catalog.folder(project) / document.path
    assert kept.read_bytes() == source.read_bytes()
    assert kept.name == f"{document.id}.txt"
    passages = catalog.find(Passage, project.id)
    assert document.passages == len(passages) == 1
    assert "Bonn" in passages[0].text
    assert "0228 1234" in passages[0].text
    assert add_file(catalog, project, source) == document
    assert len(catalog.find(Document, project.id)) == 1


def test_headings_of_markdown_html_and_word(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    for source in (
        write(tmp_path / "a.md", MARKDOWN),
        write(tmp_path / "b.html", HTML.encode("gbk")),
        files.docx(tmp_path / "c.docx"),
    ):
        add_file(catalog, project, source)
    found = [(passage.heading, passage.text) for passage in catalog.find(Passage, project.id)]
    assert found[0] == ("Returns", "Goods may be returned within thirty days.")
    assert found[1] == ("Shipping", "We ship to Germany and France.")
    assert found[2] == ("退货", "三十天内可以退货，运费由我们承担。\nCountry | Days\nGermany | 2")
    assert found[3] == ("Returns", "Goods may be returned within thirty days of purchase.")
    assert found[4][0] == "Shipping"
    assert "Germany | 2" in found[4][1]


def test_tables_and_mails(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    add_file(catalog, project, write(tmp_path / "a.csv", "name,city\nAnn,Bonn\nBob,Köln\n".encode("utf-16")))
    add_file(catalog, project, files.eml(tmp_path / "b.eml"))
    assert "name | city\nAnn | Bonn\nBob | Köln" in texts(catalog, project)
    assert "12 Oak Street, Dallas" in texts(catalog, project)


def test_pdf_pages(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    document = add_file(catalog, project, files.pdf(tmp_path / "a.pdf", ["First page here", "", "Third page here"]))
    found = [(passage.page, passage.text) for passage in catalog.find(Passage, project.id)]
    assert found == [(1, "First page here"), (3, "Third page here")]
    assert document.note == "1 pages hold no text and were skipped."


@pytest.mark.parametrize(
    "case",
    [
        ("a.xyz", b"hello", "'a.xyz' is of a kind that cannot be read (.xyz)", "Readable: .txt"),
        ("a", b"hello", "(no suffix)", "Readable: .txt"),
        ("a.xlsx", b"PK", "cannot be read (.xlsx)", "Export it as .csv"),
        ("a.txt", b" \n\t ", "'a.txt' is empty", "text in it"),
        ("a.txt", b"\x00\x01\x02\x00" * 50, "'a.txt' could not be read: it is no text", "UTF-8"),
        ("a.docx", b"\xd0\xcf\x11\xe0locked", "no .docx file, or is locked", "without a password"),
        ("a.docx", b"PK\x03\x04broken zip", "'a.docx' could not be read", "again"),
        ("a.pdf", b"hello", "called a PDF but is none", "true suffix"),
        ("a.pdf", b"%PDF-1.4 and then nothing", "'a.pdf' could not be read: it is a broken PDF", "Export it again"),
        ("a.html", b"<html><body><script>x()</script></body></html>", "'a.html' holds no text", "text in it"),
    ],
)
def test_bad_files_are_told_and_leave_nothing(
    catalog: Catalog, project: Project, tmp_path: Path, case: tuple[str, bytes, str, str]
) -> None:
    name, content, problem, fix = case
    with pytest.raises(RetortError) as told:
        add_file(catalog, project, write(tmp_path / name, content))
    assert problem in told.value.problem
    assert fix in told.value.fix
    assert_nothing_is_left(catalog, project)


def test_scanned_and_locked_pdfs_are_told(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    with pytest.raises(RetortError, match=r"none of its 2 pages holds text \(scans\?\).*OCR"):
        add_file(catalog, project, files.pdf(tmp_path / "scan.pdf", ["", ""]))
    with pytest.raises(RetortError, match=r"locked by a password.*without the password"):
        add_file(catalog, project, files.pdf(tmp_path / "locked.pdf", ["secret"], locked=True))
    assert_nothing_is_left(catalog, project)


def test_missing_and_huge_files(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RetortError, match="There is no file"):
        add_file(catalog, project, tmp_path / "nowhere.txt")
    with pytest.raises(RetortError, match="There is no file"):
        add_file(catalog, project, tmp_path)
    monkeypatch.setattr(adding, "MAX_BYTES", 10)
    with pytest.raises(RetortError, match="Split it"):
        add_file(catalog, project, write(tmp_path / "a.txt", "x" * 11))


def test_a_slow_reader_is_killed_with_its_group(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child hangs and has a child of its own: both are gone, and so is the copy."""
    pid = tmp_path / "pid"
    write_pid = f"open({str(pid)!r}, 'w').write(str(child))"  # by the parent alone: two writers would mix their digits
    script = f"import os, time\nchild = os.fork()\nif child: {write_pid}\ntime.sleep(60)"
    replace_reader(monkeypatch, script)
    monkeypatch.setattr(adding, "read", partial(sandbox.read, timeout_s=1.5))
    started = time.monotonic()
    with pytest.raises(RetortError, match=r"'a.txt' took longer than"):
        add_file(catalog, project, write(tmp_path / "a.txt", "hello"))
    assert time.monotonic() - started < 10
    time.sleep(0.2)
    assert not _is_running(int(pid.read_text()))
    assert_nothing_is_left(catalog, project)


def test_the_reader_knows_no_secret(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    script = f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))"
    monkeypatch.setenv("RETORT_TEACHER_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    replace_reader(monkeypatch, script)
    with pytest.raises(RetortError, match=r"its reader ended with: no word"):
        add_file(catalog, project, write(tmp_path / "a.txt", "hello"))
    environment = seen.read_text()
    assert "sk-secret" not in environment
    assert "hush" not in environment
    assert "'DO_NOT_TRACK': '1'" in environment


def test_passages_are_bounded_and_lose_nothing() -> None:
    sentence = "This is sentence number {}. "
    long = "".join(sentence.format(number) for number in range(200))
    pieces = pack([Element(text="Head", is_heading=True), Element(text=long), Element(text="tail", page=2)])
    assert all(len(piece.text) <= 1200 for piece in pieces)
    assert {piece.heading for piece in pieces} == {"Head"}
    assert pieces[-1].text == "tail"
    assert " ".join(piece.text for piece in pieces[:-1]).split() == long.split()
    assert all(piece.text.endswith(".") for piece in pieces[:-1])
    assert list(split("字" * 2500, 1000)) == ["字" * 1000, "字" * 1000, "字" * 500]
    assert [piece.text for piece in pack([Element(text="Only", is_heading=True)])] == ["Only"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings_are_told(encoding: str) -> None:
    text = "收件人：李雷，电话 13800001111，地址：北京市海淀区中关村大街1号。"
    assert decode(text.encode(encoding)) == text


def test_latin_text_is_not_taken_for_chinese() -> None:
    text = "Größe und Straße: über den Dächern. " * 5
    assert decode(text.encode("latin-1")) == text


def replace_reader(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The same sandbox, with another program inside."""
    real_run: Callable[..., str] = sandbox._run
    monkeypatch.setattr(sandbox, "_run", lambda command, *rest: real_run([sys.executable, "-c", script], *rest))


def assert_nothing_is_left(catalog: Catalog, project: Project) -> None:
    assert catalog.find(Document, project.id) == []
    assert catalog.find(Passage, project.id) == []
    uploads = catalog.folder(project) / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
