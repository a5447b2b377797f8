"""What an answer is worth, by the task's kind. Pure code on text, no model; definitions in docs/metrics.md."""

from collections.abc import Callable, Mapping, Sequence

from tools.dataset.splits import Row
from tools.evaluation.score.calls import calls_match, read_calls
from tools.evaluation.score.labels import macro_f1, out_of_scope_recall
from tools.evaluation.score.objects import (
    Pairs,
    field_accuracy,
    field_f1,
    parse_object,
    same_object,
    valid_share,
)
from tools.evaluation.score.texts import answer_exact, answer_f1, bleu, length_ratio, refusals, rouge, rouge_l
from tools.evaluation.statistics.clusters import marks_of
from tools.evaluation.statistics.intervals import mean, share
from tools.records import Measure, Persona, Score, Scores, Task
from tools.text.plain import labels_equal, plain

# A string field of this name holds the row's label, so its accuracy is also told as label accuracy.
LABEL_FIELDS = frozenset({"intent", "label", "category", "class", "类别", "标签", "意图"})
# Kinds whose answers are right or wrong are compared by `exact_match`; others by the figure named here.
HEADLINES = {"identity": "identity kept", "rewriting": "ROUGE-L", "roleplay": "ROUGE-L", "open": "ROUGE-L"}


def score(
    task: Task, rows: Sequence[Row], answers: Mapping[str, str], origins: Mapping[str, str] | None = None
) -> Scores:
    """Scores of one candidate: `answers` maps row id to answer text; a row without an answer counts as wrong.

    `origins` maps row id to the mark that rows of one origin share; without it rows are independent.
    """
    pairs = [(said(row.answer), said(answers.get(row.id, ""))) for row in rows]
    marks = marks_of((row.id for row in rows), origins)
    exact = share([is_exact(task, *pair) for pair in pairs], marks)
    match task.kind:
        case "extraction":
            fields = field_accuracy(task, pairs, marks)
            labels = [fields[name] for name in _label_fields(task) if name in fields]
            return Scores(
                valid_json=valid_share(task, [answer for _, answer in pairs], marks),
                exact_match=exact,
                fields=fields,
                label_accuracy=labels[0] if labels else None,
                measures=field_f1(task, pairs, marks),
            )
        case "classification":
            noticed = out_of_scope_recall(pairs, task.out_of_scope, marks)
            shares = {"out-of-scope recall": noticed} if noticed else {}
            return Scores(
                exact_match=exact, label_accuracy=exact, shares=shares, measures={"macro F1": macro_f1(pairs, marks)}
            )
        case "answering":
            overlap = mean([answer_f1(*pair) for pair in pairs], marks)
            return Scores(exact_match=exact, shares=_refusals(pairs, marks), measures={"answer F1": overlap})
        case "calling":
            return Scores(exact_match=exact, shares=_refusals(pairs, marks))
    kept = (
        {"identity kept": share([_identity_kept(task.persona)(*pair) for pair in pairs], marks)}
        if task.persona.name
        else {}
    )
    return Scores(exact_match=exact, shares={**kept, **_refusals(pairs, marks)}, measures=_text_measures(pairs, marks))


def is_exact(task: Task, reference: str, answer: str) -> bool:
    """Whether the answer is right as a whole, by the rule of the task's kind."""
    match task.kind:
        case "extraction":
            return same_object(task.fields, parse_object(reference), parse_object(answer), in_form=True)
        case "classification":
            return labels_equal(reference, answer)
        case "answering":
            return answer_exact(reference, answer)
    if wanted := read_calls(reference):
        return calls_match(wanted, read_calls(answer))
    if task.kind == "calling":
        return read_calls(answer) == []  # where nothing is to be called, any words will do
    return " ".join(plain(answer).split()) == " ".join(plain(reference).split())


def headline(task: Task, scores: Scores) -> tuple[str, Score | Measure]:
    """The figure by which candidates are compared, with its name."""
    name = _headline_name(task)
    found = scores.shares.get(name) or scores.measures.get(name)
    return (name, found) if found else ("exact match", scores.exact_match)


def row_values(task: Task, rows: Sequence[Row], answers: Mapping[str, str]) -> dict[str, float]:
    """What each answer counts in the headline figure, 0 to 1, by row id; rows without an answer are left out."""
    valued = {"identity kept": _identity_kept(task.persona), "ROUGE-L": rouge_l}.get(_headline_name(task))
    return {
        row.id: float(valued(*pair) if valued else is_exact(task, *pair))
        for row in rows
        if row.id in answers and (pair := (said(row.answer), said(answers[row.id])))
    }


def said(text: str) -> str:
    """The answer itself: what a reasoning student thought in writing before it does not count."""
    return text.rpartition("</think>")[2].lstrip() if "</think>" in text else text


def _refusals(pairs: Pairs, marks: Sequence[str]) -> dict[str, Score]:
    return {"refusals": refusals([answer for _, answer in pairs], marks)}


def _text_measures(pairs: Pairs, marks: Sequence[str]) -> dict[str, Measure]:
    if not pairs:
        return {}
    return {"BLEU-4": bleu(pairs, marks), **rouge(pairs, marks), "length ratio": length_ratio(pairs, marks)}


def _identity_kept(persona: Persona) -> Callable[[str, str], bool]:
    """Whether an answer names the student and its maker wherever the reference does."""

    def kept(reference: str, answer: str) -> bool:
        names = [name.casefold() for name in (persona.name, persona.maker) if name]
        return all(name in answer.casefold() for name in names if name in reference.casefold())

    return kept


def _headline_name(task: Task) -> str:
    nameless = task.kind == "identity" and not task.persona.name
    return "" if nameless else HEADLINES.get(task.kind or "", "")


def _label_fields(task: Task) -> list[str]:
    return [field.name for field in task.fields if field.kind == "string" and field.name.casefold() in LABEL_FIELDS]
