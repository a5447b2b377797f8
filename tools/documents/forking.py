"""A warm process without secrets that forks a child for each file: `python -m tools.documents.forking`.

Loading the readers takes longer than reading most files, so it is done once. The warm process opens no file itself: a
child starts with its loaded code, gives up all else, and what it learns or breaks ends with it.
"""

import contextlib
import os
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

from pydantic import Field

from tools.documents import reader
from tools.documents.kinds import Kind
from tools.records import Value

IDLE_S = 60.0  # without a file until it ends
READING, SAID = "reading.json", "said.txt"  # what a child leaves beside its source; its last words are for an error


class Order(Value):
    """A file to be read: a copy of it, alone in a folder of its own."""

    source: Path
    kind: Kind
    with_ocr: bool = False
    timeout_s: float = Field(gt=0)


def serve() -> None:
    """An order a line from standard input; `ended` or `late` to standard output when nothing of its child is left."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # nobody here needs it, and loading it takes seconds
    while select.select([0], [], [], IDLE_S)[0] and (line := sys.stdin.readline()):
        order = Order.model_validate_json(line)
        with contextlib.suppress(ImportError):  # the child will meet it again, and is heard
            reader.load(order.kind)
        print("ended" if _ended(order) else "late", flush=True)


def _ended(order: Order) -> bool:
    """Whether the child ended by itself. Standard input wakes this too: it closes when whoever asked is gone."""
    child = os.fork()
    if child == 0:
        _read_alone(order)
    handle = os.pidfd_open(child)
    ended = handle in select.select([handle, 0], [], [], order.timeout_s)[0]
    os.close(handle)
    # Until it is waited for, the number is the child's, dead or alive, and so is the group's.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return ended


def _read_alone(order: Order) -> NoReturn:
    """The child: a process group of its own, no way back to the pipes of the warm process."""
    try:
        os.setpgid(0, 0)
        folder = order.source.parent
        nothing, said = os.open(os.devnull, os.O_RDWR), os.open(folder / SAID, os.O_CREAT | os.O_WRONLY, 0o600)
        for own, given in ((0, nothing), (1, nothing), (2, said)):
            os.dup2(given, own)
        os.environ |= {"HOME": str(folder), "TMPDIR": str(folder)}
        tempfile.tempdir = str(folder)
        reader.read_confined(order.source, order.kind, folder / READING, with_ocr=order.with_ocr)
    except BaseException:  # noqa: BLE001  the edge of a process: whatever it was is told, and nothing of ours runs on
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve()
