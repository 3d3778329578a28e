"""Encoder latency beside the peers, interleaved in one run.

    python bench/peers/encoder.py MODEL_DIR THREADS [ROUNDS] [--only NAME,NAME...] [--table]

MODEL_DIR is a Hugging Face BERT folder with its tokenizer, or bert-base=MODEL_DIR for random weights of
BERT-base's shape with that folder's tokenizer. Exports and conversions are kept in $PEERS_WORK (default
build/peers). Our own program is build/release/lanewise ($LANEWISE).

A round asks every runtime in turn for a quarter of a second of runs, so that they share whatever else the
machine does. `err` is the largest difference to PyTorch over PyTorch's largest magnitude. GF/s counts useful
work only, no padding. --table prints the medians once more as a Markdown table for each type of weights, under a line
that says which machine measured them and when.
"""
import json
import os
import statistics
import subprocess
import sys
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["TOKENIZERS_PARALLELISM"] = "false"

RAGGED = [16, 21, 29, 103, 45, 43, 11, 26, 39, 56, 28, 33, 15, 65, 40, 20,
          48, 29, 8, 51, 34, 13, 43, 27, 35, 16, 42, 21, 10, 49, 39, 28]
WORKLOADS = {"1x16": [16], "1x128": [128], "1x512": [512], "8x128": [128] * 8, "ragged32": RAGGED}
SECONDS = 0.25


def limit_threads(threads):
    """Call before numpy, torch and the others are imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if threads == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def torch_model(name):
    import torch
    import transformers
    torch.manual_seed(0)
    folder = name.split("=")[-1]
    label = "bert-base" if name.startswith("bert-base") else os.path.basename(name.rstrip("/"))
    work = os.path.join(os.environ.get("PEERS_WORK", "build/peers"), label)
    os.makedirs(work, exist_ok=True)
    if label == "bert-base":
        hf = work + "/hf"
        if not os.path.exists(hf):
            # CTranslate2 reads the field, which newer configs leave out.
            config = transformers.BertConfig(position_embedding_type="absolute")
            transformers.BertModel(config).save_pretrained(hf)
            transformers.BertTokenizerFast.from_pretrained(folder).save_pretrained(hf)
        folder = hf
    return transformers.BertModel.from_pretrained(folder).eval(), folder, work


def export_onnx(model, folder, work):
    """m.onnx as exported, opt.onnx with ONNX Runtime's BERT fusions, int8.onnx quantised dynamically."""
    import torch
    import transformers
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer
    path = work + "/m.onnx"
    if os.path.exists(work + "/int8.onnx"):
        return path

    class Body(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask):
            return self.body(input_ids=input_ids, attention_mask=attention_mask)[0]

    ids = torch.ones(2, 9, dtype=torch.long)
    names = ["input_ids", "attention_mask", "o"]
    torch.onnx.export(Body(), (ids, ids), path, input_names=names[:2], output_names=names[2:], dynamo=False,
                      opset_version=17, dynamic_axes={n: {0: "b", 1: "s"} for n in names})
    cfg = model.config
    fused = optimizer.optimize_model(path, "bert", num_heads=cfg.num_attention_heads, hidden_size=cfg.hidden_size,
                                     opt_level=1)
    fused.save_model_to_file(work + "/opt.onnx")
    quantize_dynamic(work + "/opt.onnx", work + "/int8.onnx", weight_type=QuantType.QInt8,
                     op_types_to_quantize=["MatMul", "Attention"], extra_options={"DefaultTensorType": 1})
    return path


class InProcess:
    """A peer called from Python: call(input_ids, attention_mask) -> [B, T, D]."""

    def __init__(self, call):
        self.output = call

    def prepare(self, ids, mask, lengths):
        self.inputs = ids, mask

    def times(self):
        start, times = time.perf_counter(), []
        while time.perf_counter() - start < SECONDS:
            t = time.perf_counter()
            self.output(*self.inputs)
            times.append(time.perf_counter() - t)
        return times


