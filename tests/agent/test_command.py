"""A command that only this file declares is known to every face; what was approved is what runs."""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from agent.command import COMMANDS, FREE, JOBS, Here, MaxMinutes, MaxUsd, Settled, Spoken, command, job
from agent.fields import notes_in, read_field
from agent.guide.guide import helping
from agent.guide.understanding import understand
from agent.phrase import example, meanings, parse, sentences
from agent.said.sentences import sentences as catalogue
from agent.session import Session
from agent.toolbox import commands, tool_schemas
from agent.transcript import Outcome, Show
from tests.agent.conftest import Script, queue
from tests.scripted_openai import Reply
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Work
from tools.records import Estimate, Job, Order, Project, TaskField
from tools.records.order import ORDERS
from ui.cli import whole_parser

# Fields that are described where commands are told.
FIELDS = [TaskField(name=name) for name in ("date", "phone", "priority", "日期", "电话", "优先级")]
ROOT = Path(__file__).parents[2]
CUPS = {"big": "cup-1", "small": "cup-2"}

# --- commands that exist here alone ------------------------------------------------------------------------------


def cup_id(_here: Here, said: str) -> str:
    if said not in CUPS:
        raise RetortError(f"There is no cup {said!r}.", "Say big or small.")
    return CUPS[said]


Cup = Annotated[str, Settled(by=cup_id), Spoken(pattern="big|small", sample="big")]
poured: list[dict[str, Any]] = []


class BrewingOrder(Order):
    stage = "tests.agent.test_command:brew"
    title = "Brewing"
    kind: Literal["brew"] = "brew"
    cup: str
    minutes: float


def brew(work: Work) -> str:
    order = work.job.order
    assert isinstance(order, BrewingOrder)
    return f"Brewed into {order.cup}."


@pytest.fixture(autouse=True)
def only_here() -> Iterator[None]:
    """Two commands and a kind of job, declared for a test and forgotten after it."""
    known = dict(COMMANDS)
    poured.clear()

    @command(
        risk=FREE,
        terminal="pour cup",
        phrases={"en": ["pour {cup} [cup]"], "zh": ["倒茶{cup}"], "pt": ["serve chá {cup}"]},
    )
    def pour_tea(_here: Here, *, cup: Cup, sugar: bool = False) -> Outcome:
        """Pour tea into a cup."""
        poured.append({"cup": cup, "sugar": sugar})
        return Outcome(text="Poured.")

    job(BrewingOrder, estimate=lambda _here, _order: Estimate(what="Brew again"), shows=lambda *_: ())

    @command(
        risk="spend",
        estimate=lambda _here, *, cup, **_: Estimate(what=f"Brew into {cup}", usd_high=0.121, minutes_high=12),
        starts=BrewingOrder,
        terminal="brew [cup]",
        phrases={"en": ["brew [{cup}] [for at most {max_minutes} minutes]"], "zh": ["泡茶"], "pt": ["faz chá"]},
    )
    def brew_tea(here: Here, *, cup: Cup = "big", max_usd: MaxUsd, max_minutes: MaxMinutes) -> Outcome:
        """Brew tea as a job; `max_usd` and `max_minutes` are hard stops."""
        poured.append({"cup": cup, "max_usd": max_usd, "max_minutes": max_minutes})
        started = jobs.launch(here.catalog, here.project, BrewingOrder(cup=cup, minutes=max_minutes))
        return Outcome(text=f"Started {started.id}.")

    yield
    COMMANDS.clear()
    COMMANDS.update(known)
    JOBS.pop(BrewingOrder, None)
    ORDERS.setdefault("brew", BrewingOrder)


