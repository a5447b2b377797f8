"""What became of some files, in the words a person wants: pages, passages, languages, what was not read and why."""

from tools.documents.adding import Added
from tools.documents.confinement import has_landlock


def summary(added: Added) -> str:
    """A sentence, and a list of what could not be read. Notes of single files stand on their card."""
    new = [one for one in added.documents if one.name not in added.known]
    passages, pages = sum(one.passages for one in new), sum(one.pages for one in new)
    languages = list(dict.fromkeys(code for one in new for code in one.languages))
    told = []
    if new:
        names = new[0].name if len(new) == 1 else f"{len(new)} files"
        counts = [*([_plural(pages, "page")] if pages else []), _plural(passages, "passage")]
        spoken = f" ({', '.join(languages)})" if languages else ""
        told.append(f"Read {names}: {', '.join(counts)}{spoken}.")
    if added.known:
        names = added.known[0] if len(added.known) == 1 else f"{len(added.known)} files"
        told.append(f"{names} {'was' if len(added.known) == 1 else 'were'} already here and unchanged.")
    changed = [one.name for one in new if one.replaces]
    if changed:
        told.append(f"There is a new version of {', '.join(changed)}; the card shows what changed.")
    scanned = [one for one in new if one.scans]
    if len(new) == 1 and new[0].note:
        told.append(new[0].note)
    elif scanned:
        told.append(f"{len(scanned)} of them contain scans; say 'ocr' to read these too.")
    if new and not has_landlock():
        told.append(
            "Note: this kernel has no Landlock, so the programs that read them had no network but could "
            "have read other files."
        )
    lines = [f"- {problem} {fix}" for problem, fix in added.problems]
    return "\n".join([" ".join(told), *(["Not read:", *lines] if lines else [])]).strip()


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
