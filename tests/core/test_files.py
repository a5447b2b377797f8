"""Files are complete or absent: a kill at any moment leaves what was there, and nothing half is taken for whole."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.errors import RetortError
from tools.files import MANIFEST, is_complete, need_space, seal_folder, sha256, to_jsonl, write_atomic

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
from tools import files
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
setattr(*{"fsync": (os, "fsync", die), "rename": (Path, "replace", die)}[sys.argv[2]])
files.write_atomic(Path(sys.argv[1]), b"new" * 100_000)
"""


@pytest.mark.parametrize("moment", ["fsync", "rename"])
def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    [left] = [found for found in tmp_path.iterdir() if found != path]
    assert list(tmp_path.glob("*.jsonl")) == [path]  # no pattern for data finds it
    seal_folder(tmp_path)
    left.unlink()
    assert is_complete(tmp_path)  # what was left never belonged to the folder
    write_atomic(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_a_new_file_in_a_new_folder(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a/b/c.bin", b"\x00\xff")
    assert (tmp_path / "a/b/c.bin").read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path / "a/b") == ["c.bin"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    for path in (tmp_path / "file/below.txt", tmp_path / "folder"):
        (tmp_path / "folder/full").mkdir(parents=True, exist_ok=True)
        with pytest.raises(RetortError) as caught:
            write_atomic(path, b"12345")
        assert str(path) in caught.value.problem
        assert "5 bytes" in caught.value.problem
        assert "RETORT_HOME" in caught.value.fix
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"kept"


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "v1"
    write_atomic(folder / "train.jsonl", b"train")
    write_atomic(folder / "sealed/test.jsonl", b"test")
    assert not is_complete(folder)
    seal_folder(folder)
    assert is_complete(folder)
    return folder


@pytest.mark.parametrize("name", ["train.jsonl", "sealed/test.jsonl"])
def test_a_changed_or_missing_file_breaks_the_seal(sealed: Path, name: str) -> None:
    path = sealed / name
    before = path.read_bytes()
    path.write_bytes(before[::-1])
    assert not is_complete(sealed)
    path.unlink()
    assert not is_complete(sealed)
    path.write_bytes(before)
    assert is_complete(sealed)


@pytest.mark.parametrize("manifest", [b"", b"{", b"[1]", b"null", b'{"train.jsonl": "0"}', b"\xff"])
def test_a_broken_manifest_is_no_seal(sealed: Path, manifest: bytes) -> None:
    (sealed / MANIFEST).write_bytes(manifest)
    assert not is_complete(sealed)


def test_sealing_again_takes_the_new_content(sealed: Path) -> None:
    (sealed / "train.jsonl").write_bytes(b"other")
    seal_folder(sealed)
    assert is_complete(sealed)


def test_jsonl_is_stable_and_readable() -> None:
    assert to_jsonl([{"b": "王\u2028\n", "a": 1}, []]) == '{"b": "王\u2028\\n", "a": 1}\n[]\n'.encode()
    assert to_jsonl([]) == b""


def test_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_space_is_asked_for_early(tmp_path: Path) -> None:
    need_space(tmp_path, 1, "a byte")
    with pytest.raises(RetortError, match="not enough disk space for the moon") as caught:
        need_space(tmp_path, 10**18, "the moon")
    assert "1,000,000,000,000 MB are needed" in caught.value.problem
