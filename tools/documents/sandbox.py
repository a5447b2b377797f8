"""Untrusted files are opened in a child that can be killed: own process group, no secrets, bounded time and
memory (`confinement.py` sets the limits)."""

import atexit
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import ValidationError

from tools.documents.forking import READING, SAID, Order
from tools.documents.kinds import Kind
from tools.documents.reading import Reading
from tools.errors import RetortError

TIMEOUT_S = 60.0
COMMAND = (sys.executable, "-m", "tools.documents.forking")

_idle: "list[subprocess.Popen[str]]" = []  # warm processes that wait for a file; each serves one thread at a time


def read(source: Path, kind: Kind, name: str, *, with_ocr: bool = False, timeout_s: float = TIMEOUT_S) -> Reading:
    """The file's elements. Raises RetortError naming `name` when it cannot be read or takes too long."""
    with tempfile.TemporaryDirectory(prefix="retort-read-") as folder:
        own = Path(folder).resolve() / f"source{source.suffix}"  # the child works on a copy and writes only here
        own.write_bytes(source.read_bytes())
        if _carried_out(Order(source=own, kind=kind, with_ocr=with_ocr, timeout_s=timeout_s)) == "late":
            raise RetortError(
                f"{name!r} took longer than {timeout_s:.0f} s to read.",
                "Split it into smaller files, or save it as .txt.",
            )
        try:
            reading = Reading.model_validate_json(own.with_name(READING).read_bytes())
        except (FileNotFoundError, ValidationError) as error:
            words = _last_line(own.with_name(SAID))
            raise RetortError(
                f"{name!r} could not be read; its reader ended with: {words or 'no message (out of memory?)'}.",
                "Save it again in another format (.txt, .md, .docx, .pdf with text) and add that file.",
            ) from error
    if reading.problem:
        raise RetortError(f"{name!r} could not be read: {reading.problem}.", reading.fix)
    return reading


def _carried_out(order: Order) -> str:
    """How the child ended; nothing when the warm process ended with it. One that had grown old is replaced."""
    while True:
        try:
            process, fresh = _idle.pop(), False
        except IndexError:
            process, fresh = _started(), True
        answer = ""
        try:
            answer = _answered(process, order)
        finally:
            if answer:
                _idle.append(process)
            else:
                _end(process)
        if answer or fresh:
            return answer


def _started() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        COMMAND,
        cwd=Path(__file__).parent.parent.parent,
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _answered(process: "subprocess.Popen[str]", order: Order) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(order.model_dump_json() + "\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


def _end(process: "subprocess.Popen[str]") -> None:
    """A warm process whose input closes kills its child; one that has ended already is only buried."""
    with contextlib.suppress(BrokenPipeError), process:
        pass


@atexit.register
def end_all() -> None:
    while _idle:
        _end(_idle.pop())


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    said = [line for line in lines if line.strip()]
    return said[-1][:200] if said else ""


def _environment() -> dict[str, str]:
    """Nothing of ours: no keys, no proxies, no home; and no reports of use."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "DO_NOT_TRACK": "1",
        "SCARF_NO_ANALYTICS": "true",
        "UNSTRUCTURED_DISABLE_NOTICE": "1",
        "HF_HUB_OFFLINE": "1",
    }
