"""Documents in the chat: files are read, looked at and recognised by the words a person uses."""

import shutil
from pathlib import Path

import pytest

from agent import uploads
from agent.events import job_ended
from agent.guide.proposing import propose
from agent.phrase import Said, parse
from agent.session import Session
from agent.status import status
from tests.agent.conftest import Bench
from tests.documents import files
from tests.documents.intake import add_file
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Answer, Document, Passage, Project, new_id
from ui.show.cards import Cards

HANDBOOK = "# Returns\n\nGoods may be returned.\n\n# Shipping\n\nParcels <script>x()</script> leave every day.\n"


@pytest.fixture
def bench(catalog: Catalog, project: Project) -> Bench:
    return Bench(catalog, project)


def give(catalog: Catalog, project: Project, folder: Path, texts: dict[str, str]) -> list[str]:
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [one.id for one in uploads.keep(catalog, project, [folder / name for name in texts])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("show documents", Said(verb="show_documents")),
        ("查看文档", Said(verb="show_documents")),
        ("preview my handbook.pdf", Said(verb="show_document", arguments={"document": "my handbook.pdf"})),
        ("show page 3 of a.pdf", Said(verb="show_document", arguments={"document": "a.pdf", "page": 3})),
        ("预览 a.pdf 第 3 页", Said(verb="show_document", arguments={"document": "a.pdf", "page": 3})),
        ("OCR them, please", Said(verb="ocr")),
        ("ocr scan.pdf", Said(verb="ocr", arguments={"documents": ["scan.pdf"]})),
        ("文字识别", Said(verb="ocr")),
        ("show me how it works", None),
    ],
)
def test_words(text: str, said: Said | None) -> None:
    assert parse(text) == said


def test_a_file_is_read_shown_and_looked_at(bench: Bench, catalog: Catalog, project: Project, tmp_path: Path) -> None:
    given = give(catalog, project, tmp_path, {"a.md": HANDBOOK})
    outcome = bench.call("add_files", {"files": given})
    assert outcome.text == "Read a.md: 2 passages."
    html = Cards(catalog).draw(project, outcome.show[0])
    assert "2 passages, about 18 tokens" in html
    shown = bench.call("show_document", {"document": "A.md", "first": 2})
    assert shown.text == "a.md, starting at number 2: showing 1 of 2 passages."
    html = Cards(catalog).draw(project, shown.show[0])
    assert "Shipping" in html
    assert "&lt;script&gt;" in html
    assert "letters 47 to 92 of its text" in html
    assert bench.call("add_files", {"files": given}).text == "a.md was already here and unchanged."
    with pytest.raises(RetortError, match="has no passage on page 4"):
        bench.call("show_document", {"page": 4})


def test_only_scans_lead_to_ocr_first(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    session.say("", files=[files.pdf(tmp_path / "a.pdf", ["", ""])])
    for _ in ("examples", "real messages"):
        session.say("skip")
    assert "2 scanned pages. Say `ocr`" in session.transcript()[-1].text
    assert propose(status(catalog, session.project), "en").means == Said(verb="ocr")
    session.say("", files=[files.pdf(tmp_path / "b.pdf", ["Here is text."])])
    assert "`draft 5 samples`" in session.transcript()[-1].text


def test_answers_set_aside_can_be_looked_at(bench: Bench, catalog: Catalog, project: Project) -> None:
    with pytest.raises(RetortError, match="None of the teacher's answers has been set aside"):
        bench.call("show_answers", {})
    own = {"owner": project.owner, "project_id": project.id, "source": "teacher:big"}
    for number, state in enumerate(("usable", "malformed", "refused", "refused")):
        told = {"id": new_id("answer"), "number": number, "state": state, "problem": "no JSON", "text": '{"a":\n 1'}
        catalog.add(Answer.model_validate({**own, **told}))
    shown = bench.call("show_answers", {})
    assert shown.text == "Answers set aside: 2 refused, 1 malformed. These are the newest:"
    assert shown.show[0].ids[0] == 'malformed: no JSON It begins: {"a": 1'


def test_many_files_are_a_job_that_tells_what_was_not_read(
    bench: Bench, catalog: Catalog, project: Project, tmp_path: Path
) -> None:
    texts = {f"{number}.txt": f"This is file {number}." for number in range(6)} | {"x.zip": "x"}
    outcome = bench.call("add_files", {"files": give(catalog, project, tmp_path, texts)})
    assert "reading 7 files" in outcome.text
    job = jobs.wait(catalog, jobs.active(catalog, project.id)[0], timeout_s=60)
    assert (job.state, job.progress.done) == ("done", 7)
    assert job.result.splitlines()[:2] == ["Read 6 files: 6 passages.", "Not read:"]
    assert job.result.splitlines()[2].startswith("- Files like 'x.zip' cannot be read (.zip). Unpack it")
    assert len(job_ended(bench.here, job).show[0].ids) == 6


@pytest.mark.skipif(not shutil.which("tesseract"), reason="Debian's tesseract-ocr is not installed")
def test_scans_are_read_when_asked(bench: Bench, catalog: Catalog, project: Project, tmp_path: Path) -> None:
    with pytest.raises(RetortError, match="None of these documents has scanned pages"):
        bench.settle("ocr", {})
    document = add_file(catalog, project, files.scan(tmp_path / "scan.png", "The parcel leaves on Monday."))
    assert bench.settle("ocr", {}).json == {"documents": [document.id]}
    bench.call("ocr", {"documents": ["scan.png"]})
    job = jobs.wait(catalog, jobs.active(catalog, project.id)[0], timeout_s=60)
    assert job.result.startswith("Read scan.png: 1 page, 1 passage")
    assert [one.text for one in catalog.find(Passage, project.id)] == ["The parcel leaves on Monday."]
    assert [one.state for one in catalog.find(Document, project.id)] == ["replaced", "current"]
