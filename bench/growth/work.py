"""What a run must do at least: multiply-adds and bytes. A multiply-add counts as two operations."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Encoder:
    """A BERT with feed-forward layers four times as wide."""

    width: int
    layers: int

    def flops(self, lengths: list[int]) -> float:
        """Linear layers by the sum of the lengths, attention by that of their squares."""
        linear = 2 * 12 * self.width**2 * self.layers * sum(lengths)
        return linear + 4 * self.layers * self.width * sum(length**2 for length in lengths)


@dataclasses.dataclass(frozen=True)
class Decoder:
    """A LLaMA as random_checkpoint.llama() makes it, f32 throughout."""

    width: int
    layers: int
    vocabulary: int

    def parameters(self) -> int:
        """Those that a step reads: all, as the table of embeddings is also the last layer."""
        heads = max(1, self.width // 64)
        kv = max(1, heads // 4) * (self.width // heads)
        hidden = (8 * self.width // 3 + 63) // 64 * 64
        return self.layers * (2 * self.width**2 + 2 * self.width * kv + 3 * self.width * hidden) + \
            self.vocabulary * self.width

    def step_bytes(self, past: int) -> float:
        """Read for a token after `past` others: the weights, and the keys and values of all layers."""
        heads = max(1, self.width // 64)
        kv = max(1, heads // 4) * (self.width // heads)
        return 4.0 * (self.parameters() + 2 * kv * self.layers * past)
