"""From what people call things to ids: sample numbers, file names, the newest job. As types of arguments.

An argument annotated with one of these types takes what a person says, and is settled to the exact id before
anything is asked or done.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import JsonValue

from agent import uploads
from agent.command import Here, Settled, Spoken
from tools.errors import RetortError
from tools.records import Document, Job, Rule, Sample
from tools.synthesis.check.rules import unseen

# --- samples ------------------------------------------------------------------------------------------------------

_ITEM = r"(?:#|第|sample\s+|amostra\s+)?\d+(?:\s*(?:-|–|to|到|至|até|a)\s*\d+)?\s*(?:号|条|个)?"
_NUMBERS = rf"{_ITEM}(?:(?:\s*(?:,|，|、|and|和|e|&)\s*|\s+){_ITEM})*"
_ALL = (
    r"(?:all|everything|all of them|them all)(?:\s*(?:the\s+)?(?:of\s+)?(?:samples|drafts))?"
    r"|(?:全部|所有|全都|都)(?:的)?(?:样本)?(?:都)?|tudo|tod[ao]s(?:\s+(?:as\s+)?amostras)?"
)


def _spread(said: str) -> list[JsonValue]:
    """'1, 3-5 and 7' as ['1', '3', '4', '5', '7'], each once, in the order said; words without numbers mean all."""
    found: list[JsonValue] = []
    for begun, ended in re.findall(r"(\d+)(?:\s*(?:-|–|to|到|至|até|a)\s*(\d+))?", said):
        first, last = sorted((int(begun), int(ended or begun)))  # '5-3' is 3 to 5
        found += [str(number) for number in range(first, min(last, first + 999) + 1) if str(number) not in found]
    return found if re.search(r"\d", said) else ["all"]


def sample_ids(here: Here, said: Sequence[str]) -> list[str]:
    """Ids of samples named by number on the last card, by id, or 'all': the drafts that were shown, and what
    nobody has judged yet on the last card."""
    if [one.lower() for one in said] == ["all"]:
        return _all_shown(here)
    if not said:
        raise RetortError("No sample was named.", "Say, for example, 'approve 1,3' or 'approve all'.")
    return list(dict.fromkeys(sample_id(here, one) for one in said))


def _all_shown(here: Here) -> list[str]:
    last, seen = set(here.shown.last), set(here.shown.seen)
    shown = sorted(here.catalog.named(Sample, last | seen), key=lambda one: one.created_at)
    waits = [one for one in shown if unseen(one) or (one.real and one.state == "draft")]
    ids = [one.id for one in waits if one.id in (seen if one.state == "draft" else last)]
    if not ids:
        raise RetortError(
            "None of the samples shown to you is waiting.", "Say 'draft 5 samples' or 'review 10' to see some."
        )
    return ids


def sample_id(here: Here, said: str) -> str:
    if not said.isdigit():
        return _own(here, here.catalog.get(Sample, said)).id
    if not 1 <= int(said) <= len(here.shown.last):
        shown = f"1 to {len(here.shown.last)}" if here.shown.last else "no samples"
        missing = f"There is no sample {said} on the last card, which shows {shown}."
        raise RetortError(missing, "Say 'show samples' to see their numbers.")
    return here.shown.last[int(said) - 1]


def _if_said(here: Here, said: str) -> str:
    return sample_id(here, said) if said else ""


def _ids_if_said(here: Here, said: Sequence[str]) -> list[str]:
    return sample_ids(here, said) if said else []


_ONE = Spoken(pattern=r"#?\s*\d+", read=lambda said: said.strip("# "), sample="2")
SampleRef = Annotated[str, Settled(by=sample_id), _ONE]
SampleRefIfSaid = Annotated[str, Settled(by=_if_said), _ONE]
SampleRefs = Annotated[
    Sequence[str], Settled(by=sample_ids), Spoken(pattern=rf"{_ALL}|{_NUMBERS}", read=_spread, sample="1,3")
]
SampleRefsIfSaid = Annotated[
    Sequence[str], Settled(by=_ids_if_said), Spoken(pattern=_NUMBERS, read=_spread, sample="1,3")
]


def rule_id(here: Here, said: str) -> str:
    """The named rule or the newest proposed one; one that is in force needs no second confirmation."""
    proposed = here.catalog.find(Rule, here.project_id, states=("proposed",))
    found = [one.id for one in proposed if said in ("", one.id)]
    if not found:
        raise RetortError(
            f"There is no proposed rule{f' {said!r}' if said else ''}.",
            "Reject a sample with a reason, for example 'reject 2: no phone', or say 'rules' to see the rules.",
        )
    return found[-1]


RuleRef = Annotated[str, Settled(by=rule_id), Spoken(pattern=r"rule-\w+", sample="rule-0a1b2c")]

# --- documents and files ------------------------------------------------------------------------------------------


def current_documents(here: Here) -> list[Document]:
    """The documents as they are now, without versions that were replaced."""
    return [one for one in here.catalog.find(Document, here.project_id) if one.state == "current"]


def document_id(here: Here, said: str) -> str:
    """A document by its file name or id; '' is the newest."""
    known = current_documents(here)
    found = [one for one in known if not said or said.lower() in (one.name.lower(), one.id)]
    if not found:
        names = ", ".join(one.name for one in known[-5:]) or "none yet"
        problem = f"There is no document {said!r}." if said else "There are no documents yet."
        raise RetortError(problem, f"Documents in this project: {names}.")
    return found[-1].id


def scanned_ids(here: Here, said: Sequence[str]) -> list[str]:
    """Documents with scanned pages: those named, or all."""
    named = [] if [one.lower() for one in said] in ([], ["all"]) else [document_id(here, one) for one in said]
    found = [one.id for one in current_documents(here) if one.scans and (not named or one.id in named)]
    if not found:
        raise RetortError("None of these documents has scanned pages.", "Only pages without text need OCR.")
    return found


def upload_id(here: Here, said: str) -> str:
    return uploads.find(here.catalog, here.project, said)[0].id


_FILE_NAME = r"\S.*\.\w{2,5}|document-\w+"
DocumentRef = Annotated[str, Settled(by=document_id), Spoken(pattern=_FILE_NAME, sample="guide.pdf")]
_QUOTED = Spoken(pattern=r"\S.*?", read=lambda said: said.strip("\"'`“”「」 "), sample="guide.pdf")
AnyDocumentRef = Annotated[str, Settled(by=document_id), _QUOTED]
ScannedRefs = Annotated[
    Sequence[str],
    Settled(by=scanned_ids),
    Spoken(pattern=_FILE_NAME, read=lambda said: [said], sample="scan.pdf"),
]
UploadRef = Annotated[str, Settled(by=upload_id), Spoken(pattern=_FILE_NAME, sample="rows.csv", file=True)]
UploadRefs = Annotated[
    Sequence[str],
    Settled(by=lambda here, said: [upload_id(here, one) for one in said]),
    Spoken(sample="guide.pdf", file=True),
]

# --- jobs, matches -----------------------------------------------------------------------------------


def _job(here: Here, said: str, states: Sequence[str], what: str) -> str:
    """The named job, or the newest one in these states that does not serve."""
    if said:
        return _own(here, here.catalog.get(Job, said)).id
    known = [job for job in here.catalog.find(Job, here.project_id, states=states) if job.order.ends]
    if not known:
        raise RetortError(f"There is no {what} job in this project.", "Say 'status' to see the jobs.")
    return known[-1].id


def active_job(here: Here, said: str) -> str:
    return _job(here, said, ("queued", "running", "stopping"), "running")


def ended_job(here: Here, said: str) -> str:
    return _job(here, said, ("stopped", "failed", "died"), "stopped or failed")


def match_shown(here: Here, said: str) -> str:
    """The match that was shown last, unless one is given. RetortError where none was shown."""
    if not (found := said or here.shown.match):
        raise RetortError("No pair of answers is being shown.", "Say 'arena' to see a pair.")
    return found


_JOB = Spoken(pattern=r"job-\w+", sample="job-0a1b2c")
ActiveJob = Annotated[str, Settled(by=active_job), _JOB]
EndedJob = Annotated[str, Settled(by=ended_job), _JOB]
MatchShown = Annotated[str, Settled(by=match_shown)]


def _own(here: Here, record: Sample | Job) -> Sample | Job:
    """A record of another project answers like one that does not exist."""
    if record.project_id != here.project_id:
        noun = type(record).__name__.lower()
        raise RetortError(f"There is no {noun} {record.id!r} in this project.", "Say 'status' to see what it contains.")
    return record
