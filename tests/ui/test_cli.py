"""The command line: quick help, every command as a subcommand, the gate at the prompt, errors with their fix."""

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from agent.session import Session
from agent.toolbox import commands
from tests.agent.conftest import make_sample, states
from tests.ui.conftest import ROOT
from tools.catalog import Catalog
from tools.records import Job, Project
from ui.cli import declared, main, whole_parser
from ui.subcommands import DECLINED, DONE, REFUSED, WAITS

RETORT = f"{sys.executable} -m ui.cli"


class Typed(NamedTuple):
    """What a program left that ran at a terminal of its own."""

    code: int
    out: str  # its standard output, which is a pipe, as in a script that keeps JSON
    seen: str  # what stood on the terminal


def at_terminal(command: list[str], catalog: Catalog, answers: str = "", timeout_s: float = 300) -> Typed:
    """Run a command whose input and error stream are a pseudo-terminal, where `answers` are typed at each prompt."""
    leader, follower = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RETORT_HOME": str(catalog.home), "RETORT_CATALOG_URL": catalog.url}
    seen: list[bytes] = []

    def read() -> None:
        typed = 0
        while True:
            try:
                seen.append(os.read(leader, 4096))
            except OSError:  # the other side is closed
                return
            if b"".join(seen).count(b"approve? [y/N]") > typed:
                os.write(leader, f"{answers}\n".encode())
                typed += 1

    reader = threading.Thread(target=read)
    with subprocess.Popen(
        command, stdin=follower, stderr=follower, stdout=subprocess.PIPE, env=env, cwd=ROOT, start_new_session=True
    ) as process:
        os.close(follower)
        reader.start()
        out, _ = process.communicate(timeout=timeout_s)
        reader.join(timeout=10)
    os.close(leader)
    return Typed(process.returncode, out.decode(), b"".join(seen).decode())


