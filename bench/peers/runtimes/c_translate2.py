"""CTranslate2: encoders, translation, decoders, in f32 and int8."""
import pathlib

import ctranslate2
import numpy as np

from ..inputs import padded_ids, sources
from .base import Case, Runtime, Unsupported, work_folder

TYPES = {"f32": "float32", "int8": "int8"}


class Encoder(Case):
    """See pytorch.Encoder."""

    def __init__(self, encoder, inputs):
        ids, self.mask = padded_ids(inputs["lengths"], *inputs["ids"])
        self.encoder = encoder
        self.ids = ctranslate2.StorageView.from_array(ids.astype(np.int32))
        self.lengths = ctranslate2.StorageView.from_array(self.mask.sum(1).astype(np.int32))

    def run(self):
        return np.array(self.encoder.forward_batch(self.ids, self.lengths).last_hidden_state)

    def output(self):
        return self.run() * self.mask[..., None]


class Translation(Case):
    """See pytorch.Translation."""

    def __init__(self, translator, inputs):
        self.translator = translator
        self.sources = [[token(i) for i in text] for text in sources(inputs["batch"], inputs["vocabulary"])]
        self.options = {"beam_size": inputs["beams"], "max_decoding_length": inputs["new_tokens"],
                        "min_decoding_length": inputs["new_tokens"], "max_batch_size": 0}

    def run(self):
        return self.translator.translate_batch(self.sources, **self.options)

    def output(self):
        return np.array([[int(name[1:]) if name[1:].isdigit() else 0 for name in result.hypotheses[0]]
                         for result in self.run()])


class Decoder(Case):
    """See pytorch.Decoder."""

    def __init__(self, generator, inputs):
        self.generator, self.new_tokens = generator, inputs.get("new_tokens", 0)
        self.prompt = [[token(i) for i in inputs["prompt_ids"]]]

    def run(self):
        if self.new_tokens == 0:
            return self.generator.score_batch(self.prompt)
        return self.generator.generate_batch(self.prompt, max_length=self.new_tokens, min_length=self.new_tokens,
                                             sampling_topk=1, include_prompt_in_result=False)

    def output(self):
        return -np.array(self.generator.score_batch(self.prompt)[0].log_probs, dtype=np.float32)


def token(index: int) -> str:
    """The name of an id in the vocabularies that convert_marian() and convert_decoder() write."""
    return f"t{index}"


def convert_marian(folder: pathlib.Path, out: pathlib.Path) -> None:
    """From the checkpoint's weights by CTranslate2's own loader; the vocabulary is t0, t1, ..., as there is no tokenizer."""
    import transformers
    from ctranslate2.converters import transformers as loaders
    model = transformers.MarianMTModel.from_pretrained(folder).eval()
    model.config.normalize_before = model.config.normalize_embedding = False
    spec = loaders._MODEL_LOADERS["MarianConfig"].get_model_spec(model)
    # The loader leaves out the padding token, the last one.
    tokens = ["</s>", "<unk>"] + [token(i) for i in range(2, model.config.vocab_size - 1)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    for name in ("eos_token", "bos_token", "decoder_start_token"):
        setattr(spec.config, name, "</s>")
    spec.config.unk_token, spec.config.add_source_eos = "<unk>", False
    save(spec, out)


def convert_decoder(folder: pathlib.Path, out: pathlib.Path) -> None:
    """A LLaMA, in the same way."""
    import transformers
    from ctranslate2.converters import transformers as loaders
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    spec = loaders._MODEL_LOADERS["LlamaConfig"].get_model_spec(model)
    spec.register_vocabulary([token(i) for i in range(model.config.vocab_size)])
    for name in ("bos_token", "eos_token", "unk_token"):
        setattr(spec.config, name, token(0))
    save(spec, out)


def save(spec, out: pathlib.Path) -> None:
    """Writes the model; the folder appears when it is complete."""
    spec.validate()
    spec.optimize()
    part = out.with_suffix(".part")
    part.mkdir(exist_ok=True)
    spec.save(str(part))
    part.rename(out)


class CTranslate2(Runtime):
    """It keeps int8 weights and computes f32 or int8 with f32 activations between layers."""

    def _loaded_by(self, kind, convert, folder: pathlib.Path, precision: str):
        if precision not in TYPES:
            raise Unsupported(f"no {precision} weights on CPUs")
        converted = work_folder(folder, "ctranslate2")
        if not converted.exists():
            convert(folder, converted)
        return kind(str(converted), device="cpu", compute_type=TYPES[precision], intra_threads=self.threads,
                    inter_threads=1)

    def encode(self, folder, precision):
        def convert(checkpoint, out):
            import transformers
            if transformers.AutoConfig.from_pretrained(checkpoint).model_type != "bert":
                raise Unsupported("this family is not one of its encoders")
            ctranslate2.converters.TransformersConverter(str(checkpoint)).convert(str(out))
        encoder = self._loaded_by(ctranslate2.Encoder, convert, folder, precision)
        return lambda inputs: Encoder(encoder, inputs)

    def translate(self, folder, precision):
        translator = self._loaded_by(ctranslate2.Translator, convert_marian, folder, precision)
        return lambda inputs: Translation(translator, inputs)

    def decode(self, folder, precision):
        def convert(checkpoint, out):
            convert_decoder(checkpoint / "hf", out)
        generator = self._loaded_by(ctranslate2.Generator, convert, folder, precision)
        return lambda inputs: Decoder(generator, inputs)
