"""Near-duplicates are found without comparing all pairs, and labels are spread over the splits by their share."""

import random
from collections import Counter

import pytest

from tests.dataset.rows import WORDS, distinct, sample
from tools.catalog import Catalog
from tools.dataset.drawing import Draw, Sizes, draw
from tools.dataset.neighbours import clusters, signatures
from tools.records import Project, Sample
from tools.text.likeness import pieces, shared


def sentence(draws: random.Random, words: int = 14) -> str:
    return " ".join(draws.choice(WORDS) for _ in range(words))


def near(draws: random.Random, text: str) -> str:
    """The text as a person repeats it: a word replaced, a typing error, other case, numbers or punctuation."""
    words = text.split()
    place = draws.randrange(len(words))
    match draws.randrange(5):
        case 0:
            words[place] = draws.choice(WORDS)
        case 1:
            words[place] = words[place][:2] + draws.choice("xyz") + words[place][3:]
        case 2:
            return text.upper() + "!"
        case 3:
            words.insert(place, str(draws.randrange(1000)))
        case _:
            del words[place]
    return " ".join(words)


def where(drawn: Draw) -> dict[str, str]:
    parts = {"train": drawn.train, "dev": drawn.dev, "test": drawn.test}
    return {one.id: name for name, samples in parts.items() for one in samples}


@pytest.mark.parametrize("seed", [1, 2])
def test_no_planted_pair_crosses_a_split(project: Project, seed: int) -> None:
    draws = random.Random(seed)
    samples = [sample(project, sentence(draws)) for _ in range(1000)]
    pairs: list[tuple[Sample, Sample]] = []
    for first in draws.sample(samples, 60):
        pairs.append((first, sample(project, near(draws, first.question))))
    for number in range(20):
        first, second = (sample(project, sentence(draws), document_id=f"d{number}") for _ in range(2))
        pairs.append((first, second))
        samples.append(first)
    samples += [second for _, second in pairs]
    place = where(draw(samples, Sizes(), seed))
    assert len(place) == len(samples)
    assert [1 for first, second in pairs if place[first.id] != place[second.id]] == []
    assert Counter(place.values())["test"] == pytest.approx(0.15 * len(samples), abs=10)


def test_chinese_is_compared_by_pairs_of_signs() -> None:
    texts = [
        "请把包裹寄到北京市朝阳区建国路八十八号",
        "请把包裹寄到北京市朝阳区建国路六十八号",
        "今天天气怎么样，会不会下雨",
    ]
    labels = clusters(signatures(texts), 0.7).tolist()
    assert labels[0] == labels[1] != labels[2]


def test_the_estimate_agrees_with_the_exact_similarity() -> None:
    draws = random.Random(3)
    texts = [sentence(draws) for _ in range(40)]
    texts += [near(draws, text) for text in texts]
    signed = signatures(texts)

    for first in range(40):
        for second in range(40, 80):
            exact = shared(pieces(texts[first]), pieces(texts[second]))
            assert float((signed[first] == signed[second]).mean()) == pytest.approx(exact, abs=0.2)


def test_short_and_empty_texts_have_signatures() -> None:
    labels = clusters(signatures(["", "a", "a", "ab", "王"]), 0.9).tolist()
    assert len(set(labels)) == 4


def test_inputs_from_a_template_are_split_all_the_same(project: Project) -> None:
    """Where everything is alike, what counts as alike is narrowed, and it is said."""
    draws = random.Random(4)
    frame = "Please send the parcel for {} to the address that I gave you last week, thank you very much and goodbye"
    samples = [sample(project, frame.format(" ".join(draws.sample(WORDS, 2)))) for _ in range(200)]
    drawn = draw(samples, Sizes(), 17)
    assert len(drawn.test) == 60
    assert "similar" in drawn.notes[0]


def test_labels_are_spread_by_their_share(project: Project) -> None:
    draws = random.Random(5)
    labels = ["often"] * 700 + ["seldom"] * 200 + ["rare"] * 100
    drawn = draw(
        [
            one.but(messages=(one.messages[0], one.messages[1].model_copy(update={"content": label})))
            for one, label in zip(distinct(project, 1000), labels, strict=True)
        ],
        Sizes(),
        draws.randrange(99),
    )
    for part in (drawn.test, drawn.dev, drawn.train):
        counts = Counter(one.answer for one in part)
        for label, share in (("often", 0.7), ("seldom", 0.2), ("rare", 0.1)):
            assert counts[label] / len(part) == pytest.approx(share, abs=0.02)


def test_order_does_not_matter(project: Project, catalog: Catalog) -> None:
    samples = distinct(project, 300)
    first = where(draw(samples, Sizes(), 17))
    assert where(draw(samples[::-1], Sizes(), 17)) == first
    assert where(draw(samples, Sizes(), 18)) != first