def retort(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ui.cli", *arguments]


# --- help ---------------------------------------------------------------------------------------------------------


def test_help_lists_everything_and_loads_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ui.cli", "--help"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60)
    for word in ("ui", "chat", "demo", "list", "setup-check", "generate", "undeploy", "answer", "mcp"):
        assert f"  {word}" in done.stdout, word
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    tops = {name.split(".")[0] for name in loaded if not name.startswith("_")}
    at_start = {"imported package", "sitecustomize", "usercustomize", "distutils-precedence"}
    assert tops - set(sys.stdlib_module_names) - at_start == {"ui", "tools"}  # what makes it answer at once


def test_the_help_lists_exactly_the_declared_commands() -> None:
    assert [one.name for one in declared()] == [one.terminal.split()[0] for one in commands()]
    assert all(one.about for one in declared())


def test_every_subcommand_has_its_help_and_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    for one in commands():
        with pytest.raises(SystemExit) as ended:
            whole_parser().parse_args([one.terminal.split()[0], "--help"])
        assert ended.value.code == 0
        told = capsys.readouterr().out
        for parameter in one.parameters:
            spelled = (parameter.spoken.option or parameter.name).replace("_", "-")
            choice = next((str(choice) for choice in get_args(parameter.kind) if choice), spelled)
            shown = spelled in told or parameter.name in told or choice in told
            assert shown or not parameter.settled.offered, (one.name, parameter.name)


def test_version_and_completions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("retort ")
    assert main(["completions", "bash"]) == 0
    script = capsys.readouterr().out
    assert "check-forgetting" in script
    assert subprocess.run(["bash", "-n"], input=script.encode(), check=False).returncode == 0


# --- errors -------------------------------------------------------------------------------------------------------


def test_an_error_is_two_sentences_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETORT_CATALOG_URL", "nonsense")
    assert main(["list"]) == REFUSED
    told = capsys.readouterr().err
    assert "nonsense" in told
    assert "RETORT_CATALOG_URL" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["status"], "There are no projects in"),
        (["status", "--project", "nowhere"], "There is no project 'nowhere'"),
        (["import", "no-such-file.csv"], "There is no upload 'no-such-file.csv'"),
    ],
)
def test_what_is_not_there_is_told(
    catalog: Catalog, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(arguments) == REFUSED
    assert problem in capsys.readouterr().err


# --- commands -----------------------------------------------------------------------------------------------------


def test_projects_are_begun_listed_and_named(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == DONE
    assert "no project" in capsys.readouterr().out
    assert main(["new", "Tea", "--json"]) == DONE
    made = json.loads(capsys.readouterr().out)
    assert main(["task", "Sort teas", "--kind", "classification", "--labels", "green", "black"]) == DONE
    assert "choose one of green, black" in capsys.readouterr().out
    assert main(["status", "--project", "Tea", "--json"]) == DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["project"], told["failed"], told["show"][0]["kind"]) == (made["project"], False, "report")
    assert main(["list", "--json"]) == DONE
    assert [one["project_id"] for one in json.loads(capsys.readouterr().out)] == [made["project"]]


@pytest.mark.slow
def test_a_file_is_given_by_its_path(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("input,output\nCall Ann on 555-0100.,Ann\nCall Bob on 555-0101.,Bob\n")
    done = at_terminal(retort("import", str(rows), "--split", "test", "--json"), catalog)
    assert done.code == DONE, done
    assert "Imported 2 rows from rows.csv" in json.loads(done.out)["text"]
    assert states(catalog, project) == ["approved", "approved"]


def test_without_a_terminal_the_question_waits_and_says_where(
    catalog: Catalog, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog.add(make_sample(project, 1))
    assert main(["samples"]) == DONE
    assert main(["approve", "all", "--json"]) == WAITS
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["waiting"]["verb"] == "approve_samples"
    assert f"retort answer --project {project.id}" in told["text"]
    assert main(["answer"]) == WAITS  # nor here
    assert main(["approve", "1"]) == REFUSED
    assert main(["status"]) == DONE  # what is free goes on beside it
    assert states(catalog, project) == ["draft"]
    done = at_terminal(retort("answer"), catalog, "y")
    assert done.code == DONE, done
    assert "approval needed (review): approve_samples" in done.seen
    assert states(catalog, project) == ["approved"]


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "code", "jobs"), [("y", DONE, 1), ("n", DECLINED, 0), ("", DECLINED, 0)])
def test_a_gated_command_asks_at_the_prompt(
    catalog: Catalog, project: Project, typed: str, code: int, jobs: int
) -> None:
    done = at_terminal(retort("generate", "5", "--max-minutes", "3", "--wait", "--json"), catalog, typed)
    assert "approval needed (spend): generate_samples" in done.seen
    assert "max_minutes = 3" in done.seen
    assert done.code == code, done
    found = catalog.find(Job, project.id)
    assert [one.state for one in found] == ["done"] * jobs
    if jobs:
        assert json.loads(done.out)["job"]["id"] == found[0].id
        assert main(["wait", found[0].id]) == DONE
        assert main(["logs", found[0].id]) == DONE


@pytest.mark.slow
def test_what_a_person_types_needs_no_second_yes_where_their_word_is_enough(catalog: Catalog, project: Project) -> None:
    catalog.add_all([make_sample(project, number) for number in (1, 2, 3)])
    assert at_terminal(retort("samples"), catalog).code == DONE
    done = at_terminal(retort("approve", "1,3"), catalog)
    assert done.code == DONE, done
    assert "approve?" not in done.seen
    assert states(catalog, project) == ["approved", "draft", "approved"]
    told = [entry.text for entry in Session(catalog, project.id).transcript()]
    assert "From the terminal: `retort approve 1,3`" in told


def test_setup_check_tells_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup-check"]) == 0
    told = capsys.readouterr().out
    assert "gradio 6" in told
    assert "the built-in guide" in told


@pytest.mark.slow
def test_a_script_of_subcommands_does_the_whole_job(
    catalog: Catalog, tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`examples/shipping/terminal.sh` under set -e, with each approval typed at a pseudo-terminal."""
    for name, value in {
        "RETORT": RETORT,
        "RETORT_STUDENT": f"path:{tiny_student}",
        "COUNT": "120",
        "TEST_ROWS": "16",
        "OUT": str(tmp_path / "out"),
    }.items():
        monkeypatch.setenv(name, value)
    done = at_terminal(["bash", "examples/shipping/terminal.sh"], catalog, "y", timeout_s=580)
    assert done.code == 0, done
    assert done.seen.count("approve? [y/N]") == 3  # generate, train, evaluate
    kept = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")}
    [table] = [one["data"] for one in kept["scores"]["show"]]
    assert table["n"] == 16
    assert [row["candidate"] for row in table["rows"]].count("base") == 1
    assert kept["answer"]["show"][0]["data"][0]["candidate"].startswith("step")
    assert {one["kind"] for one in kept["costs"]["show"][0]["data"]} == {"compute"}
