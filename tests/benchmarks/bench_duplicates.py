"""Finding near-duplicates in 25,000 to 100,000 inputs: how time and memory grow, and beside datasketch's MinHashLSH.

Inputs are of 25 to 60 drawn words; every 25th repeats an earlier one with one word changed. Each size runs in a process
of its own, whose largest resident memory is read. datasketch gets the same n-grams, as many permutations and the same
threshold on the smallest size; it is a peer for tests only (`pip install datasketch`).
"""

import json
import math
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

SIZES = (25_000, 50_000, 100_000)
THRESHOLD = 0.6
EVERY = 25  # one planted near-duplicate among so many


def run() -> dict[str, float]:
    """Growth beside n log n (at most 1 is no worse), memory beside n, and datasketch's time over ours."""
    found = {size: measured(size, "ours") for size in SIZES}
    low, high = SIZES[0], SIZES[-1]
    for size, one in found.items():
        print(
            f"{size:,} rows: {one['seconds']:.1f} s, {one['mebibytes']:.0f} MiB, recall {one['recall']:.4f}", flush=True
        )
    times = found[high]["seconds"] / found[low]["seconds"]
    sizes = found[high]["mebibytes"] / found[low]["mebibytes"]
    figures = {
        "dataset.duplicates.time_over_nlogn": times / (high * math.log(high) / (low * math.log(low))),
        "dataset.duplicates.memory_over_n": sizes / (high / low),
        "dataset.duplicates.recall": min(one["recall"] for one in found.values()),
    }
    peer = measured(low, "datasketch")
    print(
        f"datasketch, {low:,} rows: {peer['seconds']:.1f} s, {peer['mebibytes']:.0f} MiB, recall {peer['recall']:.4f}"
    )
    return figures | {"dataset.duplicates.vs_datasketch": peer["seconds"] / found[low]["seconds"]}


def measured(size: int, who: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_duplicates", who, str(size)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def texts(size: int) -> tuple[list[str], list[tuple[int, int]]]:
    """The inputs, and the planted pairs by their places."""
    draw = random.Random(size)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(20_000)]
    made: list[str] = []
    planted = []
    for place in range(size):
        if place % EVERY == EVERY - 1:
            source = draw.randrange(place)
            changed = made[source].split()
            changed[draw.randrange(len(changed))] = draw.choice(words)
            planted.append((source, place))
            made.append(" ".join(changed))
        else:
            made.append(" ".join(draw.choices(words, k=draw.randint(25, 60))))
    return made, planted


def ours(made: list[str]) -> list[int]:
    """The cluster of each text."""
    from tools.dataset.neighbours import clusters, signatures

    return [int(label) for label in clusters(signatures(made), THRESHOLD)]


def datasketch(made: list[str]) -> list[int]:
    """Each text takes the cluster of the first text that it is found near."""
    from datasketch import MinHash, MinHashLSH

    from tools.dataset.neighbours import ENTRIES
    from tools.text.likeness import LETTERS

    index, labels = MinHashLSH(threshold=THRESHOLD, num_perm=ENTRIES), []
    for place, text in enumerate(made):
        grams = [text[at : at + LETTERS].encode() for at in range(len(text) - LETTERS + 1)]
        sketch = MinHash(num_perm=ENTRIES)
        sketch.update_batch(grams)
        near = index.query(sketch)
        labels.append(min((labels[other] for other in near), default=place))
        index.insert(place, sketch)
    return labels


def main(who: str, size: int) -> None:
    made, planted = texts(size)
    started = time.perf_counter()
    labels = {"ours": ours, "datasketch": datasketch}[who](made)
    seconds = time.perf_counter() - started
    met = sum(labels[one] == labels[other] for one, other in planted) / len(planted)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mebibytes": most, "recall": met}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
