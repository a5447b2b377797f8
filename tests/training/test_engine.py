"""The engine: smaller rows and several processes change no step; methods learn; what is no number is told."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.kills import small_plan
from tests.training.test_rows import samples_with_prefix
from tools.errors import RetortError
from tools.records import Method, Plan
from tools.training.checkpoint import Position, complete_ones, save
from tools.training.compute.learner import Engine
from tools.training.compute.team import start_followers

SAMPLES = samples_with_prefix(30, 24)


def losses(engine: Engine, steps: int = 4) -> list[float]:
    found = [engine.step(SAMPLES[start : start + 6], 1e-2)[0] for start in range(0, 6 * steps, 6)]
    return [*found, engine.loss(SAMPLES)]


@pytest.fixture
def plan(tiny_student: Path) -> Plan:
    return small_plan(tiny_student)


def test_out_of_memory_halves_the_row_and_keeps_the_batch(
    tiny_student: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    usual = Engine(tiny_student, plan)
    usual.check(SAMPLES)
    wanted = losses(usual)
    usual.end()

    small = Engine(tiny_student, plan)
    small.check(SAMPLES)
    real = small._losses

    def short_of_memory(samples: Any, ready: Any = None) -> Any:
        for loss, tokens in real(samples, ready):
            if tokens > 130:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield loss, tokens

    monkeypatch.setattr(small, "_losses", short_of_memory)
    assert losses(small) == pytest.approx(wanted, rel=1e-5)
    assert small.row_tokens <= 256
    small.end()


def test_rows_made_ahead_give_the_same_steps(tiny_student: Path, plan: Plan) -> None:
    batches = [SAMPLES[start : start + 6] for start in range(0, 24, 6)]
    found = []
    for ahead in (False, True):
        engine = Engine(tiny_student, plan)
        engine.pack_rows()
        told = []
        for batch, following in zip(batches, [*batches[1:], None], strict=True):
            told.append(engine.step(batch, 1e-2, following if ahead else None))
            assert (engine._ahead.waiting is following) is ahead or following is None
        found.append(told)
        engine.end()
    assert found[0] == found[1]


LIMITED = """
import resource, sys
from pathlib import Path
from tests.training.kills import small_plan
from tests.training.test_rows import samples_with_prefix
from tools.training.compute.learner import Engine
student, samples = Path(sys.argv[1]), samples_with_prefix(300, 400)
engine = Engine(student, small_plan(student).model_copy(update={"row_tokens": 16000}))
engine.packed = False
engine.step(samples[:4], 1e-3)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 120_000_000, -1))
loss, _ = engine.step(samples, 1e-3)
print("rows", engine.row_tokens, loss)
"""


@pytest.mark.slow  # in a process of its own
def test_a_real_shortage_of_memory_ends_in_smaller_rows(tiny_student: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LIMITED, str(tiny_student)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Out of memory: rows now have at most 8000 tokens" in done.stdout
    assert int(done.stdout.split("rows ")[-1].split()[0]) < 16000


def test_recomputed_activations_give_the_same_step(tiny_student: Path, plan: Plan) -> None:
    from tools.training.compute.model import save_memory

    found = []
    for saving in (False, True):
        engine = Engine(tiny_student, plan)
        engine.check(SAMPLES)
        assert not saving or save_memory(engine.model)
        found.append(losses(engine))
        engine.end()
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize(
    ("method", "dropout", "packed"),
    [("lora", 0, True), ("rslora", 0, True), ("dora", 0, True), ("full", 0, False), ("lora", 0.1, False)],
)
def test_every_method_learns_and_goes_on_from_its_checkpoint(  # noqa: PLR0917
    tiny_student: Path, plan: Plan, tmp_path: Path, method: Method, dropout: float, packed: bool
) -> None:
    plan = plan.model_copy(update={"method": method, "lora_dropout": dropout})
    engine = Engine(tiny_student, plan)
    engine.check(SAMPLES)
    assert engine.packed is packed
    before = engine.loss(SAMPLES)
    losses(engine)
    whole = tiny_student if method == "full" else None
    folder = save(tmp_path, engine.model, engine.optimizer, Position(step=4, dev_loss=1), tokenizer_of=whole)
    wanted = losses(engine)
    assert wanted[-1] < before
    engine.end()

    again = Engine(tiny_student, plan)
    if packed:
        again.pack_rows()
    again.restore(folder)
    assert losses(again) == pytest.approx(wanted, rel=1e-5)
    again.end()


def test_qlora_without_a_gpu_is_refused_with_the_way_out(tiny_student: Path, plan: Plan) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RetortError, match="needs a GPU"):
        Engine(tiny_student, plan.model_copy(update={"method": "qlora"}))


def test_a_loss_that_is_no_number_is_told_with_its_cause(tiny_student: Path, plan: Plan) -> None:
    import torch

    engine = Engine(tiny_student, plan)
    engine.check(SAMPLES)
    with torch.no_grad():
        for name, weight in engine.weights.items():
            if "lora_B" in name:
                weight.fill_(1e30)
    before = {name: weight.clone() for name, weight in engine.weights.items()}
    with pytest.raises(RetortError, match="what was learnt overflows") as caught:
        engine.step(SAMPLES[:6], 1e-2)
    assert "lower learning rate" in caught.value.fix
    assert all(torch.equal(before[name], weight) for name, weight in engine.weights.items()), "weights are as before"
    with torch.no_grad():
        engine.model.get_base_model().lm_head.weight.fill_(float("nan"))
    with pytest.raises(RetortError, match="even without anything that was learnt"):
        engine.step(SAMPLES[:6], 1e-2)
    engine.end()


def test_a_disk_that_takes_no_more_leaves_the_earlier_checkpoint_whole(
    tiny_student: Path, plan: Plan, tmp_path: Path
) -> None:
    """The kernel refuses writes beyond a size, as a full disk does, at different files of the checkpoint."""
    engine = Engine(tiny_student, plan)
    engine.step(samples_with_prefix(5, 4), 1e-3)
    save(tmp_path, engine.model, engine.optimizer, Position(step=1, dev_loss=1))
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (40_000, 100, 0):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, usual[1]))
            with pytest.raises(RetortError, match="Free disk space"):
                save(tmp_path, engine.model, engine.optimizer, Position(step=2, dev_loss=1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert [path.name for path in complete_ones(tmp_path)] == ["step-000001"]
    engine.end()


def test_two_processes_take_the_steps_of_one(tiny_student: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK"):
        monkeypatch.setenv(name, "0")  # so that what is set for the team is undone
        monkeypatch.delenv(name)
    found = []
    for size in (1, 2):
        shared = plan.model_copy(update={"processes": size, "row_tokens": 128})
        followers = start_followers(size, shared.model_dump_json())
        engine = Engine(tiny_student, shared)
        engine.check(SAMPLES)
        found.append(losses(engine))
        engine.end()
        assert [follower.wait(60) for follower in followers] == [0] * (size - 1)
    assert found[1] == pytest.approx(found[0], rel=1e-5)
