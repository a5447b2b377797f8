"""What goes wrong, in clusters that have names: the same error in the same place, and what its inputs share."""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field, JsonValue

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.evaluation.compare.side_by_side import SideBySide, side_by_side
from tools.evaluation.score.calls import calls_match, read_calls
from tools.evaluation.score.metrics import said
from tools.evaluation.score.objects import parse_object, same_value
from tools.evaluation.score.texts import refuses
from tools.records import Evaluation, Project, Task, TaskField, Value
from tools.text.plain import plain

FEWEST = 2  # rows that make a cluster; what is alone is told as "other"
MOST_TERMS = 4


class Cluster(Value):
    """Failures of one kind."""

    name: str = Field(description="The error in words: `phone is missed`.")
    field: str = Field("", description="The field, label or argument it is about.")
    error: str = Field("", description="missed, invented, cut or padded, wrong, taken for another ...")
    row_ids: tuple[str, ...]
    terms: tuple[str, ...] = Field((), description="Words that its inputs hold more often than others.")


def failures(catalog: Catalog, project: Project, evaluation: Evaluation) -> list[Cluster]:
    """The clusters of one candidate's failures, largest first; rows that are alone in theirs come last as one."""
    rows = side_by_side(catalog, project, [evaluation])
    wrong = [row for row in rows if not all(row.right.values())]
    errors = {row.row_id: _errors(project.task, row) for row in wrong}
    clusters: list[Cluster] = []
    left = dict.fromkeys(errors)
    while left:  # each row goes with the error that most of the rest share
        counted = Counter(error for row in left for error in dict.fromkeys(errors[row]))
        error, count = counted.most_common(1)[0]
        if count < FEWEST:
            clusters.append(Cluster(name="other", row_ids=tuple(left)))
            break
        members = [row for row in left if error in errors[row]]
        clusters.append(Cluster(name=error[0], field=error[1], error=error[2], row_ids=tuple(members)))
        left = {row: None for row in left if row not in members}
    named = _terms(rows, clusters)
    return sorted(named, key=lambda one: (one.name == "other", -len(one.row_ids)))


def need_dev(evaluation: Evaluation) -> None:
    """Raises RetortError for failures on the sealed test: training towards these would unseal it."""
    if evaluation.split != "dev":
        raise RetortError(
            f"{evaluation.label} was scored on the sealed test; samples aimed at its failures would unseal it.",
            "Say 'evaluate on dev', then aim at the failures found there.",
        )


Error = tuple[str, str, str]  # name, field, error


def _errors(task: Task, row: SideBySide) -> list[Error]:
    answer = next(iter(row.answers.values()))
    reference, answer = said(row.reference), said(answer)
    if not answer.strip():
        return [("the answer is empty", "", "empty")]
    match task.kind:
        case "extraction":
            return _field_errors(task, reference, answer)
        case "classification":
            right, told = plain(reference), plain(answer)
            known = {label.casefold() for label in task.labels}
            told = told if not known or told.casefold() in known else "no label"
            return [(f"{right} is taken for {told}", right, f"taken for {told}")]
    if read_calls(reference) or task.kind == "calling":
        return [_call_error(reference, answer)]
    if refuses(answer):
        return [("it refuses", "", "refused")]
    return [_text_error(reference, answer)]


def _field_errors(task: Task, reference: str, answer: str) -> list[Error]:
    wanted, told = parse_object(reference) or {}, parse_object(answer)
    if told is None:
        return [("the answer is not a JSON object", "", "no JSON")]
    known = {field.name: field for field in task.fields}
    names = [name for name in wanted if not same_value(known.get(name), wanted[name], told.get(name), in_form=True)]
    found = [
        (f"{name} is {error}", name, error)
        for name in names
        if (error := _error(known.get(name), wanted[name], told.get(name)))
    ]
    extra = [(f"{name} is not a field of the task", name, "not asked for") for name in told if name not in wanted]
    return [*found, *extra] or [("a null is left out", "", "null left out")]


def _error(field: TaskField | None, wanted: JsonValue, told: JsonValue) -> str:
    if same_value(field, wanted, told, in_form=False):
        return "right, but not in its form"
    if wanted is None:
        return "invented" if told is not None else ""
    if told is None:
        return "missed"
    return _text_error(str(wanted), str(told))[2]


def _text_error(wanted: str, told: str) -> Error:
    a, b = plain(wanted).casefold(), plain(told).casefold()
    if a == b:
        return "the spelling differs", "", "spelt differently"
    if b in a:
        return "the answer is cut short", "", "cut short"
    if a in b:
        return "the answer says too much", "", "padded"
    return "the answer is a different one", "", "wrong"


def _call_error(reference: str, answer: str) -> Error:
    wanted, told = read_calls(reference), read_calls(answer)
    if told is None:
        return "the call cannot be read", "", "unreadable"
    if not wanted:
        return "a function is called where none fits", "", "called"
    if not told:
        return "no function is called", wanted[0].name, "not called"
    if len(told) != len(wanted):
        return "the number of calls is wrong", "", "miscounted"
    first = next(call for call in wanted if not any(calls_match([call], [one]) for one in told))
    same = [one for one in told if one.name == first.name]
    if not same:
        return f"{first.name} is taken for {told[0].name}", first.name, "another function"
    return f"arguments of {first.name} are wrong", first.name, "arguments"


def _terms(rows: Sequence[SideBySide], clusters: Sequence[Cluster]) -> list[Cluster]:
    """Each cluster with the words that set its inputs apart: mean TF-IDF inside less that outside, by scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [row.question for row in rows]
    chinese = sum(any("\u4e00" <= char <= "\u9fa5" for char in text) for text in texts) * 2 > len(texts)
    cut = {"analyzer": "char", "ngram_range": (2, 3)} if chinese else {"token_pattern": r"(?u)\b[^\W\d_]{3,}\b"}
    vectorizer = TfidfVectorizer(sublinear_tf=True, **cut)
    try:
        table = vectorizer.fit_transform(texts)
    except ValueError:  # no input holds a word
        return list(clusters)
    words, place = vectorizer.get_feature_names_out(), {row.row_id: at for at, row in enumerate(rows)}
    found = []
    for cluster in clusters:
        inside = [place[row] for row in cluster.row_ids]
        outside = [at for at in range(len(rows)) if at not in set(inside)]
        if not outside or len(inside) < FEWEST:
            found.append(cluster)
            continue
        apart = (table[inside].mean(axis=0) - table[outside].mean(axis=0)).A1
        frequent = (table[inside] > 0).sum(axis=0).A1
        best = [at for at in apart.argsort()[::-1] if frequent[at] >= max(2, len(inside) / 3) and apart[at] > 0][
            :MOST_TERMS
        ]
        found.append(cluster.model_copy(update={"terms": tuple(str(words[at]) for at in best)}))
    return found
