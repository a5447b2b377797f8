"""Untrusted files are opened in a child that can be killed: own process group, no secrets, bounded time and memory."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import ValidationError

from tools.documents.kinds import Kind
from tools.documents.reading import Reading
from tools.errors import RetortError

TIMEOUT_S = 60.0


def read(source: Path, kind: Kind, name: str, *, with_ocr: bool = False, timeout_s: float = TIMEOUT_S) -> Reading:
    """The file's elements. Raises RetortError naming `name` when it cannot be read or takes too long."""
    with tempfile.TemporaryDirectory(prefix="retort-read-") as folder:
        own = Path(folder).resolve() / f"source{source.suffix}"  # the child works on a copy and writes only here
        own.write_bytes(source.read_bytes())
        out = own.with_name("reading.json")
        command = [sys.executable, "-m", "tools.documents.reader", str(own), kind, str(out)]
        words = _run([*command, *(["ocr"] if with_ocr else [])], str(own.parent), name, timeout_s)
        try:
            reading = Reading.model_validate_json(out.read_bytes())
        except (FileNotFoundError, ValidationError) as error:
            raise RetortError(
                f"{name!r} could not be read; its reader ended with: {words or 'no word (out of memory?)'}.",
                "Save it again in another format (.txt, .md, .docx, .pdf with text) and add that.",
            ) from error
    if reading.problem:
        raise RetortError(f"{name!r} could not be read: {reading.problem}.", reading.fix)
    return reading


def _run(command: list[str], folder: str, name: str, timeout_s: float) -> str:
    """Run the child to its end; the last line it said."""
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parent.parent.parent,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise RetortError(
            f"{name!r} took longer than {timeout_s:.0f} s to read.", "Split it into smaller files, or save it as .txt."
        ) from error
    finally:
        _kill(process)
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group, children of the child too."""
    with contextlib.suppress(ProcessLookupError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()


def _environment(folder: str) -> dict[str, str]:
    """Nothing of ours: no keys, no proxies, no home; and no reports of use."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "DO_NOT_TRACK": "1",
        "SCARF_NO_ANALYTICS": "true",
        "UNSTRUCTURED_DISABLE_NOTICE": "1",
        "HF_HUB_OFFLINE": "1",
    }
