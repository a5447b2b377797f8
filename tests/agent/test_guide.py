"""The guide walks the same graph by rules, in two languages, and reads goals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.guide.understanding import field_names, understand
from agent.session import Session
from tools.catalog import Catalog
from tools.records import Dataset, Document, JsonObject, Project, Run, Sample

GOALS: list[tuple[str, JsonObject]] = [
    (
        "Extract name, phone, address and email from short English messages as JSON",
        {
            "kind": "extraction",
            "input_description": "short English messages",
            "fields": ["name", "phone", "address", "email"],
            "language": "en",
        },
    ),
    (
        "Turn shipping messages into JSON with name, phone and address",
        {"kind": "extraction", "input_description": "shipping messages", "fields": ["name", "phone", "address"]},
    ),
    (
        "Classify customer emails into refund, delivery or complaint",
        {
            "kind": "classification",
            "input_description": "customer emails",
            "labels": ["refund", "delivery", "complaint"],
        },
    ),
    (
        "从中文短信中提取姓名、电话和邮箱",
        {"kind": "extraction", "input_description": "中文短信", "fields": ["姓名", "电话", "邮箱"], "language": "zh"},
    ),
    (
        "把用户留言分为投诉、咨询、表扬",
        {"kind": "classification", "input_description": "用户留言", "labels": ["投诉", "咨询", "表扬"]},
    ),
    ("Answer customers' questions about our manuals", {"kind": "answering"}),
    ("Rewrite blunt notes in a polite tone", {"kind": "rewriting", "input_description": "blunt notes"}),
    ("Role-play a ship's cook", {"kind": "roleplay"}),
    ("It should know who it is", {"kind": "identity"}),
    ("Call my tools from spoken requests", {"kind": "calling", "input_description": "spoken requests"}),
    ("根据公司文档回答问题", {"kind": "answering"}),
    ("函数调用", {"kind": "calling"}),
    (
        "I want a 0.6B model that turns our shipping messages into JSON",
        {"kind": "extraction", "input_description": "shipping messages"},
    ),
    ("A model that converts invoices to JSON", {"kind": "extraction", "input_description": "invoices"}),
    (
        "We want to pull the guest name, arrival date and number of nights out of hotel booking mails",
        {
            "kind": "extraction",
            "input_description": "hotel booking mails",
            "fields": ["guest_name", "arrival_date", "number_of_nights"],
        },
    ),
    (
        "pick order number, sku and size from chat messages",
        {"kind": "extraction", "input_description": "chat messages", "fields": ["order_number", "sku", "size"]},
    ),
    ("hello there", {}),
]


@pytest.mark.parametrize(("goal", "expected"), GOALS)
def test_goals_are_understood(goal: str, expected: JsonObject) -> None:
    assert understand(goal).arguments() == expected


def test_fields_are_read_from_lists_and_lines() -> None:
    assert field_names("The fields are Full Name, phone and e-mail.") == ("full_name", "phone", "e-mail")
    assert field_names("phone: as written, with prefix\naddress") == ("phone: as written, with prefix", "address")
    assert field_names("字段是 姓名、电话") == ("姓名", "电话")


def say(session: Session, *texts: str) -> str:
    """Say all of them; what the guide answered to the last."""
    return [session.say(text) for text in texts][-1][-1].text


def test_from_goal_to_generation_in_english(catalog: Catalog) -> None:
    session = Session(catalog)
    assert "not a language model" in session.say("I want to extract contact details from messages")[1].text
    assert "`name, phone, address, email`" in session.transcript()[-1].text
    assert "Which language" in say(session, "name, phone, address and email")
    assert "example" in say(session, "English")
    assert "real messages" in say(session, "skip")
    assert "`draft 5 samples`" in say(session, "later")
    assert "`approve all`" in say(session, "draft 6 samples")
    assert session.project is not None
    assert session.project.slug == "i-want-to-extract-contact-details-from"
    assert "6 samples can be trained on (6 approved by you)" in say(session, "approve all")
    assert [one.state for one in catalog.find(Sample, session.project_id)] == ["approved"] * 6
    session.say("generate 300")
    pending = session.pending()
    assert pending is not None
    assert pending.arguments.items() >= {"count": 300, "max_usd": 0.0, "max_minutes": 10.0, "answers_each": 1}.items()
    assert "Nothing was done" in say(session, "no")
    told = " ".join(entry.text for entry in session.transcript())
    assert told.count("not a language model") == 1


def test_from_goal_to_approval_in_chinese(catalog: Catalog) -> None:
    session = Session(catalog)
    assert "不是语言模型" in session.say("从中文短信中提取姓名、电话、地址和邮箱")[1].text
    assert "`跳过`" in session.transcript()[-1].text
    assert "真实消息" in say(session, "跳过")
    assert "起草 5 个样本" in say(session, "以后再说")
    assert "全部批准" in say(session, "起草 4 个样本")
    assert "可用于训练的样本有 2 个（2 个你批准的）" in say(session, "拒绝 2 3：不好", "批准 1 4")
    states = [one.state for one in catalog.find(Sample, session.project_id)]
    assert states == ["approved", "rejected", "rejected", "approved"]


SHAPE = '{"order": "A-1", "items": [{"sku": "X-9", "quantity": 2}]}'


def test_a_pasted_answer_or_schema_tells_nested_fields(catalog: Catalog) -> None:
    """At the question, in the goal, and at any time later."""
    asked = Session(catalog)
    asked.say("I want to turn our English shipping messages into JSON")
    assert "paste a JSON schema" in asked.transcript()[-1].text
    assert "example" in say(asked, f"Like this:\n```json\n{SHAPE}\n```")
    at_once = Session(catalog)
    at_once.say(f"Turn our English shipping messages into {SHAPE}")
    for session in (asked, at_once):
        assert session.project is not None
        task = session.project.task
        assert [field.outline for field in task.fields] == ["order", "items (sku, quantity)"]
        assert (task.input_description, task.language) == ("English shipping messages", "en")
        assert "skip" in session.transcript()[-1].text
    say(asked, "skip", '{"type": "object", "properties": {"order": {"type": "string"}}, "required": []}')
    say(asked, "order is required")
    assert asked.project is not None
    assert [(field.outline, field.required) for field in asked.project.task.fields] == [("order", True)]
    say(asked, "order: an id like AB-1234")
    assert asked.project.task.fields[0].description == "an id like AB-1234"
    say(at_once, 'Order: A-2, 3 of X-1 => {"order": "A-2", "items": [{"sku": "X-1", "quantity": 3}]}')
    assert len(at_once.project.task.examples if at_once.project else ()) == 1  # no description of the order
    say(at_once, "Quantity：how many of it")
    assert at_once.project is not None
    assert at_once.project.task.fields[1].fields[1].description == "how many of it"
    assert "no field phone" in " ".join(entry.text for entry in asked.say("phone is required"))


def test_a_label_and_its_text_are_an_example_at_any_time(catalog: Catalog) -> None:
    session = Session(catalog)
    say(session, "I want to sort support tickets into billing, bug and feature request", "English", "skip")
    assert "two different examples of each label" in say(session, "skip")  # not a draft that must fail
    told = say(
        session, "billing: I was charged twice", "my card was declined => Billing", "bug: it crashes\nbug: white screen"
    )
    assert "still too few of feature request" in told
    assert "draft 5" in say(session, "dark mode please => feature request\ncsv export => feature request")
    assert session.project
    outputs = [one.output for one in session.project.task.examples]
    assert outputs == ["billing", "billing", "bug", "bug", "feature request", "feature request"]
    assert session.project.task.labels == ("billing", "bug", "feature request")


def test_rows_that_no_simulator_can_add_to_are_frozen_as_they_are(catalog: Catalog, tmp_path: Path) -> None:
    session = Session(catalog)
    say(session, "I want a small model that sorts messages into billing and other", "English")
    rows = [{"message": f"{word} {number} of mine", "label": label}
            for word, label in (("bill", "billing"), ("door", "other")) for number in range(20)]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    session.say("", files=[path])
    assert session.project
    assert catalog.count(Sample, session.project.id) == {"approved": 40}  # message and label are no riddle
    assert "`freeze`" in say(session, "skip", "skip")


def test_examples_answer_the_question_for_labels(catalog: Catalog) -> None:
    session = Session(catalog)
    say(
        session,
        "I want a classifier of customer emails",
        "refund: I want my money back\nwhere is my parcel => delivery",
    )
    assert session.project
    assert session.project.task.labels == ("refund", "delivery")
    assert len(session.project.task.examples) == 2


def test_what_no_simulator_writes_is_told_with_the_first_answer(catalog: Catalog) -> None:
    session = Session(catalog)
    assert "RETORT_TEACHER_MODEL" in say(session, "Rewrite blunt notes in a polite tone")
    assert "RETORT_TEACHER_MODEL" not in say(session, "formal, at most two sentences")  # once, with the first answer
    assert "RETORT_TEACHER_MODEL" in say(session, "English", "skip", "skip")  # and where it stops
    assert session.project
    assert session.project.task.language == "en"


def test_a_language_said_too_early_is_no_style(catalog: Catalog) -> None:
    session = Session(catalog)
    say(session, "Rewrite blunt notes", "English")
    assert session.project
    assert (session.project.task.style, session.project.task.language) == ("", "en")


def test_a_classification_asks_for_examples_by_label(catalog: Catalog) -> None:
    session = Session(catalog)
    session.say("Classify English customer emails into refund, delivery or complaint")
    assert "`label: text`" in session.transcript()[-1].text
    say(session, "refund: I want my money back\ndelivery: where is my parcel\ncomplaint: this is a shame")
    assert session.project is not None
    assert [one.output for one in session.project.task.examples] == ["refund", "delivery", "complaint"]
    assert "still too few of refund, delivery, complaint" in say(session, "skip", "skip")


def test_an_answer_that_is_none_is_asked_again(catalog: Catalog) -> None:
    session = Session(catalog)
    session.say("I want a model that labels texts for me")
    assert session.project is not None
    assert session.project.task.input_description == "texts"
    answer = say(session, "refund")
    assert "could not read" in answer
    assert "Which labels" in answer


def test_what_is_not_understood_gets_help_and_a_yes_takes_the_next_step(catalog: Catalog, project: Project) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    answer = say(session, "the weather is nice")
    assert "did not understand" in answer
    assert "paste them after `real messages:`" in say(session, "skip", "yes")
    say(session, "skip", "yes")
    assert len(catalog.find(Sample, project.id)) == 5


def test_rows_are_imported_and_the_task_is_read_from_them(catalog: Catalog, tmp_path: Path) -> None:
    lines = [
        f'{{"messages": [{{"role": "user", "content": "please play the song number {n} for me"}}, '
        f'{{"role": "assistant", "content": "{{\\"intent\\": \\"play\\", \\"slot\\": \\"{n}\\"}}"}}]}}'
        for n in range(30)
    ]
    train = tmp_path / "train.jsonl"
    train.write_text("\n".join([*lines, "not json"]))
    session = Session(catalog)
    entries = session.say("Extract intent and slot from English requests", files=[train])
    told = "\n".join(entry.text for entry in entries)
    assert "Imported 30 rows from train.jsonl" in told
    assert any("line 31" in line for entry in entries for show in entry.show for line in show.ids)
    assert {one.split for one in catalog.find(Sample, session.project_id)} == {"train"}
    session.say("", files=[train])
    assert len(catalog.find(Sample, session.project_id)) == 30


def test_dataset_and_plan_follow(catalog: Catalog, project: Project, tiny_student: Path) -> None:
    from tests.agent.conftest import make_sample

    catalog.save(project.but(goal="contacts", student=f"path:{tiny_student}"))
    rows = [make_sample(project, number, "approved") for number in range(1, 100)]
    rows += [make_sample(project, number, "approved", f"Ring Bob {number} at home {number}.") for number in range(60)]
    catalog.add_all(rows)
    session = Session(catalog, project.id)
    assert "`plan`" in say(session, "freeze")
    assert len(catalog.find(Dataset, project.id)) == 1
    assert "`train`" in say(session, "plan")
    assert "`train`" in say(session, "use rank 4, 2 epochs")
    say(session, "use seed 5")
    [run] = catalog.find(Run, project.id)
    assert (run.plan.lora_rank, run.plan.epochs, run.plan.seed, run.state) == (4, 2, 5, "planned")
    session.say("train")
    pending = session.pending()
    assert pending is not None
    assert pending.arguments["run"] == run.id
    assert pending.arguments["max_minutes"] is not None


def test_the_page_side_loads_nothing_heavy() -> None:
    heavy = [
        "torch",
        "transformers",
        "vllm",
        "peft",
        "openai",
        "langchain_openai",
        "unstructured",
        "matplotlib",
        "faker",
        "gradio",
    ]
    code = f"import agent.session, sys; print([name for name in {heavy!r} if name in sys.modules])"
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.txt"])
def test_what_is_said_of_a_file_counts_more_than_its_ending(catalog: Catalog, tmp_path: Path, name: str) -> None:
    """A guide for readers that is dropped with the rows is still read as a document."""
    from openpyxl import Workbook

    book = Workbook()
    for cells in (["text", "label"], ["late again", "complaint"], ["well done", "praise"]):
        book.active.append(cells)
    book.save(tmp_path / "rows.xlsx")
    line = {"messages": [{"role": "user", "content": "late again"}, {"role": "assistant", "content": "complaint"}]}
    (tmp_path / "rows.txt").write_text("\n".join(map(json.dumps, [line, line])))
    (tmp_path / "guide.html").write_text("<p>How we sort.</p>")
    session = Session(catalog)
    say(session, "I want a classifier of customer emails into complaint and praise", "English")
    session.say("import", files=[tmp_path / name, tmp_path / "guide.html"])
    assert session.project
    assert catalog.find(Sample, session.project.id)[0].question == "late again"
    assert [one.name for one in catalog.find(Document, session.project.id)] == ["guide.html"]


def test_a_guess_about_columns_waits_for_a_yes(catalog: Catalog, tmp_path: Path) -> None:
    """Two files at once are asked about by name; a yes puts both calls as they were shown, and each card is decided."""
    said = (("kaputt", "Technik"), ("Rechnung fehlt", "Geld"), ("App startet nicht", "Technik"), ("zu viel", "Geld"))
    files = []
    for name, columns in (("eins.csv", "Nachricht;Thema"), ("zwei.csv", "Anliegen;Abteilung")):
        rows = [f"{text} {number} in {name};{label}" for number in range(4) for text, label in said]
        files.append(tmp_path / name)
        files[-1].write_text("\n".join([columns, *rows]), encoding="utf-8")
    session = Session(catalog)
    session.say("Classify mails of our customers")
    told = " ".join(one.text for one in session.say("", files=files) if one.role != "user")
    assert "eins.csv are meant" in told
    assert "zwei.csv are meant" in told
    assert "Say 'yes' if that is right" in told
    session.say("yes")
    assert session.project is not None
    for columns in (("Nachricht", "Thema"), ("Anliegen", "Abteilung")):
        waiting = session.pending()
        assert waiting is not None
        assert (waiting.arguments["input_column"], waiting.arguments["output_column"]) == columns
        session.decide(waiting.digest, approved=True)
    assert session.pending() is None
    found = catalog.find(Sample, session.project.id)
    assert len(found) == 32
    assert {one.answer for one in found} == {"Technik", "Geld"}
    session.say("yes")  # nothing is waiting any more
    assert len(catalog.find(Sample, session.project.id)) == 32
