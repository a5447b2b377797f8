"""Files become documents with passages; bad files become one sentence and leave nothing; versions take turns."""

import shutil
from pathlib import Path

import pytest

from tests.documents import files
from tests.documents.intake import add_file, text_of
from tools.catalog import Catalog
from tools.documents import adding, ocr
from tools.documents.adding import Given, add_files, recognise
from tools.documents.passages import current_passages
from tools.errors import RetortError
from tools.records import Document, Passage, Project
from tools.synthesis.removing import remove_document

HANDBOOK = (
    "# Returns\n\nGoods may be returned within a month.\n\nAsk us first.\n\n# Shipping\n\nParcels leave every day.\n"
)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_is_kept_under_our_name_with_its_text_and_known_again(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    source = write(tmp_path / "notes.md", HANDBOOK)
    document = add_file(catalog, project, source, name="../../my notes.md")
    assert document.name == "my notes.md"
    kept = catalog.folder(project) / document.path
    assert kept.read_bytes() == source.read_bytes()
    assert kept.name == f"{document.id}.md"
    passages = catalog.find(Passage, project.id)
    assert [(one.heading, one.text) for one in passages] == [
        ("Returns", "Goods may be returned within a month.\n\nAsk us first."),
        ("Shipping", "Parcels leave every day."),
    ]
    text = text_of(catalog, project, document)
    assert all(text[one.start : one.end] == one.text for one in passages)
    assert (document.passages, document.tokens) == (2, sum(one.tokens for one in passages))
    assert document.token_count.startswith("about 4 letters")
    assert add_file(catalog, project, source) == document
    assert len(catalog.find(Document, project.id)) == 1


def test_passages_are_sized_by_the_students_tokenizer(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    student = tmp_path / "student"
    student.mkdir()
    tokenizer.save(str(student / "tokenizer.json"))
    document = add_file(catalog, project, write(tmp_path / "a.txt", "Ask us first."), student=student)
    assert (document.tokens, document.token_count) == (3, "student")


def test_several_files_at_once_tell_what_failed_and_what_was_known(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    good = write(tmp_path / "a.txt", "Ask us first.")
    given = [good, write(tmp_path / "b.xyz", "x"), files.pdf(tmp_path / "c.pdf", ["A page", "Another"]), good]
    steps: list[tuple[int, str]] = []

    def report(done: int, name: str) -> bool:
        steps.append((done, name))
        return True

    added = add_files(catalog, project, [Given(path=path, name=path.name) for path in given], report=report)
    assert [(one.name, one.pages) for one in added.documents] == [("a.txt", 0), ("c.pdf", 2)]
    assert added.known == ("a.txt",)
    assert [problem for problem, _ in added.problems] == ["Files like 'b.xyz' cannot be read (.xyz)."]
    assert steps == [(1, "a.txt"), (2, "b.xyz"), (3, "c.pdf"), (4, "a.txt")]
    stopped = add_files(catalog, project, [Given(path=good, name="d.txt")] * 9, report=lambda done, _name: done < 2)
    assert stopped.known == ("d.txt", "d.txt")


def test_a_changed_file_takes_the_place_of_the_old_one_and_says_what_changed(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    old = add_file(catalog, project, write(tmp_path / "a.md", HANDBOOK))
    changed = HANDBOOK.replace("a month", "two weeks") + "\nIslands take longer.\n"
    new = add_file(catalog, project, write(tmp_path / "a.md", changed))
    assert new.replaces == old.id
    assert new.note == (
        "Changed since you last added it: 2 paragraphs are new (“Goods may be returned within two weeks.”), "
        "1 paragraph is gone (“Goods may be returned within a month.”), 4 as before."
    )
    assert catalog.get(Document, old.id).state == "replaced"
    assert {one.document_id for one in current_passages(catalog, project)} == {new.id}
    other = add_file(catalog, project, write(tmp_path / "elsewhere" / "a.md", "Nothing in common with it."))
    told = "Another a.md is here already: this one is called a (2).md."
    assert (other.replaces, other.name, other.note) == ("", "a (2).md", told)
    assert catalog.get(Document, new.id).state == "current"
    back = add_file(catalog, project, write(tmp_path / "a.md", HANDBOOK))  # the old content is news again
    assert (back.replaces, catalog.get(Document, new.id).state) == (new.id, "replaced")


def test_removing_a_document_removes_its_versions_passages_and_bytes(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    kept = add_file(catalog, project, write(tmp_path / "kept.txt", "This one stays."))
    old = add_file(catalog, project, write(tmp_path / "a.md", HANDBOOK))
    new = add_file(catalog, project, write(tmp_path / "a.md", HANDBOOK.replace("a month", "a week")))
    assert remove_document(catalog, project, new) == [new.id, old.id]
    assert catalog.find(Document, project.id) == [kept]
    assert {one.document_id for one in catalog.find(Passage, project.id)} == {kept.id}
    left = {path.name for path in (catalog.folder(project) / "uploads").iterdir()}
    assert left == {f"{kept.id}.txt", f"{kept.id}.text.md"}


@pytest.mark.skipif(not shutil.which("tesseract"), reason="Debian's tesseract-ocr is not installed")
def test_scans_are_kept_and_read_when_the_user_wants(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    document = add_file(catalog, project, files.scan(tmp_path / "scan.pdf", "The parcel leaves on Monday."))
    assert (document.passages, document.scans) == (0, (1,))
    assert document.note.startswith("It is a scan. Say 'ocr' to read it (about ")
    found = recognise(catalog, project, document)
    assert (found.replaces, found.scans, found.note[:34]) == (document.id, (), "The text was read by OCR, which is")
    assert [one.text for one in current_passages(catalog, project)] == ["The parcel leaves on Monday."]
    with pytest.raises(RetortError, match="has no scanned pages"):
        recognise(catalog, project, found)


def test_without_tesseract_a_scan_names_the_fix(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: False)
    document = add_file(catalog, project, files.pdf(tmp_path / "a.pdf", ["Text", "", "", "", "Text", ""]))
    assert [(one.page, one.last_page) for one in catalog.find(Passage, project.id)] == [(1, 5)]
    assert document.note == (
        "Pages 2 to 4, 6 are scans without text. OCR needs the program tesseract, which is not installed. "
        "Install it: `apt install tesseract-ocr tesseract-ocr-chi-sim`; then say 'ocr'."
    )
    with pytest.raises(RetortError, match="apt install tesseract-ocr"):
        recognise(catalog, project, document)


@pytest.mark.parametrize(
    "case",
    [
        ("a.xyz", b"hello", "Files like 'a.xyz' cannot be read (.xyz)", "These kinds can be read: .txt"),
        ("a", b"hello", "(no suffix)", "can be read: .txt"),
        ("a.zip", b"PK", "cannot be read (.zip)", "Unpack it"),
        ("a.txt", b" \n\t ", "'a.txt' is empty", "text in it"),
        (
            "a.txt",
            b"\x00\x01\x02\x00" * 50,
            "its text encoding cannot be recognised",
            "UTF-8",
        ),
        ("a.docx", b"\xd0\xcf\x11\xe0locked", "'a.docx' is locked with a password", "without a password"),
        ("a.docx", b"hello", "'a.docx' is not a .docx file", "again"),
        ("a.docx", b"PK\x03\x04broken zip", "'a.docx' could not be read: it is broken", "again"),
        ("a.pdf", b"hello", "named as a PDF but is not one", "true suffix"),
        ("a.pdf", b"%PDF-1.4 and then nothing", "'a.pdf' could not be read: it is a broken PDF", "Export it again"),
        ("a.html", b"<html><body><script>x()</script></body></html>", "'a.html' contains no text", "text in it"),
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


def test_a_doc_file_without_libreoffice_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.documents.reader import read

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    found = read(write(tmp_path / "a.doc", b"\xd0\xcf\x11\xe0"), "doc")
    assert "LibreOffice, which is not installed" in found.problem
    assert "apt install libreoffice-writer-nogui" in found.fix


def test_missing_locked_and_huge_files(
    catalog: Catalog, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "nowhere.txt", tmp_path):
        with pytest.raises(RetortError, match="There is no file"):
            add_file(catalog, project, path)
    with pytest.raises(RetortError, match=r"locked with a password.*without the password"):
        add_file(catalog, project, files.pdf(tmp_path / "locked.pdf", ["secret"], locked=True))
    monkeypatch.setattr(adding, "MAX_BYTES", 10)
    with pytest.raises(RetortError, match="Split it"):
        add_file(catalog, project, write(tmp_path / "a.txt", "x" * 11))
    assert_nothing_is_left(catalog, project)


def assert_nothing_is_left(catalog: Catalog, project: Project) -> None:
    assert catalog.find(Document, project.id) == []
    assert catalog.find(Passage, project.id) == []
    uploads = catalog.folder(project) / "uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []


LICENCE = "Everybody may copy this text, for whatever end, and change it too."


def test_files_of_one_name_in_one_drop_are_different_documents(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    """Four folders of a guideline have a README each, which share their licence and little else."""
    texts = [
        f"# Part {number}\n\n{LICENCE}\n\nIt tells of {topic}.\n" for number, topic in enumerate(("quays", "tides"))
    ]
    given = [Given(path=write(tmp_path / f"{n}.md", text), name="README.md") for n, text in enumerate(texts)]
    added = add_files(catalog, project, [*given, given[0]])
    assert sorted(one.name for one in added.documents) == ["README (2).md", "README.md"]
    assert all(one.state == "current" and not one.replaces for one in catalog.find(Document, project.id))
    numbered = next(one for one in added.documents if one.name != "README.md")
    assert numbered.note == "Another README.md is here already: this one is called README (2).md."
    later = write(tmp_path / "x.md", catalog_text(catalog, project, numbered) + "\n\nAnd of one thing more.\n")
    again = add_files(catalog, project, [Given(path=later, name="README (1).md")]).documents[0]
    assert (again.replaces, again.name) == (numbered.id, numbered.name)


def catalog_text(catalog: Catalog, project: Project, document: Document) -> str:
    return (catalog.folder(project) / document.path).read_text()


def test_a_job_that_goes_on_takes_its_own_files_for_no_versions(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    first, second = (write(tmp_path / f"{n}.md", f"{HANDBOOK}\nPart {n}.\n") for n in (1, 2))
    add_files(catalog, project, [Given(path=first, name="cover.md")], job_id="job-1")
    resumed = add_files(catalog, project, [Given(path=second, name="cover.md")], job_id="job-1").documents[0]
    assert (resumed.name, resumed.replaces) == ("cover (2).md", "")


def test_what_shares_less_than_half_of_its_text_only_shares_a_name(
    catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    add_file(catalog, project, write(tmp_path / "README.md", f"# About\n\n{LICENCE}\n\n{'Quays are long. ' * 9}\n"))
    other = add_file(
        catalog, project, write(tmp_path / "README.md", f"# About\n\n{LICENCE}\n\n{'Tides are low. ' * 9}\n")
    )
    assert (other.name, other.replaces) == ("README (2).md", "")