def test_it_is_offered_to_the_chat_model(catalog: Catalog, project: Project, talk: Any) -> None:
    session, server = talk(queue(Reply(tool_calls=[("pour_tea", {"cup": "big", "sugar": True})])))
    session.say("I am thirsty")
    offered = {one["function"]["name"]: one["function"] for one in server.requests[0]["tools"]}
    assert offered["pour_tea"]["description"] == "Pour tea into a cup."
    assert offered["brew_tea"]["parameters"]["properties"]["max_usd"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert poured == [{"cup": "cup-1", "sugar": True}]


@pytest.mark.parametrize("arguments", [{}, {"cup": 3}, {"cup": "big", "milk": True}, {"cup": "huge"}])
def test_its_arguments_are_validated(catalog: Catalog, project: Project, arguments: dict[str, Any]) -> None:
    with pytest.raises(RetortError):
        COMMANDS["pour_tea"].settle(Here(catalog, project.id), arguments)


def test_it_is_understood_listed_and_a_subcommand(catalog: Catalog, project: Project) -> None:
    for text, verb, arguments in [
        ("pour small cup", "pour_tea", {"cup": "small"}),
        ("Please pour small.", "pour_tea", {"cup": "small"}),
        ("brew big for at most 7 minutes", "brew_tea", {"cup": "big", "max_minutes": 7.0}),
        ("泡茶", "brew_tea", {}),
        ("faz chá", "brew_tea", {}),
    ]:
        said = parse(text)
        assert said is not None
        assert (said.verb, said.arguments) == (verb, arguments)
    assert parse("pour small cups of tea") is None
    assert "`pour big`" in helping("en")
    assert "`泡茶`" in helping("zh")
    given = whole_parser().parse_args(["brew", "small", "--max-usd", "0.5", "--wait", "--json"])
    assert (given.cup, given.max_usd, given.wait, given.json) == ("small", 0.5, True, True)


@pytest.mark.usefixtures("jobs_at_once")
def test_it_is_asked_about_and_runs_as_approved(catalog: Catalog, project: Project) -> None:
    catalog.save(project.but(goal="tea"))
    session = Session(catalog, project.id)
    session.say("brew small")
    asked = session.pending()
    assert asked is not None
    assert (asked.verb, asked.risk, asked.estimate.what) == ("brew_tea", "spend", "Brew into cup-2")
    assert asked.arguments == {"cup": "cup-2", "max_usd": 0.13, "max_minutes": 24.0}
    CUPS["small"] = "cup-9"  # the world moves on
    try:
        session.say("yes")
    finally:
        CUPS["small"] = "cup-2"
    assert poured == [asked.arguments]
    [made] = catalog.find(Job, project.id)
    assert made.result == "Brewed into cup-2."
    assert session.tick()[0].text == f"Brewing ({made.id}) has finished. Brewed into cup-2."


def test_a_job_of_its_own_process_knows_the_order(catalog: Catalog, project: Project) -> None:
    """The process learns the stage from the launcher, and the order's class from the stage's module."""
    Session(catalog, project.id).order("brew_tea", {}, "From a test", own=True)
    session = Session(catalog, project.id)
    asked = session.pending()
    assert asked is not None
    session.decide(asked.digest, True)
    [made] = catalog.find(Job, project.id)
    assert jobs.wait(catalog, made, timeout_s=60).result == "Brewed into cup-1."


def test_a_card_that_is_not_declared_is_a_programming_error(catalog: Catalog, project: Project) -> None:
    @command(risk=FREE, terminal="spill", phrases={"en": ["spill"]})
    def spill_tea(_here: Here) -> Outcome:
        """Spill."""
        return Outcome(text="Oh.", show=(Show(kind="costs"),))

    here = Here(catalog, project.id)
    with pytest.raises(RuntimeError, match="does not declare that it shows costs"):
        spill_tea.settle(here, {}).run(here)
    with pytest.raises(RuntimeError, match="two commands called spill_tea"):
        command(risk=FREE, terminal="spill", phrases={"en": ["spill"]})(spill_tea.run)


def test_a_command_that_is_not_declared_does_not_exist(catalog: Catalog, project: Project, talk: Any) -> None:
    script: Script = queue(Reply(tool_calls=[("drink_tea", {})]))
    session, _ = talk(script)
    assert "There is no command 'drink_tea'" in session.say("drink it")[-2].text
    with pytest.raises(TypeError):  # and none can be declared without saying what it risks
        command(terminal="sip", phrases={})  # type: ignore[call-arg]


# --- every command -----------------------------------------------------------------------------------------------


def test_every_command_has_words_in_three_languages_and_examples_that_mean_it() -> None:
    for one in commands():
        assert set(one.phrases) == {"en", "zh", "pt"}, one.name
        for tongue in one.phrases:
            said = parse(example(one, tongue))
            assert said is not None, (one.name, tongue, example(one, tongue))
            assert said.verb == one.name, (tongue, example(one, tongue))


def test_no_sentence_means_two_commands() -> None:
    """Of every phrase, its sentences with and without each option; up to so many a phrase."""
    seen = 0
    for one in commands():
        for tongue, phrases in one.phrases.items():
            for phrase in phrases:
                template = phrase if isinstance(phrase, str) else phrase[0]
                for sentence in itertools.islice(sentences(one, template), 24):
                    text = re.sub(r"\s+", "", sentence) if tongue == "zh" else sentence
                    meant = {said.verb for said in meanings(text)}
                    assert meant == {one.name}, (tongue, text, meant)
                    seen += 1
    assert seen > 1_000


def test_subcommands_are_unique_and_their_places_are_arguments() -> None:
    names = [one.terminal.split()[0] for one in commands()]
    assert len(set(names)) == len(names)
    for one in commands():
        known = {parameter.name for parameter in one.parameters}
        assert {place.strip("[].") for place in one.terminal.split()[1:]} <= known, one.name


def test_the_schemas_are_those_that_the_utterances_speak() -> None:
    """The commands keep their names, arguments and choices: others have learnt to speak them."""
    kept = json.loads((ROOT / "tests" / "agent" / "commands.json").read_text())
    made = {one["function"]["name"]: one["function"]["parameters"] for one in tool_schemas()}
    for name, properties in kept.items():
        assert made[name]["properties"] == properties, name
    assert set(made) - set(kept) == {"pour_tea", "brew_tea"}


@cache
def _sources() -> tuple[tuple[Path, str, frozenset[str]], ...]:
    """Files of the product, their text, and the plain words that stand for a command in them."""
    found = []
    for path in sorted(path for layer in ("agent", "tools", "ui") for path in (ROOT / layer).rglob("*")):
        if path.suffix in (".py", ".yaml", ".js", ".css"):
            text = path.read_text(encoding="utf-8")
            plain = frozenset(_commands_named(text)) if path.suffix == ".py" else frozenset()
            found.append((path.relative_to(ROOT), text, plain))
    return tuple(found)


def _commands_named(text: str) -> Iterator[str]:
    """What a module names as a command: by declaring it, or as the first word given to whoever calls commands."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and any("command(" in ast.unparse(one) for one in node.decorator_list):
            yield node.name
        named = (
            isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value
        )
        if named and ast.unparse(node.func).rsplit(".", 1)[-1] in ("verb", "click", "order", "need", "_call"):
            yield str(named)


def _files_of(name: str) -> list[Path]:
    """Files that name the command: by an underscored word anywhere, by a plain one where it stands for the command."""
    if "_" not in name:
        return [path for path, _, plain in _sources() if name in plain]
    return [path for path, text, _ in _sources() if name in text and re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("name", sorted(json.loads((ROOT / "tests" / "agent" / "commands.json").read_text())))
def test_a_command_has_one_home(name: str) -> None:
    stage = re.compile(r"tools/(?:documents|synthesis|dataset|training|evaluation|deployment)/")
    files = [path for path in _files_of(name) if not stage.match(str(path))]
    assert len(files) <= 3, files
    assert any(str(path).startswith("agent/commands/") for path in files)


# --- what is said to users ---------------------------------------------------------------------------------------


def _texts(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings; what an f-string fills in is left as a gap."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    skipped = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
            yield "".join(str(value.value) if isinstance(value, ast.Constant) else "\0" for value in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def _quoted() -> Iterator[tuple[str, str]]:
    """Commands quoted in a message or a fix: after 'say', or before what they do."""
    for path in sorted(path for layer in ("agent", "tools", "ui") for path in (ROOT / layer).rglob("*.py")):
        for text in _texts(path):
            for match in re.finditer(r"'([^']{2,80})'", text):
                asked = re.search(
                    r"\b[Ss]ay(?:, for example,| again)? $|\b[Ss]ay [^.]*(?:or|then|and|say) $", text[: match.start()]
                )
                does = re.match(r" (?:shows|goes|makes|gets|restores|is still)\b", text[match.end() :])
                if asked or does:
                    yield str(path.relative_to(ROOT)), match[1]


def test_every_command_quoted_in_a_message_is_understood() -> None:
    quoted = list(_quoted())
    assert len(quoted) > 40
    for path, text in quoted:
        filled = [text.replace("\0", value) for value in ("5", "job-0a1b2c", " on dev", "")]
        known = any(parse(one) or understand(one).said_anything() for one in filled)
        given = read_field(text.replace("\0", "priority", 1).replace("\0", "low, high"))  # said when fields are given
        known = known or given.choices == ("low", "high")
        assert known or text in ("try: ", "the phone number is missing"), (path, text)


@pytest.mark.parametrize("tongue", ["en", "zh"])
def test_every_command_in_the_catalogue_is_understood(tongue: Literal["en", "zh"]) -> None:
    for key, sentence in catalogue(tongue).items():
        if not key.startswith(("next.", "help.", "declined", "pinned", "doubt.", "left.", "mended.")):
            continue
        for quoted in re.findall(r"`([^`]+)`", sentence):
            known = parse(quoted.replace("…", "x")) or understand(quoted).said_anything() or notes_in(quoted, FIELDS)
            assert known, (key, quoted)


def test_both_catalogues_say_the_same_things() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert set(english) == set(chinese)
    for key in english:
        fields = [set(re.findall(r"\{(\w+)\}", one[key])) for one in (english, chinese)]
        assert fields[0] == fields[1], key
