"""What came from a document: capped while it is made, taken back exactly."""

import pytest

from tests.synthesis.endpoint import teaching
from tests.synthesis.scholar import KINDS, scholar
from tests.synthesis.tasks import work
from tests.synthesis.test_kinds import PAGES, with_task
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Care, Document, Job, Passage, Project, Sample
from tools.synthesis.job import run
from tools.synthesis.removing import remove
from tools.synthesis.request.inputs import read_inputs
from tools.synthesis.request.sources import Sources


@pytest.mark.parametrize("cap", [3, 5, 7])
def test_a_document_gives_no_more_than_its_cap(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch, cap: int
) -> None:
    project = with_task(catalog, project, KINDS["answering"].model_copy(update={"language": ""}), PAGES)
    order = work(catalog, project, 20)
    care = Care(per_document=cap)
    order = type(order)(catalog, order.job.but(order=order.job.order.model_copy(update={"care": care})))
    with (
        teaching(monkeypatch, scholar("answering"), concurrency="1"),
        pytest.raises(RetortError, match=f"its limit of {cap} samples"),
    ):
        run(order)
    made = [one.document_id for one in catalog.find(Sample, project.id)]
    assert sorted(map(made.count, set(made))) == [cap, cap]


def test_the_next_passage_is_one_that_has_given_least_also_in_a_later_job() -> None:
    owned = {"owner": "o", "project_id": "p"}
    document = Document(id="d", name="d.txt", path="", sha256="", size_bytes=1, **owned)
    passages = [Passage(id=f"p{at}", document_id="d", position=at, text="x", **owned) for at in range(4)]
    sources = Sources([document], passages, made={"p0": 5, "p1": 5}, cap=17)
    given = [sources.next(3) for _ in range(2)]
    assert [(passage and passage.id, count) for passage, count in given] == [("p2", 3), ("p3", 3)]
    with pytest.raises(RetortError, match="its limit of 17 samples"):
        [sources.next(3) for _ in range(3)]
    sources.missed(passages[3], 2)
    assert sources.next(3)[1] == 2


def test_removing_a_document_removes_exactly_what_came_from_it(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["answering"].model_copy(update={"language": ""}), PAGES)
    order = work(catalog, project, 20)
    with teaching(monkeypatch, scholar("answering")):
        run(order)
    first, second = catalog.find(Document, project.id)
    others = [one for one in catalog.find(Sample, project.id) if one.document_id == second.id]
    edited = next(one for one in catalog.find(Sample, project.id) if one.document_id == first.id)
    catalog.save(edited.but(state="edited"))
    file = catalog.folder(project) / first.path
    file.parent.mkdir()
    file.write_bytes(b"x")
    with pytest.raises(RetortError, match="is still running"):  # it could still make something of the document
        remove(catalog, project, first)
    catalog.change(Job, order.job.id, state="done")
    gone = remove(catalog, project, first)
    assert gone == 20 - len(others) > 0
    assert not file.exists()
    assert catalog.find(Sample, project.id) == others
    assert catalog.find(Document, project.id) == [second]
    assert {one.document_id for one in catalog.find(Passage, project.id)} == {second.id}


def test_inputs_are_read_from_lines_tables_and_chats() -> None:
    assert read_inputs("one\ntwo\n".encode("utf-16"), "a.txt") == ["one", "two"]
    assert read_inputs(b'id,Text\n1,hello\n2,"a, b"\n', "a.csv") == ["hello", "a, b"]
    assert read_inputs(b"id;text\n1;hello, you\n2;good bye\n", "a.csv") == ["hello, you", "good bye"]
    assert read_inputs("输入\n我的卡丢了怎么办\n余额是多少\n".encode("gb18030"), "a.csv") == [
        "我的卡丢了怎么办",
        "余额是多少",
    ]
    assert read_inputs(b"text\n" + b"x" * 200_000, "a.csv") == ["x" * 200_000]
    chat = b'{"messages": [{"role": "user", "content": "hi"}]}\n"plain"\n{"question": "why"}\n'
    assert read_inputs(chat, "a.jsonl") == ["hi", "plain", "why"]
    for data, name, told in (
        (b"a,b\n1,2\n", "a.csv", "None of the columns of a.csv"),
        (b"{}\n", "a.jsonl", "Line 1 of a.jsonl contains no input"),
        (b"\x00\xff\xff\x00\x01", "a.txt", "is not text"),
        (b"text\nhello,world\n", "a.csv", "Row 2 of a.csv has 2 cells under 1 headings"),
        (b"x", "a.pdf", "cannot be read from files like"),
    ):
        with pytest.raises(RetortError, match=told):
            read_inputs(data, name)
