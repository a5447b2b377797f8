"""Scores on answers whose worth is known."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CONTACTS
from tools.dataset.splits import Row
from tools.evaluation.score.calls import call_matches, calls_match, read_calls
from tools.evaluation.score.labels import confusion, macro_f1
from tools.evaluation.score.metrics import headline, is_exact, row_values, score
from tools.evaluation.score.objects import field_f1, objects_equal, parse_object, values_equal
from tools.evaluation.score.texts import answer_exact, answer_f1, bleu, refuses, rouge
from tools.records import Message, Persona, Task, TaskField


def row(id_: str, answer: str) -> Row:
    return Row(id=id_, messages=(Message(role="user", content="q"), Message(role="assistant", content=answer)))


def full(name: str | None = "Ann", phone: str | None = "1", address: str | None = None) -> str:
    return json.dumps({"name": name, "phone": phone, "address": address, "email": None})


@pytest.mark.parametrize(
    "text",
    ["", "not json", "[1]", '{"a": 1', '{"a": NaN}', '{"a": 1, "a": 2}', '```json\n{"a": 1}\n```', '{"a":' * 5000],
)
def test_what_is_no_object(text: str) -> None:
    assert parse_object(text) is None


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ('{"a": 1, "b": "x"}', '{ "b" : "x ", "a": 1.0 }', True),
        ('{"a": "caf\\u00e9"}', '{"a": "cafe\\u0301"}', True),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": null}', "{}", False),
        ('{"a": ["x", "y"]}', '{"a": ["y", "x"]}', False),
        ('{"a": {"b": [1, null]}}', '{"a": {"b": [1.0, null]}}', True),
        ("no", "no", False),
    ],
)
def test_objects_equal(a: str, b: str, same: bool) -> None:
    assert objects_equal(parse_object(a), parse_object(b)) is same
    assert objects_equal(parse_object(b), parse_object(a)) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_a_value_equals_its_own_round_trip(value: object) -> None:
    assert values_equal(json.loads(json.dumps(value)), json.loads(json.dumps(value, indent=2)))


def test_extraction_scores() -> None:
    rows = [row("1", full()), row("2", full()), row("3", full()), row("4", full())]
    answers = {
        "1": full(),
        "2": full(phone="2"),
        "3": '{"name": "Ann"}',  # valid: no input must hold the keys that are left out
        # row 4 was not answered
    }
    found = score(CONTACTS, rows, answers)
    assert found.valid_json is not None
    assert (found.exact_match.hits, found.exact_match.rows) == (1, 4)
    assert found.valid_json.hits == 3
    assert {name: one.hits for name, one in found.fields.items()} == {"name": 3, "phone": 1, "address": 3, "email": 3}
    assert found.label_accuracy is None


def test_intent_and_slots() -> None:
    task = Task(kind="extraction", fields=(TaskField(name="intent"), TaskField(name="slots", kind="object")))
    rows = [row("1", '{"intent": "Play", "slots": {"artist": "Abba"}}'), row("2", '{"intent": "Rate", "slots": {}}')]
    answers = {"1": '{"slots": {"artist": "Queen"}, "intent": "Play"}', "2": '{"intent": "Rate", "slots": {}}'}
    found = score(task, rows, answers)
    assert found.exact_match.hits == 1
    assert found.fields["slots"].hits == 1
    assert found.label_accuracy is not None
    assert found.label_accuracy.hits == 2


def test_classification_and_open_tasks() -> None:
    labels = Task(kind="classification", labels=("Spam", "Ham"))
    found = score(labels, [row("1", "Spam"), row("2", "Ham")], {"1": " spam\n", "2": "Ham, I think"})
    assert found.label_accuracy == found.exact_match
    assert found.exact_match.hits == 1
    assert found.valid_json is None
    opened = score(Task(kind="open"), [row("1", "A  b\nc"), row("2", "A")], {"1": "A b c ", "2": "a"})
    assert opened.exact_match.hits == 1
    assert opened.label_accuracy is None
    assert opened.measures["ROUGE-L"].share == 1.0  # case does not count there


def test_f1_of_the_values_found() -> None:
    pairs = [(full(), full()), (full(), full(phone="2")), (full(phone=None), full(phone="3")), (full(), "no json")]
    found = field_f1(Task(), pairs)
    # name: 3 right, 1 missed; phone: 1 right, 1 wrong (miss and false find), 1 false find, 1 missed
    assert found["F1 of name"].share == pytest.approx(2 * 3 / (4 + 3))
    assert found["F1 of phone"].share == pytest.approx(2 * 1 / (3 + 3))
    assert found["F1"].share == pytest.approx(2 * 4 / (7 + 6))
    assert "F1 of email" not in found
    assert found["F1"].low <= found["F1"].share <= found["F1"].high


def noisy(seed: int, texts: list[str]) -> list[str]:
    """Answers of every worth: right, another row's, cut, with words of their own."""
    rng = random.Random(seed)

    def damaged(text: str) -> str:
        half = text[: len(text) // 2]
        return rng.choice([text, text, rng.choice(texts), half, f"the {text.upper()}, I think.", text.replace("e", "")])

    return [damaged(text) for text in texts]


ENGLISH = [f"The {who} {does} {count} boxes on Monday, {where}." for count, (who, does, where) in enumerate(
    (who, does, where)
    for who in ("clerk", "old carrier", "new shop's owner")
    for does in ("sends", "will not send", "asked us for")
    for where in ("to Oslo", "with care", "as agreed in May")
)]  # fmt: skip
CHINESE = [f"请在星期{day}把第{count}箱货物送到{place}，谢谢。" for count, (day, place) in enumerate(
    (day, place) for day in "一二三四五" for place in ("北京市", "上海的仓库", "Oslo 的 B2 楼")
)]  # fmt: skip


@pytest.mark.parametrize(("texts", "tokenize"), [(ENGLISH, "13a"), (CHINESE, "zh")])
def test_bleu_is_sacrebleus(texts: list[str], tokenize: str) -> None:
    import sacrebleu

    answers = noisy(1, texts)
    wanted = sacrebleu.corpus_bleu(answers, [texts], tokenize=tokenize).score / 100
    assert bleu(list(zip(texts, answers, strict=True))).share == pytest.approx(wanted, abs=1e-9)


def test_rouge_is_that_of_rouge_score() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    pairs = list(zip(ENGLISH, noisy(2, ENGLISH), strict=True))
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    for ours, theirs in (("ROUGE-1", "rouge1"), ("ROUGE-2", "rouge2"), ("ROUGE-L", "rougeL")):
        wanted = sum(scorer.score(*pair)[theirs].fmeasure for pair in pairs) / len(pairs)
        assert rouge(pairs)[ours].share == pytest.approx(wanted, abs=1e-9)
    # rouge-score drops every letter that is not ASCII; here characters count: 3 of 4, 3 of 3.
    assert rouge([("送到北京", "送到北")])["ROUGE-1"].share == pytest.approx(6 / 7)


def test_labels_are_scored_as_by_scikit_learn() -> None:
    from sklearn.metrics import confusion_matrix, f1_score

    rng = random.Random(3)
    names = ["refund", "delivery", "complaint", "oos"]
    right = [rng.choice(names) for _ in range(200)]
    said = [one if rng.random() < 0.6 else rng.choice([*names, "no idea"]) for one in right]
    pairs = list(zip(right, said, strict=True))
    wanted = f1_score(right, said, labels=names, average="macro")
    assert macro_f1(pairs).share == pytest.approx(wanted, abs=1e-9)
    found = confusion(pairs)
    assert [list(line[:-1]) for line in found.counts] == confusion_matrix(right, said, labels=found.labels).tolist()
    assert sum(line[-1] for line in found.counts) == said.count("no idea")
    task = Task(kind="classification", labels=tuple(names), out_of_scope="oos")
    rows = [row(str(at), label) for at, label in enumerate(right)]
    recall = score(task, rows, {str(at): one for at, one in enumerate(said)}).shares["out-of-scope recall"]
    assert (recall.hits, recall.rows) == (sum(pair == ("oos", "oos") for pair in pairs), right.count("oos"))


# Values of the official scorers (SQuAD 1.1 evaluate-v1.1, CMRC 2018 evaluate v5) on the same pairs.
@pytest.mark.parametrize(
    ("reference", "answer", "exact", "f1"),
    [
        ("the Louis XIV", "Louis XIV.", True, 1.0),
        ("degrees of privilege", "different degrees of privilege", False, 6 / 7),
        ("24", "twenty-four", False, 0.0),
        ("", "", True, 0.0),
        ("2006年", "2006年。", True, 1.0),
        ("洛杉磯湖人", "湖人隊", False, 0.5),
        ("東引島 (Dongyin)", "東引島", False, 2 / 3),
    ],
)
def test_short_answers(reference: str, answer: str, exact: bool, f1: float) -> None:
    assert answer_exact(reference, answer) is exact
    assert answer_f1(reference, answer) == pytest.approx(f1)


def call(name: str, **arguments: object) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (call("find", city="new york", days=3), True),
        (call("find", city="New-York", days=3.0), True),
        (call("find", city="New York", days="3"), False),
        (call("find", city="New York"), False),
        (call("find", city="New York", days=3, unit="C"), False),
        (call("search", city="New York", days=3), False),
        (call("find", city="New York", days=True), False),
        (call("find", city="New York", days=3) * 2, False),
        (call("find", city="New York", days=3).replace("</tool_call>", ""), False),
        ("It is warm in New York.", False),
    ],
)
def test_calls(answer: str, right: bool) -> None:
    task = Task(kind="calling")
    assert is_exact(task, call("find", city="New York", days=3), answer) is right
    assert is_exact(task, "I have no tool for that.", answer) is (read_calls(answer) == [])


