"""Files the user gave: kept under names of our own, so that a verb can only ever name what a user really uploaded."""

import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import need_space, sha256
from tools.records import Project, Value, new_id

FOLDER = "inbox"


class Upload(Value):
    """One file of the user's: the id that verbs take, the name that people read."""

    id: str
    name: str


def keep(catalog: Catalog, project: Project, files: Sequence[Path]) -> list[Upload]:
    """Copy the files into the project; their names are for display only and lose every path part."""
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise RetortError(f"There is no file {str(missing[0])!r}.", "Check the path and give the file again.")
    kept = []
    for path in files:
        upload = Upload(id=new_id("upload"), name=_display_name(path.name))
        folder = catalog.folder(project) / FOLDER / upload.id
        folder.mkdir(parents=True)
        need_space(folder, path.stat().st_size, f"the file {upload.name}")
        shutil.copyfile(path, folder / upload.name)
        kept.append(upload)
    return kept


def find(catalog: Catalog, project: Project, reference: str) -> tuple[Upload, Path]:
    """The upload of this id or, failing that, the newest one with this display name."""
    inbox = catalog.folder(project) / FOLDER
    paths = sorted(inbox.glob("upload-*/*"), key=lambda path: path.stat().st_mtime_ns)
    named = [path for path in paths if reference in (path.parent.name, path.name)]
    if not named:
        known = ", ".join(path.name for path in paths[-5:]) or "none"
        raise RetortError(
            f"There is no upload {reference!r}.", f"Drop the file into the chat. Uploaded so far: {known}."
        )
    return Upload(id=named[-1].parent.name, name=named[-1].name), named[-1]


def forget(catalog: Catalog, project: Project, digests: Collection[str]) -> None:
    """Delete the uploads whose bytes have one of these SHA-256 digests."""
    for path in (catalog.folder(project) / FOLDER).glob("upload-*/*"):
        if sha256(path) in digests:
            shutil.rmtree(path.parent)


def _display_name(name: str) -> str:
    """The last path part without control characters, at most 120 characters, ending kept (it tells the type)."""
    clean = re.sub(r"[\x00-\x1f/\\]", "_", name).strip(". ") or "file"
    return clean if len(clean) <= 120 else f"{clean[:100]}…{clean[-19:]}"
