"""From texts to vectors, tokenizer included: sentence-transformers, and what fastembed does."""
import os

import numpy as np

from .base import Case, Runtime, Unsupported
from .onnx_files import fused, quantized

os.environ["TOKENIZERS_PARALLELISM"] = "true"  # as both set it for batches
BATCH = 32  # sentence-transformers' default
MOST_TOKENS = 256  # the model's


class Texts(Case):
    """Output: unit vectors [texts, dim]."""

    def __init__(self, embed, inputs):
        self.embed, self.texts = embed, inputs["texts"]

    def run(self):
        return self.embed(self.texts)

    def output(self):
        return np.asarray(self.run())

    def answer(self, text):
        self.embed([text])


class SentenceTransformers(Runtime):
    """As its documentation says: encode() sorts by length and pads each batch."""

    def embed(self, folder, precision):
        import sentence_transformers
        import torch
        torch.set_num_threads(self.threads)
        if precision != "f32":
            raise Unsupported(f"no {precision} weights without another backend")
        model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
        return lambda inputs: Texts(lambda texts: model.encode(texts, batch_size=BATCH, normalize_embeddings=True,
                                                               show_progress_bar=False), inputs)


class FastEmbed(Runtime):
    """What fastembed runs: Hugging Face's tokenizers with padding to the longest of a batch, ONNX Runtime, mean, norm."""

    def embed(self, folder, precision):
        import tokenizers
        from .onnx_runtime import session
        path = fused(folder, "encode") if precision == "f32" else quantized(folder, "encode", precision)
        opened = session(path, self.threads)
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MOST_TOKENS)
        tokenizer.enable_padding()

        def embed(texts):
            vectors = []
            for begin in range(0, len(texts), BATCH):
                rows = tokenizer.encode_batch(texts[begin:begin + BATCH])
                mask = np.array([row.attention_mask for row in rows], dtype=np.int64)
                states = opened.run(None, {"input_ids": np.array([row.ids for row in rows], dtype=np.int64),
                                           "attention_mask": mask})[0]
                means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
                vectors.append(means / np.linalg.norm(means, axis=1, keepdims=True))
            return np.concatenate(vectors)
        return lambda inputs: Texts(embed, inputs)
