"""What a generation will cost and take, as ranges, before it is approved: from what was measured here, else guessed."""

import math
from statistics import fmean

from tools.catalog import Catalog
from tools.records import NO_CARE, Answer, Care, Document, Estimate, Expense, Project, Value
from tools.settings import Price
from tools.synthesis.making import Maker
from tools.synthesis.simulator import Simulator
from tools.synthesis.teacher import pick_teacher
from tools.synthesis.teaching import Teacher, TeacherRequest, Usage

_SIMULATED_PER_MINUTE = 6_000  # measured on 2 busy cores, catalog writes included
_RECENT, _ENOUGH = 200, 3  # answers of this teacher that are looked at, and that say more than a guess


class _Expected(Value):
    """One request as expected, and how far from it the whole may be."""

    tokens: float
    usd: float
    seconds: tuple[float, float]
    good: float
    low: float
    high: float
    basis: str


def estimate(catalog: Catalog, project: Project, count: int, care: Care = NO_CARE) -> Estimate:
    """Raises RetortError when the generation could not start: an incomplete task, no key, a field nobody can draw."""
    teacher = pick_teacher(project.task, f"{project.id}/estimate")
    maker = Maker(catalog, project, teacher, seed="estimate", state="draft", care=care)
    what = f"{count:,} samples by {teacher.source}"
    if isinstance(teacher, Simulator):
        return _simulated(what, count, documents=sum(catalog.count(Document, project.id).values()))
    each = min(count, teacher.samples_per_request)
    request = maker.request(0, each)
    plain = care == NO_CARE and not request.critique  # which rules ask for too
    known = _measured(catalog, project, teacher.source, each) if plain else None
    expected = known or _guessed(teacher.expect(request), each)
    requests = math.ceil(count / each)
    most = math.ceil(count / expected.good * expected.high)
    slots = min(teacher.concurrency, requests)
    calls = request.answers_each + request.critique  # of a request
    rounds = 1 + (request.answers_each > 1) + request.critique  # its further answers come side by side
    fast, slow = (rounds * seconds for seconds in expected.seconds)
    return Estimate(
        what=what,
        calls_low=requests * calls,
        calls_high=most * calls,
        tokens_low=round(requests * expected.tokens * expected.low),
        tokens_high=round(most * expected.tokens * expected.high),
        usd_low=requests * expected.usd * expected.low,
        # A request leaves only when its dearest outcome fits, so the last one needs that much room.
        usd_high=most * expected.usd * expected.high + teacher.most_usd(request),
        minutes_low=requests * fast / slots / 60,
        minutes_high=(most / slots + 1) * slow / 60,
        notes=(
            expected.basis,
            *_care_notes(teacher, request, requests),
            _price_note(teacher.price, "" if teacher.price_is_known else teacher.model),
        ),
    )


def _guessed(usage: Usage, each: int) -> _Expected:
    return _Expected(
        tokens=usage.input_tokens + usage.output_tokens,
        usd=usage.usd,
        seconds=(3.0, 20.0),
        good=each,
        low=0.6,
        high=1.6,
        basis="Guessed from the length of one request; nothing was sent yet. A draft of a few samples makes it exact.",
    )


def _measured(catalog: Catalog, project: Project, source: str, each: int) -> _Expected | None:
    """What this teacher's last answers took in this project; None while there are too few."""
    answers = [one for one in catalog.find(Answer, project.id, newest=_RECENT) if one.source == source and one.calls]
    paid = [one for one in catalog.find(Expense, project.id, newest=_RECENT) if one.what.endswith(source)]
    made = sum(one.good for one in answers)
    if len(answers) < _ENOUGH or not paid or not made:
        return None
    seconds = fmean(one.seconds for one in answers)
    asked = sum(one.good + one.rejected + one.duplicates for one in answers) / len(answers) or 1
    return _Expected(
        tokens=fmean(one.input_tokens + one.output_tokens for one in paid) * each / asked,
        usd=fmean(one.usd for one in paid) * each / asked,
        seconds=(0.7 * seconds, 2 * seconds),
        good=each * made / len(answers) / asked,
        low=0.8,
        high=1.25,
        basis=f"From the last {len(answers)} answers of this teacher in this project.",
    )


def _care_notes(teacher: Teacher, request: TeacherRequest, requests: int) -> list[str]:
    """What each second look is of the price."""
    plain = request.model_copy(update={"answers_each": 1, "critique": False})
    base = teacher.expect(plain).usd
    notes = []
    if request.answers_each > 1:
        more = teacher.expect(plain.model_copy(update={"answers_each": request.answers_each})).usd - base
        notes.append(f"{request.answers_each} answers to each input are about ${requests * more:.2f} of it.")
    if request.critique:
        more = teacher.expect(plain.model_copy(update={"critique": True})).usd - base
        notes.append(f"The critique is about ${requests * more:.2f} of it.")
    return notes


def _price_note(price: Price, unknown: str) -> str:
    cached = f", ${price.cached:g} cached" if price.cached is not None else ""
    told = f"Prices per million tokens: ${price.input:g} in{cached}, ${price.output:g} out"
    return f"{told}, assumed: RETORT_PRICES does not name {unknown!r}." if unknown else f"{told} (RETORT_PRICES)."


def _simulated(what: str, count: int, documents: int) -> Estimate:
    minutes = count / _SIMULATED_PER_MINUTE
    note = f"The simulator does not read your {documents} documents; RETORT_TEACHER_MODEL names a teacher that does."
    return Estimate(
        what=what,
        minutes_low=minutes,
        minutes_high=minutes * 4 + 0.1,
        device="cpu",
        notes=("The simulator costs nothing and asks no network.", *((note,) if documents else ())),
    )
