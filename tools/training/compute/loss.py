"""The loss of a packed row: cross-entropy without keeping the logits, in chunks, with the gradient made on the way."""

from typing import Any

import torch

from tools.student.packing import Row
from tools.training.compute.loading import Loaded, load

CHUNK_LOGITS = 16_000_000  # at a time: 64 MB in float32


def row_loss(model: Any, row: Row | Loaded) -> Any:
    """Summed negative log-likelihood of the row's labels in nats (scalar tensor, float32).

    The model must stand under `fast.fast_rows`, which teaches its attention what a row is.
    """
    loaded = load(row, model.device) if isinstance(row, Row) else row
    causal_lm = model.get_base_model()
    hidden = causal_lm.get_decoder()(
        input_ids=loaded.input_ids,  # (1, L)
        position_ids=loaded.positions,
        use_cache=False,
        row_layout=loaded.layout,
    ).last_hidden_state[0]  # (L, width)
    predicting = hidden[loaded.predictors]  # (labels, width)
    return label_loss(causal_lm, predicting, loaded.labels)


def label_loss(causal_lm: Any, hidden: Any, labels: Any) -> Any:
    """Summed negative log-likelihood in nats of labels (n,) after hidden states (n, width); the head stays frozen."""
    head = causal_lm.get_output_embeddings()
    softcap = getattr(causal_lm.config, "final_logit_softcapping", None)  # Gemma 2: cap * tanh(logits / cap)
    return LabelLoss.apply(hidden, head.weight, head.bias, labels, softcap)


class LabelLoss(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """d loss / d logits = softmax - onehot, so a chunk's gradient is known as soon as its loss is."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, hidden: Any, weight: Any, bias: Any, labels: Any, softcap: float | None
    ) -> Any:
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        step = max(1, CHUNK_LOGITS // weight.shape[0])
        for start in range(0, hidden.shape[0], step):
            part = slice(start, start + step)
            logits = torch.nn.functional.linear(hidden[part], weight, bias).float()  # (step, vocabulary)
            if softcap:
                logits = logits.div_(softcap).tanh_()
                slope = 1 - logits**2 if gradient is not None else None
                logits = logits.mul_(softcap)
            wanted = labels[part, None]
            logits = logits.log_softmax(dim=-1)  # transformers' kernel: on some CPUs another sums 1e-5 apart
            total -= logits.gather(1, wanted).sum()
            if gradient is not None:
                share = logits.exp_()  # softmax
                share.scatter_add_(1, wanted, torch.full_like(wanted, -1.0, dtype=share.dtype))
                if softcap:
                    share.mul_(slope)
                gradient[part] = share.to(hidden.dtype) @ weight
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, outer: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * outer.to(gradient.dtype), None, None, None, None
