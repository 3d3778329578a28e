"""Words to phonemes: g2p_en's recurrent network beside the same cells of PyTorch, and the bundled Transformer."""
from ..results import Contender
from .suite import Suite, Workload


def suites() -> list[Suite]:
    """Eight letters, and a long word."""
    words = {"8 letters": ("phonemes", 8), "32 letters": ("pneumonoultramicroscopicsilicovo", 20)}
    workloads = [Workload(name, "pronounce", {"word": word, "new_tokens": new}) for name, (word, new) in words.items()]
    return [
        Suite("g2p-gru", "g2p_en's GRU", "g2p-gru", workloads,
              [Contender("PyTorch", "f32"), Contender("lanewise", "f32")], {"f32": 0.0}),
        Suite("g2p", "The bundled Transformer, without a peer", "g2p", workloads,
              [Contender("lanewise", "f32"), Contender("lanewise", "int8")], {"f32": 0.0, "int8": 1.0}, reference="lanewise")]
