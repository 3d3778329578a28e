"""Exports of encoders to ONNX, for ONNX Runtime, OpenVINO and fastembed's way."""
import pathlib

from .base import Unsupported, work_folder


def exported(folder: pathlib.Path, task: str) -> pathlib.Path:
    """The model as PyTorch exports it: input_ids, attention_mask -> o."""
    path = work_folder(folder, "onnx") / f"{task}.onnx"
    if path.exists():
        return path
    import torch
    import transformers
    path.parent.mkdir(exist_ok=True)
    kind = transformers.AutoModelForSequenceClassification if task == "classify" else transformers.AutoModel

    class Body(torch.nn.Module):
        """Its first output alone."""

        def __init__(self):
            super().__init__()
            # ONNX Runtime's fusions know the eager form of attention.
            self.body = kind.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            """The hidden states or the logits."""
            return self.body(input_ids=input_ids, attention_mask=attention_mask)[0]

    ids = torch.ones(2, 9, dtype=torch.long)
    part = path.with_suffix(".part")
    axes = {"input_ids": {0: "b", 1: "s"}, "attention_mask": {0: "b", 1: "s"},
            "o": {0: "b"} if task == "classify" else {0: "b", 1: "s"}}
    torch.onnx.export(Body(), (ids, ids), str(part), input_names=["input_ids", "attention_mask"], output_names=["o"],
                      dynamo=False, opset_version=17, dynamic_axes=axes)
    part.rename(path)
    return path


def fused(folder: pathlib.Path, task: str) -> pathlib.Path:
    """With ONNX Runtime's own fusions for BERT; as exported for other families, which these do not know."""
    import transformers
    config = transformers.AutoConfig.from_pretrained(folder)
    if config.model_type != "bert":
        return exported(folder, task)
    path = work_folder(folder, "onnx") / f"{task}-fused.onnx"
    if not path.exists():
        from onnxruntime.transformers import optimizer
        model = optimizer.optimize_model(str(exported(folder, task)), "bert", num_heads=config.num_attention_heads,
                                         hidden_size=config.hidden_size, opt_level=1)
        model.save_model_to_file(str(path))
    return path


def quantized(folder: pathlib.Path, task: str, precision: str) -> pathlib.Path:
    """int8: dynamic quantisation. int4: blocks of 32 weights."""
    path = work_folder(folder, "onnx") / f"{task}-{precision}.onnx"
    if path.exists():
        return path
    if precision == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(str(fused(folder, task)), str(path), weight_type=QuantType.QInt8,
                         op_types_to_quantize=["MatMul", "Attention"], extra_options={"DefaultTensorType": 1})
    elif precision == "int4":
        import onnx
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
        quantizer = MatMulNBitsQuantizer(onnx.load(str(exported(folder, task))), block_size=32, is_symmetric=True,
                                         accuracy_level=4)
        quantizer.process()
        quantizer.model.save_model_to_file(str(path))
    else:
        raise Unsupported(f"no {precision} weights")
    return path
