"""What is served must answer as what was scored; a server that silently ignores the adapter is found out."""

from collections.abc import Mapping

from pydantic import Field

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.evaluation.answers import read_answers
from tools.evaluation.score.objects import objects_equal, parse_object
from tools.records import Dataset, Deployment, Evaluation, Project, Value

# bf16 sums in another order turn a near-tie of two tokens now and then; more than this is another model.
AGREEMENT = 0.98
SAME_AS_BASE = 0.9  # of the rows on which base and checkpoint differ
ROWS_TO_TELL = 3  # fewer such rows cannot tell an ignored adapter from near-ties


class Parity(Value):
    """Served answers against those that were scored, row by row."""

    rows: int = Field(ge=0, description="Rows that both answered.")
    same_object: int = Field(ge=0, description="Rows with the same JSON object, or the same text where it is none.")
    same_text: int = Field(ge=0, description="Rows with the same text.")
    adapter_ignored: bool = Field(False, description="The server answers as the base model does.")
    passed: bool = Field(description="At least 98 % of the rows agree and the adapter is not ignored.")
    sentence: str

    @property
    def share(self) -> float:
        return self.same_object / self.rows if self.rows else 0.0


def parity(
    catalog: Catalog, project: Project, deployment: Deployment, reference: Evaluation, served: Evaluation
) -> Parity:
    """Compare the deployment's answers with its checkpoint's. Raises RetortError for evaluations that do not belong
    together: of other rows, of another checkpoint, or without a common row."""
    _check(deployment, reference, served)
    folder = catalog.folder(project)
    scored, answered = read_answers(folder / reference.answers), read_answers(folder / served.answers)
    common = scored.keys() & answered.keys()
    if not common:
        raise RetortError(f"{deployment.id} and {reference.label} have no rows in common.", "Evaluate both again.")
    same_object, same_text = _agreement(scored, answered)
    base = _base_answers(catalog, project, reference)
    ignored = base is not None and _as_base(scored, answered, base)
    passed = same_object / len(common) >= AGREEMENT and not ignored
    return Parity(
        rows=len(common),
        same_object=same_object,
        same_text=same_text,
        adapter_ignored=ignored,
        passed=passed,
        sentence=_sentence(
            _version(catalog, reference),
            reference.label,
            rows=len(common),
            same=same_object,
            ignored=ignored,
            passed=passed,
        ),
    )


def _check(deployment: Deployment, reference: Evaluation, served: Evaluation) -> None:
    if served.candidate != deployment.id:
        raise RetortError(f"{served.id} is not an evaluation of {deployment.id}.", "Evaluate the deployment itself.")
    if (reference.dataset_id, reference.split) != (served.dataset_id, served.split):
        raise RetortError(
            f"{reference.id} and {served.id} cover different rows.", "Evaluate both on the same dataset and split."
        )
    if reference.candidate != (deployment.checkpoint_id or "base"):
        raise RetortError(
            f"{deployment.id} serves {deployment.checkpoint_id or 'the base'}, but {reference.id} scored "
            f"{reference.candidate}.",
            "Compare with the evaluation of the checkpoint that is served.",
        )


def _agreement(a: Mapping[str, str], b: Mapping[str, str]) -> tuple[int, int]:
    """Rows with the same object (or text, where there is no object) and rows with the same text."""
    common = a.keys() & b.keys()
    same_text = {row for row in common if a[row].strip() == b[row].strip()}
    same_object = {row for row in common if objects_equal(parse_object(a[row]), parse_object(b[row]))}
    return len(same_object | same_text), len(same_text)


def _base_answers(catalog: Catalog, project: Project, reference: Evaluation) -> dict[str, str] | None:
    """What the base said to the same rows; None when it was not asked, or is itself what is served."""
    if reference.candidate == "base":
        return None
    rows = (reference.dataset_id, reference.split, reference.student)
    for one in reversed(catalog.find(Evaluation, project.id)):
        if one.candidate == "base" and (one.dataset_id, one.split, one.student) == rows:
            return read_answers(catalog.folder(project) / one.answers)
    return None


def _as_base(scored: Mapping[str, str], answered: Mapping[str, str], base: Mapping[str, str]) -> bool:
    """Whether the server says what the base says on rows where the checkpoint says something else."""
    changed = [
        row
        for row in scored.keys() & answered.keys() & base.keys()
        if not _agreement({row: scored[row]}, {row: base[row]})[0]
    ]
    told = sum(_agreement({row: answered[row]}, {row: base[row]})[0] for row in changed)
    return len(changed) >= ROWS_TO_TELL and told / len(changed) >= SAME_AS_BASE


def _version(catalog: Catalog, reference: Evaluation) -> str:
    return f"{reference.split} rows of dataset v{catalog.get(Dataset, reference.dataset_id).version}"


def _sentence(what: str, label: str, *, rows: int, same: int, ignored: bool, passed: bool) -> str:
    if ignored:
        return (
            f"The server ignores the adapter: it answers as the base does, not as {label} "
            f"(same answer on {same} of {rows} {what}). Do not use it; deploy {label} merged."
        )
    told = f"On {same} of {rows} {what} the served student gives the same answer as {label} did when it was scored"
    verdict = (
        "so the score holds for what is served" if passed else f"which is fewer than {AGREEMENT:.0%}".replace("%", " %")
    )
    return f"{told} ({same / rows:.1%}), {verdict}.".replace("%)", " %)")
