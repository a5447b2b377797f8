"""What a generation will cost and take, as ranges, before it is approved: from what was measured here, else guessed."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from pydantic import Field

from tools.catalog import Catalog
from tools.records import NO_CARE, Answer, Care, Document, Estimate, Expense, Project, Value
from tools.synthesis.making import Maker
from tools.synthesis.request.writing import expected_prompts, possible_prompts
from tools.synthesis.teacher import OpenAITeacher, pick_teachers
from tools.synthesis.yields import TRIAL
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Teacher, TeacherRequest, Usage

_SIMULATED_PER_MINUTE = 6_000  # measured on 2 busy cores, catalog writes included
_RECENT, _ENOUGH = 200, 3  # answers of this teacher that are looked at, and that say more than a guess


class _Expected(Value):
    """One request as expected, at its cheapest and its dearest."""

    calls: tuple[int, int]
    tokens: tuple[float, float]
    usd: tuple[float, float]
    seconds: tuple[float, float]
    requests: float = Field(description="Requests for one good sample.")
    more: float = Field(description="How many times as many it may take.")
    answers: int = Field(0, description="That this is measured on; 0: it is a guess.")


def estimate(catalog: Catalog, project: Project, count: int, care: Care = NO_CARE) -> Estimate:
    """Raises RetortError when the generation could not start: an incomplete task, no key, a field nobody can draw."""
    teachers = pick_teachers(project.task, f"{project.id}/estimate")
    maker = Maker(catalog, project, teachers[0], seed="estimate", state="draft", care=care, count=count)
    what = f"{count:,} samples by {', '.join(dict.fromkeys(one.source for one in teachers))}"
    asked = [one for one in teachers if isinstance(one, OpenAITeacher)]
    if not asked:
        return _simulated(what, count, documents=sum(catalog.count(Document, project.id).values()))
    each = min(count, asked[0].samples_per_request)
    first = maker.request(0, each)
    requests = [maker.put(first, way) for way in maker.yields.ways]
    guesses = [_guessed(one, request, each) for one in asked for request in requests]
    plain = care == NO_CARE and not first.critique  # which rules ask for too
    known = [_measured(catalog, project, one.source, each) for one in asked] if plain else []
    measured = [one for one in known if one is not None]
    likely = measured if measured and len(measured) == len(asked) else guesses
    few = math.ceil(count / each)
    most = max(math.ceil(count * one.requests * one.more) for one in likely)
    tried = min(most, TRIAL) if len(requests) > 1 else 0  # these may be asked in the dearest way
    slots = min(sum(one.concurrency for one in asked), few)
    return Estimate(
        what=what,
        calls_low=few * min(one.calls[0] for one in likely),
        calls_high=round(_most(likely, guesses, most, tried, lambda one: one.calls[1])),
        tokens_low=round(few * min(one.tokens[0] for one in likely)),
        tokens_high=round(_most(likely, guesses, most, tried, lambda one: one.tokens[1])),
        usd_low=few * min(one.usd[0] for one in likely),
        # A request leaves only when its dearest outcome fits, so the last one needs that much room.
        usd_high=_most(likely, guesses, most, tried, lambda one: one.usd[1])
        + max(one.most_usd(request) for one in asked for request in requests),
        minutes_low=few * min(one.seconds[0] for one in likely) / slots / 60,
        minutes_high=(most / slots + 1) * max(one.seconds[1] for one in likely) / 60,
        notes=(
            _basis(likely),
            *_ways_note(requests, few),
            *_care_notes(asked[0], first, few),
            *dict.fromkeys(map(price_note, asked)),
        ),
    )


def _most(
    likely: Sequence[_Expected],
    guesses: Sequence[_Expected],
    requests: int,
    tried: int,
    part: Callable[[_Expected], float],
) -> float:
    """Of all requests at their dearest, those of the trial in their dearest way."""
    return (requests - tried) * max(map(part, likely)) + tried * max(map(part, (*likely, *guesses)))


def _guessed(teacher: OpenAITeacher, request: TeacherRequest, each: int) -> _Expected:
    """From the length of its prompts; what comes side by side takes the time of one."""
    likely, all_ = teacher.expect(request), teacher.expect(request, repaired=True)
    rounds = [
        len(prompts(request)) - max(0, request.answers_each - 2) for prompts in (expected_prompts, possible_prompts)
    ]
    return _Expected(
        calls=(len(expected_prompts(request)), len(possible_prompts(request))),
        tokens=(0.6 * _tokens(likely), 1.6 * _tokens(all_)),
        usd=(0.6 * likely.usd, 1.6 * all_.usd),
        seconds=(3.0 * rounds[0], 20.0 * rounds[1]),
        requests=1 / each,
        more=1.6,
    )


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


def _measured(catalog: Catalog, project: Project, source: str, each: int) -> _Expected | None:
    """What this teacher's last answers took in this project; None while there are too few."""
    answers = [one for one in catalog.find(Answer, project.id, newest=_RECENT) if one.source == source and one.calls]
    paid = [one for one in catalog.find(Expense, project.id, newest=_RECENT) if one.what.endswith(source)]
    made = sum(one.good for one in answers)
    if len(answers) < _ENOUGH or not paid or not made:
        return None
    seconds = fmean(one.seconds for one in answers)
    asked = sum(one.good + one.rejected + one.duplicates for one in answers) / len(answers) or 1
    tokens = fmean(one.input_tokens + one.output_tokens for one in paid) * each / asked
    usd = fmean(one.usd for one in paid) * each / asked
    calls = fmean(one.calls for one in answers)
    return _Expected(
        calls=(math.floor(calls), math.ceil(calls)),
        tokens=(0.8 * tokens, 1.25 * tokens),
        usd=(0.8 * usd, 1.25 * usd),
        seconds=(0.7 * seconds, 2 * seconds),
        requests=len(answers) * asked / (each * made),
        more=1.25,
        answers=len(answers),
    )


