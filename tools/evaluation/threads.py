"""How many CPU threads to answer with, found by timing: decoding is many small products that threads must meet after.

On a quiet machine all cores are fastest. Beside other work two threads were measured ten times slower than one,
because each product waits for the thread that was scheduled away.
"""

import os
import time

from tools.settings import settings

ROWS, WIDTH, HEIGHT, PRODUCTS = 32, 576, 1536, 30  # the shape of SmolLM2's decoding; 10 to 200 ms a trial


def use_fastest_threads() -> int:
    """Set torch's threads to the setting, or to one or all cores, whichever is faster at this moment."""
    import torch

    chosen = settings().threads
    if not chosen:
        every = len(os.sched_getaffinity(0))
        chosen = min((every, 1), key=_seconds) if every > 1 else 1
    torch.set_num_threads(chosen)
    return chosen


def _seconds(threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    left, right = torch.ones(ROWS, WIDTH), torch.ones(WIDTH, HEIGHT)
    with torch.inference_mode():
        left @ right  # wakes the threads
        started = time.perf_counter()
        for _ in range(PRODUCTS):
            left @ right
        return time.perf_counter() - started