class Lanewise:
    """Ours: each round is one `lanewise bench`, whose median stands for its runs."""

    def __init__(self, folder, work, threads, weights):
        self.program = os.environ.get("LANEWISE", "build/release/lanewise")
        self.threads, self.work, self.model = threads, work, f"{work}/model-{weights}.lw"
        subprocess.run([self.program, "convert", folder, "-o", self.model, "--weights", weights,
                        "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)

    def prepare(self, ids, mask, lengths):
        self.lengths = lengths

    def output(self, ids, mask):
        from safetensors.numpy import load_file, save_file
        save_file({"input_ids": ids, "attention_mask": mask}, self.work + "/in.safetensors")
        subprocess.run([self.program, "run", self.model, "--inputs", self.work + "/in.safetensors", "--outputs",
                        self.work + "/out.safetensors", "--threads", str(self.threads), "--quiet"], check=True)
        return load_file(self.work + "/out.safetensors")["last_hidden_state"]

    def times(self):
        lengths = ",".join(map(str, self.lengths))
        out = subprocess.run([self.program, "bench", self.model, "--lengths", lengths, "--seconds", str(SECONDS),
                              "--threads", str(self.threads), "--output", "last_hidden_state", "--json", "--quiet"],
                             check=True, capture_output=True, text=True).stdout
        result = json.loads(out)
        return [result["p50_ms"] * 1e-3] * max(1, int(result["runs"]))


def runtimes(name, threads):
    import ctranslate2
    import numpy as np
    import onnxruntime as ort
    import openvino as ov
    import torch
    torch.set_num_threads(threads)
    model, folder, work = torch_model(name)
    onnx = export_onnx(model, folder, work)
    run = {}

    def with_torch(ids, mask):
        with torch.inference_mode():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))[0].numpy()
    run["torch f32"] = InProcess(with_torch)

    def with_ort(file):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return InProcess(lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    run["ort f32"], run["ort int8"] = with_ort(work + "/opt.onnx"), with_ort(work + "/int8.onnx")

    def with_openvino(precision):
        compiled = ov.Core().compile_model(onnx, "CPU", {"INFERENCE_PRECISION_HINT": precision,
                                           "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads})
        request = compiled.create_infer_request()
        return InProcess(lambda ids, mask: request.infer({"input_ids": ids, "attention_mask": mask})[0])
    run["ov f32"] = with_openvino("f32")
    if "avx512_bf16" in open("/proc/cpuinfo").read():
        run["ov bf16"] = with_openvino("bf16")

    if not os.path.exists(work + "/ct2"):
        ctranslate2.converters.TransformersConverter(folder).convert(work + "/ct2")

    def with_ct2(kind):
        encoder = ctranslate2.Encoder(work + "/ct2", compute_type=kind, intra_threads=threads, inter_threads=1)
        view = lambda a: ctranslate2.StorageView.from_array(a.astype(np.int32))
        return InProcess(lambda ids, mask:
                         np.array(encoder.forward_batch(view(ids), view(mask.sum(1))).last_hidden_state))
    run["ct2 f32"], run["ct2 int8"] = with_ct2("float32"), with_ct2("int8")
    for kind in ("f32", "bf16", "int8"):
        run[f"lanewise {kind}"] = Lanewise(folder, work, threads, kind)
    return run, model


def batch(lengths, seed=1):
    import numpy as np
    shape = len(lengths), max(lengths)
    mask = (np.arange(shape[1])[None] < np.array(lengths)[:, None]).astype(np.int64)
    return np.random.default_rng(seed).integers(1000, 20000, shape) * mask, mask


def useful_flops(model, lengths):
    weights = sum(p.numel() for n, p in model.named_parameters()
                  if p.dim() == 2 and "embed" not in n and "pooler" not in n)
    cfg = model.config
    return 2 * weights * sum(lengths) + 4 * cfg.num_hidden_layers * cfg.hidden_size * sum(x * x for x in lengths)


def machine():
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    flags = [line for line in open("/proc/cpuinfo") if line.startswith("flags")][0].split()
    best = next((isa for flag, isa in (("avx512_bf16", "AVX-512 with VNNI and BF16"), ("avx512_vnni", "AVX-512 with VNNI"),
                                       ("avx512f", "AVX-512"), ("avx_vnni", "AVX2 with VNNI"), ("avx2", "AVX2"))
                 if flag in flags), "SSE2")
    return f"{model}, {best}"


PEERS = {"torch": "PyTorch", "ort": "ONNX Runtime", "ov": "OpenVINO", "ct2": "CTranslate2", "lanewise": "lanewise"}


def print_tables(medians, threads):
    """medians: by workload, then by runtime, in seconds."""
    print(f"\n{machine()}, {threads} threads, {time.strftime('%Y-%m-%d')}; medians in ms")
    for kind in ("f32", "int8", "bf16"):
        names = [n for n in next(iter(medians.values())) if n.endswith(" " + kind) and n.split()[0] in PEERS]
        if not names:
            continue
        print(f"\n| {kind} | " + " | ".join(medians) + " |\n|---" + "|---" * len(medians) + "|")
        for n in names:
            cells = [f"{median[n] * 1e3:.3g}" for median in medians.values()]
            print(f"| {PEERS[n.split()[0]]} | " + " | ".join(cells) + " |")


def main():
    arguments = sys.argv[1:]
    table = "--table" in arguments
    if table:
        arguments.remove("--table")
    only = None
    if "--only" in arguments:
        at = arguments.index("--only")
        only = arguments[at + 1].split(",")
        del arguments[at:at + 2]
    name, threads = arguments[0], int(arguments[1])
    rounds = int(arguments[2]) if len(arguments) > 2 else 7
    limit_threads(threads)
    import numpy as np
    run, model = runtimes(name, threads)
    if only:
        run = {n: r for n, r in run.items() if n in only}
    medians = {}
    for label, lengths in WORKLOADS.items():
        ids, mask = batch(lengths)
        reference, error, times = None, {}, {n: [] for n in run}
        for n, runtime in run.items():
            runtime.prepare(ids, mask, lengths)
            out = runtime.output(ids, mask)
            reference = out if reference is None else reference
            error[n] = np.abs((out - reference) * mask[..., None]).max() / np.abs(reference).max()
        for _ in range(rounds):
            for n, runtime in run.items():
                times[n] += runtime.times()
        flops = useful_flops(model, lengths)
        median = {n: statistics.median(v) for n, v in times.items()}
        medians[label] = median
        best = {kind: min((median[n] for n in run if n.endswith(kind) and not n.startswith("lanewise")), default=None)
                for kind in ("f32", "bf16", "int8")}
        print(f"{label}, {flops / 1e9:.2f} GFLOP useful, {threads} threads")
        for n, v in median.items():
            kind = n.split()[1]
            beside = f"{v / best[kind]:5.2f}x the best {kind} peer" if best[kind] else f"no {kind} peer"
            print(f"  {n:14s} {v * 1e3:8.2f} ms  {flops / v / 1e9:5.0f} GF/s  err {error[n]:.0e}  {beside}", flush=True)
    if table:
        print_tables(medians, threads)


if __name__ == "__main__":
    main()
