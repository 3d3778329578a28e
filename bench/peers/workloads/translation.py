"""Translation: the base Transformer and Marian's models, random weights, a fixed number of new tokens."""
from ..results import Contender
from .suite import Suite, Workload

NEW_TOKENS = 32
CONTENDERS = [Contender(runtime, precision) for runtime, precision in (
    ("PyTorch", "f32"), ("CTranslate2", "f32"), ("lanewise", "f32"), ("CTranslate2", "int8"), ("lanewise", "int8"),
    ("lanewise", "int4"))]


def _suite(name: str, title: str, vocabulary: int, quick: bool) -> Suite:
    workloads = [
        Workload(f"batch {batch}, {'greedy' if beams == 1 else f'{beams} beams'}", "translate",
                 {"batch": batch, "beams": beams, "new_tokens": NEW_TOKENS, "vocabulary": vocabulary},
                 tokens=batch * NEW_TOKENS, slice_seconds=1.0, quick=beams == 1)
        for batch in (1, 32) for beams in (1, 4)]
    # The fraction of generated tokens that differ. Random weights give nearly equal scores, so that int8 soon goes its
    # own way: only its first token is compared.
    return Suite(name, title, name, workloads, CONTENDERS, {"f32": 0.2, "int8": 0.6, "int4": 0.9}, quick=quick)


def suites() -> list[Suite]:
    """Both have 6 + 6 layers of width 512; Marian's published models have larger vocabularies and swish."""
    return [_suite("base", 'The base model of "Attention Is All You Need", vocabulary 32,000', 32000, True),
            _suite("marian", "Marian (opus-mt), vocabulary 58,101", 58101, False)]
