"""The process that opens a stranger's file has no network, no secrets, no other files, bounded memory and time."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.documents import sandbox
from tools.errors import RetortError

CONFINED = """
import os, socket, subprocess, sys
from pathlib import Path
from tools.documents.confinement import confine
confine(Path({folder!r}))
try:
    {attempt}
except (PermissionError, MemoryError) as error:
    print(type(error).__name__)
else:
    print("done")
"""


def attempt(folder: Path, code: str) -> str:
    """What a confined process says after it tried to run `code`."""
    program = CONFINED.format(folder=str(folder), attempt=code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout.strip() or done.stderr


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("elsewhere") / "secret"
    found.write_text("hush")
    return found


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> "Iterator[list[subprocess.Popen[str]]]":
    """Warm processes of this test's own, none at first."""
    found: list[subprocess.Popen[str]] = []
    monkeypatch.setattr(sandbox, "_idle", found)
    yield found
    sandbox.end_all()


def test_no_socket_can_be_made_by_it_or_by_its_children(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"socket.create_connection(('127.0.0.1', {port}), 2)"
        socket.create_connection(("127.0.0.1", port), 2).close()  # the address does answer
        assert attempt(folder, connect) == "PermissionError"
        script = folder / "connect.py"
        script.write_text(f"import socket; {connect}")
        assert "Permission denied" in attempt(folder, f"subprocess.run([sys.executable, {str(script)!r}], check=True)")
    for family in ("AF_INET6", "AF_UNIX", "AF_NETLINK"):
        assert attempt(folder, f"socket.socket(socket.{family})") == "PermissionError"


def test_other_files_and_processes_are_out_of_reach(folder: Path, secret: Path) -> None:
    for code in (
        f"open({str(secret)!r}).read()",
        f"open({str(secret)!r}, 'w')",
        f"os.remove({str(secret)!r})",
        f"os.listdir({str(secret.parent)!r})",
        f"open({str(secret.parent / 'new')!r}, 'w')",
        f"open('/proc/{os.getpid()}/environ').read()",
        f"open({str(ROOT / 'pyproject.toml')!r}).read()",
    ):
        assert attempt(folder, code) == "PermissionError", code
    assert attempt(folder, f"Path({str(folder / 'mine')!r}).write_text('x')") == "done"
    assert secret.read_text() == "hush"


def test_memory_is_bounded(folder: Path) -> None:
    assert attempt(folder, "bytearray(1100 << 20)") == "MemoryError"
    assert attempt(folder, "bytearray(500 << 20)") == "done"


@pytest.mark.usefixtures("pool")
def test_a_slow_reader_is_killed_with_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child hangs and has a child of its own: both are gone, and so is the copy."""
    pid = tmp_path / "pid"
    write_pid = f"open({str(pid)!r}, 'w').write(str(child))"  # by the parent alone: two writers would mix their digits
    replace_reader(monkeypatch, f"import os, time\nchild = os.fork()\nif child: {write_pid}\ntime.sleep(600)")
    with pytest.raises(RetortError, match=r"'a.txt' took longer than"):
        sandbox.read(write(tmp_path / "a.txt", "hello"), "text", "a.txt", timeout_s=1.5)
    deadline = time.monotonic() + 60  # far below what the child sleeps
    while _is_running(int(pid.read_text())):
        assert time.monotonic() < deadline, "the reader's own child lives on"
        time.sleep(0.01)


@pytest.mark.usefixtures("pool")
def test_the_reader_knows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("RETORT_TEACHER_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    replace_reader(monkeypatch, f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))")
    with pytest.raises(RetortError, match=r"its reader ended with: no message"):
        sandbox.read(write(tmp_path / "a.txt", "hello"), "text", "a.txt")
    environment = seen.read_text()
    assert "sk-secret" not in environment
    assert "hush" not in environment
    assert "'DO_NOT_TRACK': '1'" in environment


@pytest.mark.usefixtures("pool")
def test_a_child_cannot_speak_for_the_warm_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it writes into the pipes it may have been left, the answer is the warm process's own."""
    replace_reader(
        monkeypatch, "import os\nfor fd in range(3, 64):\n try: os.write(fd, b'late\\n')\n except OSError: pass"
    )
    for _ in range(2):
        with pytest.raises(RetortError, match=r"its reader ended with: late"):  # only its own last words were writable
            sandbox.read(write(tmp_path / "a.txt", "hello"), "text", "a.txt")


def test_one_warm_process_serves_file_after_file_and_is_replaced_when_it_died(
    tmp_path: Path, pool: "list[subprocess.Popen[str]]"
) -> None:
    source, pids = write(tmp_path / "a.txt", "hello"), []
    for _ in range(3):
        assert [one.text for one in sandbox.read(source, "text", "a.txt").elements] == ["hello"]
        pids.append([warm.pid for warm in pool])
    assert pids[0] == pids[1] == pids[2]
    pool[0].kill()
    pool[0].wait()
    assert sandbox.read(source, "text", "a.txt").elements
    assert [warm.pid for warm in pool] != pids[0]


def replace_reader(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The same sandbox, with another program in the child."""
    code = (
        f"from tools.documents import forking, reader; reader.read_confined = lambda *_, **__: exec({script!r}, {{}})"
    )
    monkeypatch.setattr(sandbox, "COMMAND", (sys.executable, "-c", f"{code}; forking.serve()"))


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
