"""Approve, edit, reject: what each state allows, and what an edit must satisfy."""

import pytest

from tests.dataset.rows import sample
from tools.catalog import Catalog
from tools.dataset.reviewing import approve, edit, reject, undo
from tools.errors import NotFound, RetortError
from tools.records import Example, Project, Sample, Task, new_id

ANSWER = '{"name": "Ann", "phone": null, "address": null, "email": null}'
BETTER = '{"name": "Ann Lee", "phone": null, "address": null, "email": null}'


@pytest.fixture
def draft(catalog: Catalog, project: Project) -> Sample:
    return catalog.add(sample(project, "I am Ann Lee", ANSWER, state="draft"))


def stored(catalog: Catalog, record: Sample) -> Sample:
    return catalog.get(Sample, record.id)


def test_approve_and_reject_and_back(catalog: Catalog, project: Project, draft: Sample) -> None:
    [approved] = approve(catalog, project, [draft.id])
    assert approved.state == "approved"
    reject(catalog, project, [draft.id], " wrong name ")
    assert (stored(catalog, draft).state, stored(catalog, draft).reason) == ("rejected", "wrong name")
    approve(catalog, project, [draft.id, draft.id])
    assert (stored(catalog, draft).state, stored(catalog, draft).reason) == ("approved", "")


def test_edit_keeps_the_rest_and_says_what_changed(catalog: Catalog, project: Project, draft: Sample) -> None:
    edited = edit(catalog, project, draft.id, answer=BETTER.replace(", ", ",\n  "))
    assert edited == stored(catalog, draft)
    assert edited == draft.but(
        state="edited",
        reason="changed: answer",
        messages=(draft.messages[0], edited.messages[1]),
        looked_at=edited.looked_at,
        was=Example(input="I am Ann Lee", output=ANSWER),
    )
    assert edited.looked_at
    assert edited.answer == BETTER  # one spelling
    assert approve(catalog, project, [draft.id])[0].state == "edited"
    assert edit(catalog, project, draft.id, question="Ann Lee here", reason="shorter").reason == "shorter"


@pytest.mark.parametrize(
    "answer",
    [
        "Ann Lee",
        '{"name": "Ann"}',
        ANSWER.replace("Ann", "Bob"),  # not in the input
        '{"name": "Bob", ' + ANSWER[1:],  # a key twice, the last one right
        "",
    ],
)
def test_an_edit_that_breaks_the_task_is_refused(
    catalog: Catalog, project: Project, draft: Sample, answer: str
) -> None:
    with pytest.raises(RetortError, match="cannot be kept"):
        edit(catalog, project, draft.id, answer=answer)
    assert stored(catalog, draft) == draft


def test_an_edit_to_an_unknown_label_is_refused(catalog: Catalog, project: Project) -> None:
    labels = project.but(task=Task(kind="classification", input_description="x", labels=("yes", "no"), language="en"))
    known = catalog.add(sample(project, "really?", "yes"))
    with pytest.raises(RetortError, match="maybe"):
        edit(catalog, labels, known.id, answer="maybe")
    assert edit(catalog, labels, known.id, answer="no").answer == "no"


def test_an_edit_that_changes_nothing_says_so(catalog: Catalog, project: Project, draft: Sample) -> None:
    for change in ({}, {"answer": ANSWER}, {"question": draft.question}):
        with pytest.raises(RetortError, match="changes nothing"):
            edit(catalog, project, draft.id, **change)


def test_unknown_ids_change_nothing(catalog: Catalog, project: Project, draft: Sample) -> None:
    other = catalog.add(project.but(id=new_id("project"), slug="other"))
    foreign = catalog.add(sample(other, "x", "y", state="draft"))
    for unknown in ("sample-none", foreign.id):
        with pytest.raises(NotFound) as caught:
            approve(catalog, project, [draft.id, unknown])
        assert caught.value.problem == f"There is no sample '{unknown}'."
        with pytest.raises(NotFound):
            reject(catalog, project, [draft.id, unknown], "bad")
        with pytest.raises(NotFound):
            edit(catalog, project, unknown, answer="z")
    assert stored(catalog, draft) == draft
    assert stored(catalog, foreign) == foreign


def test_reject_wants_a_reason_and_verbs_want_ids(catalog: Catalog, project: Project, draft: Sample) -> None:
    with pytest.raises(RetortError, match="reason"):
        reject(catalog, project, [draft.id], " ")
    with pytest.raises(RetortError, match="No sample"):
        approve(catalog, project, [])


def test_undo_goes_back_act_by_act_to_the_very_record(catalog: Catalog, project: Project, draft: Sample) -> None:
    other = catalog.add(sample(project, "I am Bob", ANSWER.replace("Ann", "Bob"), state="draft"))
    steps = [(stored(catalog, draft), stored(catalog, other))]
    approve(catalog, project, [draft.id, other.id])
    steps.append((stored(catalog, draft), stored(catalog, other)))
    edit(catalog, project, draft.id, answer=BETTER)
    assert stored(catalog, draft).was == Example(input="I am Ann Lee", output=ANSWER)
    steps.append((stored(catalog, draft), stored(catalog, other)))
    reject(catalog, project, [draft.id], "no")
    for verb, (first, second) in zip(("reject", "edit", "approve"), reversed(steps), strict=True):
        assert undo(catalog, project).verb == verb
        assert (stored(catalog, draft), stored(catalog, other)) == (first, second)
    with pytest.raises(RetortError, match="nothing to undo"):
        undo(catalog, project)


def test_undo_leaves_out_what_is_gone(catalog: Catalog, project: Project, draft: Sample) -> None:
    reject(catalog, project, [draft.id], "no")
    catalog.delete(draft)
    assert undo(catalog, project).samples == ()
