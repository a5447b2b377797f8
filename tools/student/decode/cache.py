"""A key-value cache with room to grow: the library's own copies all of it for every token."""

from functools import cache
from typing import Any

ROOM_TOKENS = 64  # added whenever the buffers are full


def roomy_cache(config: Any) -> Any:
    """transformers' DynamicCache for this model, its plain layers replaced by roomy ones."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    made = DynamicCache(config=config)
    # Sliding windows and other kinds keep their own layers: they hold few tokens or grow in other ways.
    made.layers = [_roomy_layer()() if type(layer) is DynamicLayer else layer for layer in made.layers]
    return made


def keeps_all(made: Any) -> bool:
    """Whether every layer keeps every token, so that wrong ones can be masked; a window or a state cannot forget."""
    return all(isinstance(layer, _roomy_layer()) for layer in made.layers)


def carries_state(config: Any) -> bool:
    """Whether a layer of this model hands on a state from token to token, as linear attention and convolutions do."""
    from transformers import DynamicCache
    from transformers.cache_utils import LinearAttentionCacheLayerMixin

    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in DynamicCache(config=config).layers)


def select_rows(made: Any, indices: Any) -> None:
    """Go on with these rows, each as often as it is named."""
    for layer in made.layers:
        if isinstance(layer, _roomy_layer()):
            layer.batch_select_indices(indices)
        else:  # the only way that takes the states of hybrid layers along
            layer.reorder_cache(indices)


@cache
def _roomy_layer() -> Any:
    from transformers.cache_utils import DynamicLayer

    class RoomyLayer(DynamicLayer):  # type: ignore[misc]  # the class is only known where transformers is loaded
        """`keys` and `values` are views of the used part of larger buffers, (rows, groups, room, dim)."""

        buffers: list[Any]

        def update(self, key_states: Any, value_states: Any, *_args: Any, **_kwargs: Any) -> tuple[Any, Any]:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            used = self.get_seq_length()
            total = used + key_states.shape[-2]
            if not used or total > self.buffers[0].shape[-2]:
                self.buffers = [_enlarged(old, new, used, total) for old, new in self._pairs(key_states, value_states)]
            for buffer, new in zip(self.buffers, (key_states, value_states), strict=True):
                buffer[:, :, used:total] = new
            self.keys, self.values = (buffer[:, :, :total] for buffer in self.buffers)
            return self.keys, self.values

        def batch_select_indices(self, indices: Any) -> None:
            if not (used := self.get_seq_length()):
                return
            self.buffers = [buffer[indices] for buffer in self.buffers]
            self.keys, self.values = (buffer[:, :, :used] for buffer in self.buffers)

        def _pairs(self, key_states: Any, value_states: Any) -> list[tuple[Any, Any]]:
            return [(self.keys, key_states), (self.values, value_states)]

    return RoomyLayer


def _enlarged(old: Any, new: Any, used: int, total: int) -> Any:
    rows, groups, _, dim = new.shape
    buffer = new.new_empty(rows, groups, total + ROOM_TOKENS, dim)
    if used:
        buffer[:, :, :used] = old
    return buffer
