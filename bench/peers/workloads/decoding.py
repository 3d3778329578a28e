"""SmolLM2-135M: prompts, and tokens after a prompt, with every type of GGUF that llama.cpp's quantizer makes."""
from ..models import GGUF_TYPES
from ..results import Contender
from .suite import Suite, Workload

NEW_TOKENS = 32


def _workloads() -> list[Workload]:
    """models.py puts the prompts in, which have so many tokens."""
    prompts = [Workload(f"prompt of {length}", "decode", {"prompt_tokens": length}, tokens=length,
                        quick=length != 512) for length in (16, 128, 512)]
    after = Workload("tokens after it", "decode", {"prompt_tokens": 16, "new_tokens": NEW_TOKENS},
                     tokens=NEW_TOKENS, subtract="prompt of 16", slice_seconds=0.5)
    return prompts + [after]


def suites() -> list[Suite]:
    """The types of GGUF, then the weights that others have."""
    gguf = [Contender(runtime, kind) for kind in GGUF_TYPES for runtime in ("llama.cpp", "lanewise")]
    others = [Contender(runtime, precision) for runtime, precision in (
        ("PyTorch", "f32"), ("CTranslate2", "f32"), ("lanewise", "f32"), ("CTranslate2", "int8"), ("lanewise", "int8"),
        ("lanewise", "bf16"), ("lanewise", "int4"))]
    # Relative difference of the mean negative log-likelihood of the longest prompt.
    gguf_tolerance = {kind: 0.02 for kind in GGUF_TYPES}
    return [
        Suite("smollm2", "SmolLM2-135M, types of GGUF", "smollm2", _workloads(), gguf, gguf_tolerance, quick=True,
              reference="llama.cpp", one_peer=True),
        Suite("smollm2-others", "SmolLM2-135M, other runtimes", "smollm2", _workloads(), others,
              {"f32": 0.002, "bf16": 0.01, "int8": 0.05, "int4": 0.2})]
