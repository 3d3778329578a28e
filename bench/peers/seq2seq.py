"""Generation with the paper's base model beside CTranslate2, interleaved in one run.

    python bench/peers/seq2seq.py THREADS [ROUNDS]

6 + 6 layers of width 512, 8 heads, feed-forward 2048, vocabulary 32,000, random weights: for us a state dict of
torch.nn.Transformer, for CTranslate2 the Marian model of that shape, which reads as many weights in a step. 32 new
tokens for each source; f32 beside CTranslate2's f32, int8 beside its int8. Both models are kept in $PEERS_WORK
(default build/peers). Our own program is build/release/lanewise ($LANEWISE).
"""
import json
import os
import statistics
import subprocess
import sys
import time
import warnings

from encoder import limit_threads

warnings.filterwarnings("ignore")
VOCABULARY, WIDTH, LAYERS, HEADS, HIDDEN = 32000, 512, 6, 8, 2048
NEW_TOKENS = 32
SECONDS = 1.0


def source_lengths():
    import numpy as np
    return [int(min(80, max(5, x))) for x in np.random.default_rng(3).lognormal(3.1, 0.5, 32)]


def make_state_dict(folder):
    """A checkpoint as users of torch.nn.Transformer save it, with its config."""
    import torch
    from safetensors.torch import save_file
    if os.path.exists(folder + "/config.json"):
        return
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(0)
    weights = {"transformer." + name: tensor for name, tensor in torch.nn.Transformer(
        WIDTH, HEADS, LAYERS, LAYERS, HIDDEN).state_dict().items()}
    for name in ("src_tok_emb.embedding.weight", "tgt_tok_emb.embedding.weight", "generator.weight"):
        weights[name] = torch.randn(VOCABULARY, WIDTH) * WIDTH**-0.5
    weights["generator.bias"] = torch.zeros(VOCABULARY)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder + "/model.safetensors")
    config = {"model_type": "torch_transformer", "nhead": HEADS, "activation": "relu", "norm_first": False,
              "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "max_length": 512}
    with open(folder + "/config.json", "w") as file:
        json.dump(config, file)


def make_ctranslate2(folder):
    """The Marian model of the same shape, from CTranslate2's own description of one."""
    import torch
    import transformers
    from ctranslate2.converters import transformers as loaders
    if os.path.exists(folder + "/model.bin"):
        return
    torch.manual_seed(0)
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=HIDDEN, decoder_ffn_dim=HIDDEN,
        max_position_embeddings=512, activation_function="relu", pad_token_id=VOCABULARY - 1, eos_token_id=0,
        decoder_start_token_id=VOCABULARY - 1, scale_embedding=True)
    model = transformers.MarianMTModel(config).eval()
    model.config.normalize_before = model.config.normalize_embedding = False
    spec = loaders._MODEL_LOADERS["MarianConfig"].get_model_spec(model)
    tokens = ["</s>", "<unk>"] + [f"t{i}" for i in range(2, VOCABULARY - 1)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    for name in ("eos_token", "bos_token", "decoder_start_token"):
        setattr(spec.config, name, "</s>")
    spec.config.unk_token, spec.config.add_source_eos = "<unk>", False
    spec.validate()
    spec.optimize()
    os.makedirs(folder, exist_ok=True)
    spec.save(folder)


class CTranslate2:
    def __init__(self, folder, threads, lengths, kind):
        import ctranslate2
        import numpy as np
        self.translator = ctranslate2.Translator(folder, device="cpu", compute_type=kind, intra_threads=threads,
                                                 inter_threads=1)
        ids = np.random.default_rng(4)
        self.sources = [[f"t{j}" for j in ids.integers(5, VOCABULARY - 2, n)] for n in lengths]

    def seconds(self, batch, beams):
        start = time.perf_counter()
        self.translator.translate_batch(self.sources[:batch], beam_size=beams, max_decoding_length=NEW_TOKENS,
                                        min_decoding_length=NEW_TOKENS, max_batch_size=0)
        return time.perf_counter() - start


class Lanewise:
    def __init__(self, folder, work, threads, lengths, weights):
        self.program = os.environ.get("LANEWISE", "build/release/lanewise")
        self.threads, self.lengths, self.model = threads, lengths, f"{work}/base-{weights}.lw"
        subprocess.run([self.program, "convert", folder, "-o", self.model, "--weights", weights, "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)

    def seconds(self, batch, beams):
        lengths = ",".join(map(str, self.lengths[:batch]))
        out = subprocess.run([self.program, "bench", self.model, "--lengths", lengths, "--new-tokens", str(NEW_TOKENS),
                              "--beams", str(beams), "--seconds", str(SECONDS), "--threads", str(self.threads),
                              "--json", "--quiet"], check=True, capture_output=True, text=True).stdout
        return json.loads(out)["p50_ms"] * 1e-3


def main():
    threads = int(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    limit_threads(threads)
    work = os.environ.get("PEERS_WORK", "build/peers")
    make_state_dict(work + "/base")
    make_ctranslate2(work + "/base-ct2")
    lengths = source_lengths()
    run = {f"ct2 {kind}": CTranslate2(work + "/base-ct2", threads, lengths, kind) for kind in ("float32", "int8")}
    run |= {f"lanewise {kind}": Lanewise(work + "/base", work, threads, lengths, kind) for kind in ("f32", "int8")}
    for batch in (1, 32):
        for beams in (1, 4):
            times = {name: [] for name in run}
            for _ in range(rounds):
                for name, runtime in run.items():
                    times[name].append(runtime.seconds(batch, beams))
            median = {name: statistics.median(values) for name, values in times.items()}
            print(f"batch {batch}, beams {beams}, {threads} threads")
            for name, value in median.items():
                peer = "ct2 int8" if name.endswith("int8") else "ct2 float32"
                print(f"  {name:13s} {value * 1e3:8.1f} ms  {batch * NEW_TOKENS / value:6.0f} tokens/s  "
                      f"{median[peer] / value:5.2f}x {peer}", flush=True)


if __name__ == "__main__":
    main()
