"""Encoders and a classifier: hidden states or logits of random ids, from one short text to a ragged batch."""
from ..inputs import RAGGED
from ..results import Contender
from .suite import Suite, Workload

IDS = (1000, 20000)
SHAPES = {"1 x 16 tokens": [16], "1 x 128": [128], "1 x 512": [512], "8 x 128": [128] * 8,
          "32 texts of 8 to 103 tokens": RAGGED}

BERT_CONTENDERS = [Contender(runtime, precision) for runtime, precision in (
    ("PyTorch", "f32"), ("PyTorch compiled", "f32"), ("ONNX Runtime", "f32"), ("OpenVINO", "f32"),
    ("CTranslate2", "f32"), ("lanewise", "f32"),
    ("PyTorch", "int8"), ("ONNX Runtime", "int8"), ("CTranslate2", "int8"), ("lanewise", "int8"),
    ("OpenVINO", "bf16"), ("lanewise", "bf16"),
    ("ONNX Runtime", "int4"), ("lanewise", "int4"))]
OTHER_CONTENDERS = [contender for contender in BERT_CONTENDERS if contender.runtime != "CTranslate2"]

# Largest difference over the largest magnitude. Dynamic int8 of whole tensors reaches 0.2 on MiniLM; beyond these an
# output has nothing to do with the reference.
TOLERANCE = {"f32": 1e-3, "bf16": 0.1, "int8": 0.4, "int4": 0.6}


def _workloads(task: str, slow: bool) -> list[Workload]:
    return [Workload(name, task, {"lengths": lengths, "ids": IDS}, quick=not slow or name in ("1 x 128", "8 x 128"))
            for name, lengths in SHAPES.items()]


def suites() -> list[Suite]:
    """MiniLM with its own weights; the others have random weights in published sizes."""
    return [
        Suite("minilm", "MiniLM-L6", "minilm", _workloads("encode", False), BERT_CONTENDERS, TOLERANCE, start=True,
              quick=True),
        Suite("bert-base", "BERT-base", "bert-base", _workloads("encode", True), BERT_CONTENDERS, TOLERANCE),
        Suite("modernbert-base", "ModernBERT-base", "modernbert-base", _workloads("encode", True), OTHER_CONTENDERS,
              TOLERANCE),
        Suite("classifier", "BERT-base with a classifier", "bert-classifier", _workloads("classify", True),
              OTHER_CONTENDERS, TOLERANCE),
    ]
