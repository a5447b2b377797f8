"""From a cluster of failures to a request for targeted samples: drawn from train alone, never from dev or test rows."""

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_train
from tools.errors import RetortError
from tools.evaluation.compare.failures import Cluster, failures, need_dev
from tools.evaluation.compare.side_by_side import side_by_side
from tools.evaluation.score.objects import parse_object
from tools.records import Aim, Dataset, Evaluation, Project
from tools.text.plain import plain

EXAMPLES = 8  # train samples that the teacher is shown one of with each request


def aim_at(catalog: Catalog, project: Project, evaluation: Evaluation, name: str) -> Aim:
    """The request for samples of the kind that a cluster fails on.

    Its words are the error's name, made of the task's own names; its examples are train samples of the same kind,
    those with inputs most like the failing ones. Raises RetortError for failures on the test, an unknown cluster, or a
    train split that has nothing of the kind.
    """
    need_dev(evaluation)
    known = failures(catalog, project, evaluation)
    cluster = next((one for one in known if one.name == name), None)
    if cluster is None:
        names = ", ".join(repr(one.name) for one in known) or "none"
        raise RetortError(f"There is no cluster {name!r} among the failures: {names}.", "Name one of these clusters.")
    train = read_train(catalog, catalog.get(Dataset, evaluation.dataset_id))
    alike = [row for row in train if _of_the_kind(row, cluster)] or train
    wrong = set(cluster.row_ids)
    asked = [row.question for row in side_by_side(catalog, project, [evaluation]) if row.row_id in wrong]
    return Aim(focus=_focus(cluster), examples=tuple(row.id for row in _nearest(alike, asked)))


def _focus(cluster: Cluster) -> str:
    """The teacher's instruction; only names of the task go into it, no text of a row."""
    cases = {
        "missed": f"inputs that do hold the {cluster.field}, in forms that are easily overlooked",
        "invented": f"inputs without the {cluster.field}, but with text that is easily taken for it",
        "cut short": f"inputs whose {cluster.field or 'answer'} is long or has several parts that all belong to it",
        "right, but not in its form": f"inputs that write the {cluster.field} in another way than the answer must",
        "padded": f"inputs where other text stands right beside the {cluster.field or 'answer'}",
        "wrong": f"inputs with several candidates for the {cluster.field or 'answer'}, of which one is right",
        "refused": "harmless inputs that look as if they should be declined",
        "called": "inputs that sound like one of the functions, but that none of them fits",
        "not called": f"inputs that need {cluster.field} without naming it",
        "arguments": f"inputs for {cluster.field} with unusual values of its arguments",
    }
    if cluster.error.startswith("taken for "):
        return f"inputs that are {cluster.field}, but are easily {cluster.error}"
    return cases.get(cluster.error, "inputs that are harder than usual")


def _of_the_kind(row: Row, cluster: Cluster) -> bool:
    """Whether a train row shows how the failing case is answered rightly."""
    if cluster.error.startswith("taken for "):
        return plain(row.answer) in (cluster.field, cluster.error.removeprefix("taken for "))
    found = parse_object(row.answer)
    if not cluster.field or found is None:
        return True
    return (found.get(cluster.field) is None) == (cluster.error == "invented")


def _nearest(rows: list[Row], asked: list[str]) -> list[Row]:
    """The rows whose inputs are most like those asked, by cosine of TF-IDF over letter groups (any script)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    table = vectorizer.fit_transform([*[row.question for row in rows], *asked])
    likeness = (table[: len(rows)] @ table[len(rows) :].T).max(axis=1).toarray().ravel()
    return [rows[at] for at in likeness.argsort()[::-1][:EXAMPLES]]
