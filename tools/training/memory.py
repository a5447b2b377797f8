"""How much memory a run will hold at most, by part, before it starts."""

from tools.records import Plan, Value
from tools.training.measure import Measured

ADAM_BYTES = 16  # a trained weight: itself, its gradient and two moments, float32 each
CUDA_CONTEXT_BYTES = 600_000_000  # what a process takes of a GPU beside its tensors


class Memory(Value):
    """Bytes by part; `peak` is their sum."""

    runtime: int
    weights: int
    trained: int
    activations: int

    @property
    def peak(self) -> int:
        return self.runtime + self.weights + self.trained + self.activations

    @property
    def sentence(self) -> str:
        parts = {
            "the program": self.runtime,
            "the student": self.weights,
            "adapter, gradient and optimizer": self.trained,
            "activations and logits": self.activations,
        }
        told = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in parts.items() if size)
        return f"memory about {self.peak / 1e9:.1f} GB: {told}"


def memory(plan: Plan, measured: Measured) -> Memory:
    """From what real steps held: activations grow with the row, the adapter with its rank."""
    held = {"full": 0.0, "qlora": 0.6}.get(plan.method, 2.0 if plan.precision == "bf16" else 4.0)
    weights = int(measured.parameters * held)
    then = measured.trained * ADAM_BYTES
    activations = max(0, measured.peak_bytes - measured.runtime_bytes - weights - then)
    rank = 1.0 if plan.method == "full" else plan.lora_rank / measured.trained_rank
    longer = row_length(plan, measured) - measured.row_tokens
    return Memory(
        runtime=measured.runtime_bytes,
        weights=weights,
        trained=int(then * rank),
        activations=max(0, int(activations + longer * measured.saved_bytes_per_token)),
    )


def row_length(plan: Plan, measured: Measured) -> int:
    """Tokens of the longest row there will be: a batch may not fill a row, and few batches are far above the mean."""
    own = measured.total_own_tokens / measured.samples
    sigma = (measured.p95_tokens - measured.p50_tokens) / 1.645  # of one sample's length, were it normal
    whole = plan.batch_samples * (own if measured.packed else own + measured.prefix_tokens)
    whole += 2 * sigma * plan.batch_samples**0.5
    batch = int(whole) + (measured.prefix_tokens if measured.packed else 0)
    return max(measured.longest_tokens, min(plan.row_tokens, batch))


def fits(plan: Plan, measured: Measured) -> bool:
    context = 0 if measured.device == "cpu" else CUDA_CONTEXT_BYTES
    return memory(plan, measured).peak - measured.runtime_bytes + context <= 0.9 * measured.room_bytes
