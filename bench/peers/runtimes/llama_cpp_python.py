"""llama.cpp through llama-cpp-python, on GGUF files of any type."""
from typing import Callable

import numpy as np
from llama_cpp import Llama

from .base import Case, Runtime, Unsupported


class Decoder(Case):
    """See pytorch.Decoder."""

    def __init__(self, opened: Callable[..., Llama], model: Llama, inputs):
        self.opened, self.model = opened, model
        self.prompt, self.new_tokens = inputs["prompt_ids"], inputs.get("new_tokens", 0)

    def run(self):
        self.model.reset()
        self.model.eval(self.prompt)
        for _ in range(self.new_tokens):
            self.model.eval([self.model.sample(temp=0)])

    def output(self):
        # Another one, which keeps the scores of all tokens; the timed one keeps the last ones alone.
        scoring = self.opened(all_logits=True)
        scoring.eval(self.prompt)
        logits = np.asarray(scoring.scores[:len(self.prompt) - 1], dtype=np.float64)
        logits -= logits.max(1, keepdims=True)
        chosen = logits[np.arange(len(logits)), self.prompt[1:]]
        return (np.log(np.exp(logits).sum(1)) - chosen).astype(np.float32)


class LlamaCpp(Runtime):
    """The precision is a type of GGUF: the file `<type>.gguf` of the folder."""

    def decode(self, folder, precision):
        path = folder / f"{precision}.gguf"
        if not path.exists():
            raise Unsupported(f"there is no {path.name}")

        def opened(all_logits: bool = False) -> Llama:
            return Llama(str(path), n_ctx=1024, n_threads=self.threads, n_threads_batch=self.threads, verbose=False,
                         logits_all=all_logits)
        model = opened()
        return lambda inputs: Decoder(opened, model, inputs)
