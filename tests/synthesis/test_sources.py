"""What came from a document: capped while it is made, taken back exactly."""

import pytest

from tests.synthesis.endpoint import teaching
from tests.synthesis.scholar import KINDS, scholar
from tests.synthesis.tasks import work
from tests.synthesis.test_kinds import PAGES, with_task
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Care, Document, Passage, Project, Sample
from tools.synthesis.inputs import read_inputs
from tools.synthesis.job import run
from tools.synthesis.removing import remove


def test_a_document_gives_no_more_than_its_cap(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["answering"].model_copy(update={"language": ""}), PAGES)
    order = work(catalog, project, 12)
    order = type(order)(catalog, order.job.but(order=order.job.order.model_copy(update={"care": Care(per_document=5)})))
    with (
        teaching(monkeypatch, scholar("answering"), concurrency="1"),
        pytest.raises(RetortError, match="its 5 samples"),
    ):
        run(order)
    made = [one.document_id for one in catalog.find(Sample, project.id)]
    assert sorted(map(made.count, set(made))) == [5, 5]


def test_removing_a_document_removes_exactly_what_came_from_it(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["answering"].model_copy(update={"language": ""}), PAGES)
    with teaching(monkeypatch, scholar("answering")):
        run(work(catalog, project, 20))
    first, second = catalog.find(Document, project.id)
    others = [one for one in catalog.find(Sample, project.id) if one.document_id == second.id]
    edited = next(one for one in catalog.find(Sample, project.id) if one.document_id == first.id)
    catalog.save(edited.but(state="edited"))
    file = catalog.folder(project) / first.path
    file.parent.mkdir()
    file.write_bytes(b"x")
    gone = remove(catalog, project, first)
    assert gone == 20 - len(others) > 0
    assert not file.exists()
    assert catalog.find(Sample, project.id) == others
    assert catalog.find(Document, project.id) == [second]
    assert {one.document_id for one in catalog.find(Passage, project.id)} == {second.id}


def test_inputs_are_read_from_lines_tables_and_chats() -> None:
    assert read_inputs("one\ntwo\n".encode("utf-16"), "a.txt") == ["one", "two"]
    assert read_inputs(b'id,Text\n1,hello\n2,"a, b"\n', "a.csv") == ["hello", "a, b"]
    chat = b'{"messages": [{"role": "user", "content": "hi"}]}\n"plain"\n{"question": "why"}\n'
    assert read_inputs(chat, "a.jsonl") == ["hi", "plain", "why"]
    for data, name, told in (
        (b"a,b\n1,2\n", "a.csv", "No column of a.csv"),
        (b"{}\n", "a.jsonl", "Line 1 of a.jsonl holds no input"),
        (b"\xff\xff", "a.txt", "is not UTF-8"),
        (b"x", "a.pdf", "not read from files like"),
    ):
        with pytest.raises(RetortError, match=told):
            read_inputs(data, name)
