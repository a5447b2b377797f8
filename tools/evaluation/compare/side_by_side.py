"""Row by row: what was asked, what is right, what each candidate said; and filters that find the rows that matter."""

from collections.abc import Sequence

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.splits import Row
from tools.evaluation.answers import read_answers
from tools.evaluation.compare.comparison import need_one_split, read_rows
from tools.evaluation.score.metrics import is_exact
from tools.evaluation.score.objects import parse_object, same_value
from tools.records import Document, Evaluation, Project, Sample, Task, TaskField, Value


class SideBySide(Value):
    """One row of the split."""

    row_id: str
    question: str
    reference: str
    document: str = Field("", description="Name of the document that the row was drawn from.")
    answers: dict[str, str] = Field(description="Answer by the candidate's label.")
    right: dict[str, bool] = Field(description="Whether that answer is exact, by label.")
    fields: tuple[TaskField, ...] = Field((), description="Those of the task, by whose forms values are compared.")

    def wrong_fields(self, label: str) -> list[str]:
        """Fields of the reference that this candidate's answer has not, has otherwise, or not in their form."""
        wanted, told = parse_object(self.reference) or {}, parse_object(self.answers[label]) or {}
        known = {field.name: field for field in self.fields}
        return [
            name
            for name, value in wanted.items()
            if not same_value(known.get(name), value, told.get(name), in_form=True)
        ]


class Filter(Value):
    """Which rows to keep; what is empty keeps all."""

    differ: bool = Field(False, description="Some candidates are right and others wrong.")
    right: str = Field("", description="Label of a candidate that is right.")
    wrong: str = Field("", description="Label of a candidate that is wrong.")
    field: str = Field("", description="A field that some candidate has wrong (the `wrong` one, when it is named).")
    label: str = Field("", description="The right answer, or the value of one of its fields.")
    document: str = Field("", description="Name of the source document.")

    def keeps(self, row: SideBySide) -> bool:
        if self.differ and len(set(row.right.values())) < 2:
            return False
        if self.right and not row.right[self.right]:
            return False
        if self.wrong and row.right[self.wrong]:
            return False
        looked_at = [self.wrong] if self.wrong else list(row.answers)
        if self.field and not any(self.field in row.wrong_fields(one) for one in looked_at):
            return False
        return self._labelled(row) and self.document in ("", row.document)

    def _labelled(self, row: SideBySide) -> bool:
        if not self.label:
            return True
        values = (parse_object(row.reference) or {}).values()
        return row.reference.strip() == self.label or any(value == self.label for value in values)


def side_by_side(
    catalog: Catalog, project: Project, evaluations: Sequence[Evaluation], chosen: Filter | None = None
) -> list[SideBySide]:
    """The rows that the filter keeps, with all answers. Raises RetortError when the evaluations are of other rows."""
    need_one_split(evaluations)
    answers = {one.id: read_answers(catalog.folder(project) / one.answers) for one in evaluations}
    names, documents = unique_labels(evaluations), _documents(catalog, project)
    found = []
    for row in read_rows(catalog, evaluations[0]):
        said = {names[one.id]: answers[one.id].get(row.id, "") for one in evaluations}
        right = {name: is_exact(project.task, row.answer, text) for name, text in said.items()}
        found.append(_row(project.task, row, documents.get(row.id, ""), said, right))
    return [row for row in found if chosen is None or chosen.keeps(row)]


def unique_labels(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Evaluation id -> label, told apart by the candidate's id where two labels are the same."""
    labels = [one.label for one in evaluations]
    return {
        one.id: one.label if labels.count(one.label) == 1 else f"{one.label} ({one.candidate}, {one.id})"
        for one in evaluations
    }


def _row(task: Task, row: Row, document: str, said: dict[str, str], right: dict[str, bool]) -> SideBySide:
    return SideBySide(
        row_id=row.id,
        question=row.question,
        reference=row.answer,
        document=document,
        answers=said,
        right=right,
        fields=task.fields,
    )


def _documents(catalog: Catalog, project: Project) -> dict[str, str]:
    """Name of the source document by sample id; samples of no document are left out."""
    names = {one.id: one.name for one in catalog.find(Document, project.id)}
    if not names:
        return {}
    return {one.id: names[one.document_id] for one in catalog.find(Sample, project.id) if one.document_id in names}
