"""OpenVINO, for latency, in f32 and bf16."""
import openvino

from ..inputs import padded_ids
from ..machine import cpu_flags
from .base import Case, Runtime, Unsupported
from .onnx_files import exported


class Encoder(Case):
    """See pytorch.Encoder."""

    def __init__(self, request, inputs):
        ids, self.mask = padded_ids(inputs["lengths"], *inputs["ids"])
        self.request, self.feed = request, {"input_ids": ids, "attention_mask": self.mask}

    def run(self):
        return self.request.infer(self.feed)[0]

    def output(self):
        values = self.run()
        return values * self.mask[..., None] if values.ndim == 3 else values.copy()


class OpenVino(Runtime):
    """A CPU without bf16 instructions would compute bf16 as f32, without saying so."""

    def _encoder(self, task, folder, precision):
        if precision not in ("f32", "bf16"):
            raise Unsupported(f"no {precision} weights without its compression tool")
        if precision == "bf16" and "avx512_bf16" not in cpu_flags():
            raise Unsupported("this CPU has no bf16 instructions")
        compiled = openvino.Core().compile_model(str(exported(folder, task)), "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads})
        return lambda inputs: Encoder(compiled.create_infer_request(), inputs)

    def encode(self, folder, precision):
        return self._encoder("encode", folder, precision)

    def classify(self, folder, precision):
        return self._encoder("classify", folder, precision)