def _basis(likely: Sequence[_Expected]) -> str:
    answers = sum(one.answers for one in likely)
    if not answers:
        return (
            "This is a guess from the length of one request; nothing has been sent yet. Drafting a few "
            "samples makes it exact."
        )
    whose = "this teacher" if len(likely) == 1 else "these teachers"
    return f"This is based on the last {answers} answers of {whose} in this project."


def _ways_note(requests: Sequence[TeacherRequest], few: int) -> list[str]:
    if len(requests) < 2 or few <= TRIAL:
        return []
    return [
        f"In the first {TRIAL} requests to a teacher {len(requests)} ways of asking are tried; the one with the most "
        "usable samples a paid request goes on. A second look at labels and a repair count as requests."
    ]


def _care_notes(teacher: Teacher, request: TeacherRequest, requests: int) -> list[str]:
    """What each second look is of the price."""
    plain = request.model_copy(update={"answers_each": 1, "critique": False})
    base = teacher.expect(plain).usd
    notes = []
    if request.answers_each > 1:
        more = teacher.expect(plain.model_copy(update={"answers_each": request.answers_each})).usd - base
        notes.append(f"Of this, about ${requests * more:.2f} is for {request.answers_each} answers to each input.")
    if request.critique:
        more = teacher.expect(plain.model_copy(update={"critique": True})).usd - base
        notes.append(f"Of this, about ${requests * more:.2f} is for the critique.")
    return notes


def price_note(teacher: Endpoint) -> str:
    """What a teacher's tokens cost, and whether anybody said so."""
    price = teacher.price
    cached = f", ${price.cached:g} cached" if price.cached is not None else ""
    told = f"Prices per million tokens: ${price.input:g} in{cached}, ${price.output:g} out"
    if teacher.price_is_known:
        return f"{told} (RETORT_PRICES)."
    return f"{told}. These are assumed, because RETORT_PRICES does not name {teacher.model!r}."


def _simulated(what: str, count: int, documents: int) -> Estimate:
    minutes = count / _SIMULATED_PER_MINUTE
    note = (
        f"The simulator does not read your {documents} documents; set RETORT_TEACHER_MODEL to use a teacher that does."
    )
    return Estimate(
        what=what,
        minutes_low=minutes,
        minutes_high=minutes * 4 + 0.1,
        device="cpu",
        notes=("The simulator costs nothing and sends nothing over the network.", *((note,) if documents else ())),
    )
