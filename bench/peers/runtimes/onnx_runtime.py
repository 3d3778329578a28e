"""ONNX Runtime: its graph fusions, dynamic int8, and int4 in blocks."""
import onnxruntime

from ..inputs import padded_ids
from .base import Case, Runtime
from .onnx_files import fused, quantized


def session(path, threads: int) -> onnxruntime.InferenceSession:
    """A session on so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Encoder(Case):
    """See pytorch.Encoder."""

    def __init__(self, opened, inputs):
        ids, self.mask = padded_ids(inputs["lengths"], *inputs["ids"])
        self.session, self.feed = opened, {"input_ids": ids, "attention_mask": self.mask}

    def run(self):
        return self.session.run(None, self.feed)[0]

    def output(self):
        values = self.run()
        return values * self.mask[..., None] if values.ndim == 3 else values


class OnnxRuntime(Runtime):
    """f32, int8, int4."""

    def _encoder(self, task, folder, precision):
        path = fused(folder, task) if precision == "f32" else quantized(folder, task, precision)
        opened = session(path, self.threads)
        return lambda inputs: Encoder(opened, inputs)

    def encode(self, folder, precision):
        return self._encoder("encode", folder, precision)

    def classify(self, folder, precision):
        return self._encoder("classify", folder, precision)