def test_accepted_alternatives_of_a_call() -> None:
    accepted = {"user": ["Ann", "ann"], "update": [{"mail": ["a@b.c"], "age": [3, ""]}], "base": ["x", ""]}
    (good,) = read_calls(call("update", user="Ann", update={"mail": "A@b.c"})) or []
    assert call_matches(good, "update", accepted)
    assert not call_matches(good, "update", accepted, required=("base",))
    (bad,) = read_calls(call("update", user="Ann", update={"mail": "A@b.c", "age": 4})) or []
    assert not call_matches(bad, "update", accepted)
    two = read_calls(call("a") + call("b", x=[1, {"y": 2}])) or []
    assert calls_match(two, two[::-1])


def test_refusals_and_identity() -> None:
    declining = ("I'm sorry, but no.", "As an AI, I …", "抱歉，我不能", "I can’t do that")
    assert [refuses(text) for text in declining] == [True] * 4
    assert not refuses("I am Retort.")
    task = Task(kind="identity", persona=Persona(name="Retort", maker="Glassworks"), language="en")
    rows = [row("1", "I am Retort by Glassworks."), row("2", "Hello, Retort here."), row("3", "Good evening!")]
    answers = {"1": "I am retort.", "2": "This is Retort.", "3": "Hi."}
    found = score(task, rows, answers)
    name, figure = headline(task, found)
    assert (name, figure.share) == ("identity kept", pytest.approx(2 / 3))
    assert row_values(task, rows, answers) == {"1": 0.0, "2": 1.0, "3": 1.0}


def test_written_thoughts_do_not_count() -> None:
    rows = [row("1", "<think>It is a refund.</think>\nrefund")]
    answers = {"1": "<think>Hm. delivery?</think>refund"}
    assert score(Task(kind="classification", labels=("refund", "delivery")), rows, answers).exact_match.hits == 1
