"""Near copies are found among many, their texts lie on the disk, and memory stays flat."""

import random
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.synthesis.loopback import words
from tools.synthesis.check.seen import Index
from tools.synthesis.check.shelf import Shelf
from tools.text.likeness import COPY
from tools.text.same_input import same_key

texts = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too
places = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, 2**22, 2**32, 2**32 + 1, -1]))


@settings(deadline=None)
@given(st.lists(st.tuples(texts, st.lists(places, max_size=4, unique=True)), max_size=12), st.lists(places, max_size=3))
def test_a_shelf_gives_back_what_shares_a_place(added: list[tuple[str, list[int]]], asked: list[int]) -> None:
    shelf = Shelf()
    starts = [shelf.add(text, under) for text, under in added]
    assert [shelf.at(start) for start in starts] == [text for text, _ in added]
    wanted = sorted(text for text, under in added if {*map(known, under)} & {*map(known, asked)})
    assert sorted(shelf.find(asked)) == wanted


def known(place: int) -> tuple[int, int]:
    """What a shelf keeps of a place: its chain, and its upper half."""
    return place % 2**22, (place >> 32) % 2**32


def test_a_long_text_comes_back_whole() -> None:
    shelf, text = Shelf(), "长长的路 " * 5000
    assert shelf.at(shelf.add(text)) == text
    assert shelf.at(shelf.add("short")) == "short"


def test_near_copies_are_found_and_others_are_not() -> None:
    """Beside all pairs by letters: the sketches miss few, and what they let through by chance is no copy."""
    from rapidfuzz.distance import Indel

    rng, index, kept = random.Random(5), Index(), []
    for number in range(400):
        kept.append(same_key(f"Could you tell me, please, {words(number)}?"))
        index.add(kept[-1])
    copies = found = 0
    for number in range(400):
        letters = list(kept[number])
        for place in rng.sample(range(len(letters)), rng.randint(0, 9)):
            letters[place] = rng.choice("etaoinshr")
        text = same_key("".join(letters))
        is_copy = max(Indel.normalized_similarity(text, one) for one in kept) >= COPY
        copies += is_copy
        found += is_copy and bool(index.alike(text))
        assert is_copy or not index.alike(text)
    assert copies > 300
    assert found >= 0.98 * copies


def test_memory_does_not_grow_with_the_inputs() -> None:
    """What Python and numpy hold, counted by tracemalloc: 44 bytes an input, and room for up to as many again."""
    index = Index()

    def add(numbers: range) -> None:
        for number in numbers:
            index.add(f"{words(number)} {number}", scope="" if number % 2 else f"scope {number}")

    add(range(1000))
    tracemalloc.start()
    try:
        add(range(1000, 5000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 44 * 4000  # as Python texts they would be 550 kB
