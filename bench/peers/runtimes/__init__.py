"""One file for each kind of peer: what it can run, and how. The list is here."""
import importlib
from typing import Any

# Name in tables and on the command line -> module and class. Imported only when needed: each in a process of its own.
RUNTIMES = {
    "PyTorch": ("pytorch", "PyTorch"),
    "PyTorch compiled": ("pytorch", "PyTorchCompiled"),
    "ONNX Runtime": ("onnx_runtime", "OnnxRuntime"),
    "OpenVINO": ("open_vino", "OpenVino"),
    "CTranslate2": ("c_translate2", "CTranslate2"),
    "llama.cpp": ("llama_cpp_python", "LlamaCpp"),
    "sentence-transformers": ("sentences", "SentenceTransformers"),
    "fastembed's way": ("sentences", "FastEmbed"),
    "lanewise": ("lanewise", "Lanewise"),
}

# Seconds for which threads go on spinning after a run, in the way of the next runtime: OpenMP of Intel and LLVM waits
# for 200 ms (KMP_BLOCKTIME), which belongs to how CTranslate2 is used. The driver waits instead of changing it.
SPINNING_SECONDS = {"CTranslate2": 0.25}


def create(name: str, threads: int) -> Any:
    """A base.Runtime. Imports the runtime's package; any exception says why it cannot be used."""
    module, class_name = RUNTIMES[name]
    return getattr(importlib.import_module(f".{module}", __name__), class_name)(threads)

