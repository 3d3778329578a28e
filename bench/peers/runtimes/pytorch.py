"""PyTorch through Transformers, eager and compiled: the reference for the others' outputs."""
import json
import pathlib
from typing import Any

import numpy as np
import torch
import transformers

from ..inputs import padded_ids, sources
from .base import Case, Runtime, Unsupported

transformers.logging.set_verbosity_error()


class Encoder(Case):
    """Output: last hidden states [sequences, longest, dim], 0 at padding; of a classifier logits [sequences, labels]."""

    def __init__(self, model, inputs: dict[str, Any]):
        ids, self.mask = padded_ids(inputs["lengths"], *inputs["ids"])
        self.model, self.arguments = model, {"input_ids": torch.from_numpy(ids),
                                             "attention_mask": torch.from_numpy(self.mask)}

    def run(self):
        with torch.inference_mode():
            return self.model(**self.arguments)[0]

    def output(self):
        values = self.run().float().numpy()
        return values * self.mask[..., None] if values.ndim == 3 else values


class Translation(Case):
    """Output: ids of the generated tokens [sources, new tokens]."""

    def __init__(self, model, inputs: dict[str, Any]):
        texts = sources(inputs["batch"], inputs["vocabulary"])
        padding = model.config.pad_token_id
        self.ids = torch.full((len(texts), max(map(len, texts))), padding)
        for row, text in zip(self.ids, texts):
            row[:len(text)] = torch.tensor(text)
        self.model, self.mask = model, (self.ids != padding).long()
        self.options = {"num_beams": inputs["beams"], "max_new_tokens": inputs["new_tokens"],
                        "min_new_tokens": inputs["new_tokens"], "do_sample": False}

    def run(self):
        with torch.inference_mode():
            return self.model.generate(input_ids=self.ids, attention_mask=self.mask, **self.options)

    def output(self):
        return self.run()[:, 1:].numpy()


class Decoder(Case):
    """A prompt, or tokens after a prompt of 16. Output: negative log-likelihoods in nat of each prompt token."""

    def __init__(self, model, inputs: dict[str, Any]):
        self.model, self.new_tokens = model, inputs.get("new_tokens", 0)
        self.prompt = torch.tensor([inputs["prompt_ids"]])

    def run(self):
        with torch.inference_mode():
            state = self.model(self.prompt, use_cache=True, logits_to_keep=1)
            for _ in range(self.new_tokens):
                token = state.logits[:, -1:].argmax(-1)
                state = self.model(token, use_cache=True, past_key_values=state.past_key_values)

    def output(self):
        with torch.inference_mode():
            scores = torch.log_softmax(self.model(self.prompt).logits[0].float(), -1)
        return -scores[:-1].gather(1, self.prompt[0, 1:, None])[:, 0].numpy()


class Pronunciation(Case):
    """The GRU of g2p_en as modules. `new_tokens` phonemes, greedily. Output: their ids before the end token."""

    def __init__(self, folder: pathlib.Path, inputs: dict[str, Any]):
        config, weights = json.loads((folder / "config.json").read_text()), np.load(folder / "checkpoint20.npz")
        tensor = {name: torch.from_numpy(weights[name]).float() for name in weights.files}
        self.embed = [torch.nn.Embedding.from_pretrained(tensor[f"{side}_emb"]) for side in ("enc", "dec")]
        self.cells = [self._gru(tensor, side) for side in ("enc", "dec")]
        self.out_w, self.out_b = tensor["fc_w"], tensor["fc_b"]
        vocabulary = config["source_vocabulary"]
        self.ids = torch.tensor([[vocabulary.index(letter) for letter in inputs["word"]] +
                                 [config["source_eos_token_id"]]])
        self.bos, self.eos, self.new_tokens = config["bos_token_id"], config["eos_token_id"], inputs["new_tokens"]

    @staticmethod
    def _gru(tensor: dict[str, torch.Tensor], side: str) -> torch.nn.GRU:
        cell = torch.nn.GRU(tensor[f"{side}_emb"].shape[1], tensor[f"{side}_w_hh"].shape[1], batch_first=True)
        cell.load_state_dict({f"{name.replace('w_', 'weight_').replace('b_', 'bias_')}_l0": tensor[f"{side}_{name}"]
                              for name in ("w_ih", "w_hh", "b_ih", "b_hh")})
        return cell.eval()

    def run(self):
        with torch.inference_mode():
            _, state = self.cells[0](self.embed[0](self.ids))
            token, tokens = torch.tensor([[self.bos]]), []
            for _ in range(self.new_tokens):
                y, state = self.cells[1](self.embed[1](token), state)
                token = torch.nn.functional.linear(y, self.out_w, self.out_b).argmax(-1)
                tokens.append(token.item())
        return tokens

    def output(self):
        tokens = self.run()
        return np.array([tokens[:tokens.index(self.eos)] if self.eos in tokens else tokens])


class PyTorch(Runtime):
    """f32, and int8 as torch.ao quantises linear layers dynamically."""

    def __init__(self, threads: int):
        super().__init__(threads)
        torch.set_num_threads(threads)

    @staticmethod
    def _with_precision(model, precision: str):
        if precision == "f32":
            return model.float().eval()
        if precision == "bf16":
            return model.to(torch.bfloat16).eval()
        if precision == "int8":
            return torch.ao.quantization.quantize_dynamic(model.eval(), {torch.nn.Linear}, torch.qint8)
        raise Unsupported(f"no {precision} weights")

    def encode(self, folder, precision):
        return self._encoder(transformers.AutoModel.from_pretrained(folder), precision)

    def classify(self, folder, precision):
        return self._encoder(transformers.AutoModelForSequenceClassification.from_pretrained(folder), precision)

    def _encoder(self, model, precision):
        model = self._with_precision(model, precision)
        return lambda inputs: Encoder(model, inputs)

    def translate(self, folder, precision):
        model = self._with_precision(transformers.MarianMTModel.from_pretrained(folder), precision)
        return lambda inputs: Translation(model, inputs)

    def decode(self, folder, precision):
        model = self._with_precision(transformers.AutoModelForCausalLM.from_pretrained(folder / "hf"), precision)
        return lambda inputs: Decoder(model, inputs)

    def pronounce(self, folder, precision):
        if precision != "f32":
            raise Unsupported(f"no {precision} weights")
        return lambda inputs: Pronunciation(folder, inputs)


class PyTorchCompiled(PyTorch):
    """The same by torch.compile, with any lengths; only encoders."""

    translate = decode = pronounce = None

    def _encoder(self, model, precision):
        model = torch.compile(self._with_precision(model, precision), dynamic=True)
        return lambda inputs: Encoder(model, inputs)
