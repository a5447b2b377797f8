"""Durable files: complete or absent, never half."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from tools.errors import RetortError

MANIFEST = "manifest.json"
UNFINISHED = ".tmp"  # ending of a file being written; a killed process may leave one behind


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or what it held before (temp file, fsync, rename, fsync folder)."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # the folder itself may be what is wrong
            temporary.unlink()
        raise RetortError(
            f"Could not write {path} ({len(data):,} bytes): {error.strerror}.",
            "Free disk space or choose another RETORT_HOME, then try again; nothing else was changed.",
        ) from error
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_jsonl(rows: Iterable[JsonValue]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def need_space(folder: Path, size_bytes: int, purpose: str) -> None:
    """Refuse early when `folder`'s disk has less than `size_bytes` free."""
    free = shutil.disk_usage(folder).free
    if free < size_bytes:
        raise RetortError(
            f"There is not enough disk space for {purpose}: {size_bytes / 1e6:,.0f} MB are needed, "
            f"and {free / 1e6:,.0f} MB are free at {folder}.",
            "Free some space or move RETORT_HOME to a larger disk, then try again; nothing made so far is lost.",
        )


def seal_folder(folder: Path) -> None:
    """Write the manifest (name -> sha256) last: a folder with a manifest is complete, one without is rubbish."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != UNFINISHED]
    names = sorted(str(path.relative_to(folder)) for path in paths)
    hashes = {name: sha256(folder / name) for name in names if name != MANIFEST}
    for name in hashes:  # whoever wrote them may have left them to the operating system
        _sync(folder / name)
    write_atomic(folder / MANIFEST, json.dumps(hashes, indent=1).encode())


def is_complete(folder: Path) -> bool:
    """Whether every file of the manifest is there with its hash."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return False
    try:
        hashes = dict(json.loads(manifest.read_bytes()))
    except (ValueError, TypeError):
        return False  # not what `seal_folder` wrote
    return all((folder / name).is_file() and sha256(folder / name) == digest for name, digest in hashes.items())
