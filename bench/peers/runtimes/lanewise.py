"""lanewise as people run it: the program of the release build, $LANEWISE."""
import json
import os
import pathlib
import subprocess
import tempfile
from typing import Any

import numpy as np

from ..inputs import padded_ids, sources
from .base import Case, Runtime, work_folder

PROGRAM = os.environ.get("LANEWISE", "build/release/lanewise")


def lanewise(*arguments: Any, **options: Any) -> str:
    """The standard output of the program. A failure raises RuntimeError with the program's own message."""
    done = subprocess.run([PROGRAM, *map(str, arguments), "--quiet"], capture_output=True, text=True, check=False,
                          **options)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
    return done.stdout


def converted(checkpoint: pathlib.Path, precision: str, weights: str = "") -> pathlib.Path:
    """The model file of a checkpoint, made by this state of the code ($PEERS_CODE); those of others are removed.

    weights: what `--weights` gets, if it is not the precision.
    """
    code = os.environ.get("PEERS_CODE", "any")
    folder, name = (checkpoint.parent, f"lanewise-{checkpoint.stem}") if checkpoint.is_file() else (checkpoint, "lanewise")
    path = work_folder(folder, f"{name}-{precision}-{code}.lw")
    if not path.exists():
        for old in path.parent.glob(f"{name}-{precision}-*.lw"):
            old.unlink()
        lanewise("convert", checkpoint, "-o", path, "--weights", weights or precision)
    return path


class Bench(Case):
    """Times by `lanewise bench`: the median of a slice stands for its runs."""

    def __init__(self, model: pathlib.Path, threads: int, work: list[Any]):
        self.model, self.threads = model, ["--threads", threads]
        self.work = work

    def bench(self, seconds: float) -> dict[str, Any]:
        """The program's results."""
        return json.loads(lanewise("bench", self.model, *self.work, *self.threads, "--seconds", seconds, "--json"))

    def times(self, seconds):
        result = self.bench(seconds)
        return [result["p50_ms"] * 1e-3] * max(1, int(result["runs"]))


class Encoder(Bench):
    """See pytorch.Encoder."""

    def __init__(self, model, threads, inputs, output):
        super().__init__(model, threads, ["--lengths", ",".join(map(str, inputs["lengths"])), "--output", output])
        self.ids, self.mask = padded_ids(inputs["lengths"], *inputs["ids"])
        self.name = output

    def output(self):
        from safetensors.numpy import load_file, save_file
        with tempfile.TemporaryDirectory() as folder:
            into, out = f"{folder}/in.safetensors", f"{folder}/out.safetensors"
            save_file({"input_ids": self.ids, "attention_mask": self.mask}, into)
            lanewise("run", self.model, "--inputs", into, "--outputs", out, *self.threads)
            values = load_file(out)[self.name]
        return values * self.mask[..., None] if values.ndim == 3 else values


class Translation(Bench):
    """See pytorch.Translation."""

    def __init__(self, model, threads, inputs):
        self.texts = sources(inputs["batch"], inputs["vocabulary"])
        self.options = ["--beams", inputs["beams"]]
        self.new_tokens = inputs["new_tokens"]
        super().__init__(model, threads, ["--lengths", ",".join(str(len(text)) for text in self.texts),
                                          "--new-tokens", self.new_tokens, *self.options])

    def output(self):
        from safetensors.numpy import save_file
        ids = np.zeros((len(self.texts), max(map(len, self.texts))), np.int64)
        mask = np.zeros_like(ids)
        for i, text in enumerate(self.texts):
            ids[i, :len(text)], mask[i, :len(text)] = text, 1
        with tempfile.TemporaryDirectory() as folder:
            save_file({"input_ids": ids, "attention_mask": mask}, f"{folder}/in.safetensors")
            lines = lanewise("generate", self.model, "--input-ids", f"{folder}/in.safetensors", "--json",
                             "--max-new-tokens", self.new_tokens, "--min-new-tokens", self.new_tokens, *self.options,
                             *self.threads)
        return np.array([json.loads(line)["ids"] for line in lines.splitlines()])


class Decoder(Bench):
    """See pytorch.Decoder."""

    def __init__(self, model, threads, inputs):
        self.text, self.tokens = inputs["prompt"], len(inputs["prompt_ids"])
        # One token comes with the prompt: its scores are the prompt's last.
        new_tokens = inputs.get("new_tokens", 0) + 1
        super().__init__(model, threads, ["--length", self.tokens, "--new-tokens", new_tokens])

    def output(self):
        result = json.loads(lanewise("perplexity", self.model, "--input", "-", "--json", *self.threads,
                                     input=self.text))
        if result["tokens"] != self.tokens:
            raise RuntimeError(f"the prompt has {result['tokens']} tokens, expected {self.tokens}")
        return np.array([np.log(result["perplexity"])])


class Pronunciation(Bench):
    """See pytorch.Pronunciation."""

    def __init__(self, model, threads, inputs):
        self.word, self.new_tokens = inputs["word"], inputs["new_tokens"]
        super().__init__(model, threads, ["--length", len(self.word) + 1, "--new-tokens", self.new_tokens])

    def output(self):
        line = lanewise("generate", self.model, self.word, "--json", "--max-new-tokens", self.new_tokens,
                        *self.threads)
        ids = json.loads(line)["ids"][:self.new_tokens]
        return np.array([ids])


class Texts(Case):
    """`lanewise embed` reading a pipe: a line in, a vector out. So writing and reading the numbers counts against us."""

    def __init__(self, model, threads, inputs):
        self.texts = inputs["texts"]
        self.process = subprocess.Popen([PROGRAM, "embed", str(model), "--json", "--threads", str(threads), "--quiet"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1 << 20)

    def _answers(self, texts: list[str]) -> list[str]:
        self.process.stdin.write("".join(text + "\n" for text in texts))
        self.process.stdin.flush()
        return [self.process.stdout.readline() for _ in texts]

    def run(self):
        return self._answers(self.texts)

    def output(self):
        return np.array([json.loads(line)["embedding"] for line in self.run()])

    def answer(self, text):
        self._answers([text])

    def __del__(self):
        self.process.stdin.close()
        self.process.wait()


class Lanewise(Runtime):
    """Every choice of --weights; of GGUF the types of the file."""

    def start(self, task, folder, inputs, precision):
        """As `bench` measures it, in the process that it starts."""
        result = self.open(task, folder, inputs, precision).bench(0.05)
        return {"load_s": result["load_ms"] * 1e-3, "first_run_s": result["first_run_ms"] * 1e-3,
                "private_mb": result["private_mb"]}

    def encode(self, folder, precision):
        model = converted(folder, precision)
        return lambda inputs: Encoder(model, self.threads, inputs, "last_hidden_state")

    def classify(self, folder, precision):
        model = converted(folder, precision)
        return lambda inputs: Encoder(model, self.threads, inputs, "logits")

    def embed(self, folder, precision):
        model = converted(folder, precision)
        return lambda inputs: Texts(model, self.threads, inputs)

    def translate(self, folder, precision):
        model = converted(folder, precision)
        return lambda inputs: Translation(model, self.threads, inputs)

    def decode(self, folder, precision):
        gguf = folder / f"{precision}.gguf"
        model = converted(gguf, precision, "keep") if gguf.exists() else converted(folder / "F32.gguf", precision)
        return lambda inputs: Decoder(model, self.threads, inputs)

    def pronounce(self, folder, precision):
        model = converted(folder, precision)
        return lambda inputs: Pronunciation(model, self.threads, inputs)
