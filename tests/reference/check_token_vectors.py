#!/usr/bin/env python3
"""Checks vectors of tokens, MaxSim, BGE-M3's outputs and static embeddings against sentence-transformers.

    python check_token_vectors.py PROGRAM [--only TEXT]

Saves small models with random weights and the tokenizer of check_heads.py, and compares, on its 200 texts,

    embed --tokens   token embeddings of SentenceTransformer; documents and queries of MultiVectorEncoder, for the folders
                     of ColBERT itself, of PyLate, and of MultiVectorEncoder
    rerank           the same models' MaxSim
    BGE-M3           --tokens, --sparse, the sentence embedding and rerank, by FlagEmbedding's rules, which are written out here
    static vectors   StaticEmbedding, and a folder of Model2Vec, with and without modules.json, and in each type and with a reduced
                     vocabulary as model2vec saves it, by model2vec itself
    embed --sparse   SpladePooling with `sum`, and with log1p_relu
    rerank           a CrossEncoder with a default prompt; a SentenceTransformer and a SparseEncoder with prompts, by each similarity

Numbers must be within 2e-5 of the largest. Prints one line for each, and fails if any is wrong.
"""

import argparse
import json
import pathlib
import random
import sys
import tempfile

import torch
import transformers
from check_heads import POSITIONS, SENTENCES, TEXTS, compare_ranked, lanewise, make_texts, make_tokenizer
from model2vec import StaticModel
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder, MultiVectorEncoder, SentenceTransformer, SparseEncoder
from transformers import AutoTokenizer, BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

TOLERANCE = 2e-5
WIDTH = 60
VECTOR = 28


def make_bert(folder, tokenizer, kind=BertModel, config=BertConfig, **fields):
    torch.manual_seed(11)
    model = kind(config(vocab_size=len(tokenizer), hidden_size=WIDTH, num_hidden_layers=3, num_attention_heads=4,
                        intermediate_size=88, max_position_embeddings=POSITIONS + 2, initializer_range=0.15,
                        **fields)).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def edit(path, **fields):
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | fields))


def difference(found, expected):
    """Of two matrices, relative to the largest number; infinity if they differ in shape."""
    found, expected = torch.tensor(found), torch.as_tensor(expected, dtype=torch.float32)
    if found.shape != expected.shape:
        return float("inf")
    return ((found - expected).abs().max() / expected.abs().max()).item() if found.numel() else 0.0


def worst_of(found, expected, key="embeddings"):
    return max(difference(one[key], other) for one, other in zip(found, expected, strict=True))


# Vectors of tokens


def check_hidden_states(program, folder, tokenizer, texts):
    make_bert(folder, tokenizer)
    expected = SentenceTransformer(str(folder), device="cpu").encode(texts, output_value="token_embeddings")
    return worst_of(lanewise(program, "embed", folder, "--tokens", texts=texts), expected)


def check_multi_vectors(program, folder, texts):
    model = MultiVectorEncoder(str(folder), device="cpu")
    worst = worst_of(lanewise(program, "embed", folder, "--tokens", texts=texts), model.encode_document(texts))
    queries = texts[:40] + ["", "?"]
    worst = max(worst, worst_of(lanewise(program, "embed", folder, "--tokens", "--prompt", "query", texts=queries),
                                model.encode_query(queries)))
    documents = model.encode_document(texts)
    for query in texts[5:8]:
        scores = model.similarity(model.encode_query([query]), documents)[0]
        order = sorted(range(len(texts)), key=lambda i: -scores[i])
        expected = [{"index": i, "score": scores[i].item()} for i in order]
        found = lanewise(program, "rerank", folder, "--query", query, "--top", len(texts), texts=texts)
        worst = max(worst, compare_ranked(found, expected, "index") / scores.abs().max().item())
    return worst


def save_original(folder, tokenizer, **metadata):
    model = make_bert(folder, tokenizer)
    tensors = {"bert." + name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    tensors["linear.weight"] = torch.randn(VECTOR, WIDTH) * 0.2
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    edit(folder / "config.json", architectures=["HF_ColBERT"])
    if metadata:
        edit(folder / "artifact.metadata", **metadata)


def save_pylate(folder, tokenizer, **settings):
    make_bert(folder, tokenizer)
    (folder / "1_Dense").mkdir()
    edit(folder / "1_Dense" / "config.json", in_features=WIDTH, out_features=VECTOR, bias=False,
         activation_function="torch.nn.modules.linear.Identity")
    save_file({"linear.weight": torch.randn(VECTOR, WIDTH) * 0.2}, folder / "1_Dense" / "model.safetensors")
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"}]))
    edit(folder / "sentence_bert_config.json", max_seq_length=POSITIONS, do_lower_case=False)
    edit(folder / "config_sentence_transformers.json", **settings)


def save_multi_vector(folder, tokenizer, expansion, skiplist):
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from sentence_transformers.sentence_transformer.modules import Normalize

    made = folder / "made"
    make_bert(made, tokenizer)
    transformer = Transformer(str(made), document_length=50, query_expansion=expansion,
                              query_length=None if expansion else 20)
    dense = Dense(WIDTH, VECTOR, bias=False, activation_function=torch.nn.Identity(),
                  module_input_name="token_embeddings")
    model = MultiVectorEncoder(modules=[transformer, dense, MultiVectorMask(skiplist_words=skiplist),
                                        Normalize(module_input_name="token_embeddings")],
                               prompts={"query": "der ", "document": "x: "}, device="cpu")
    model.save_pretrained(str(folder / "saved"))
    return folder / "saved"


def marked_tokenizer():
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["[unused0]", "[unused1]", "[Q] ", "[D] "])
    return tokenizer


# BGE-M3


def check_m3(program, folder, texts, plain):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = make_bert(folder, tokenizer, XLMRobertaModel, XLMRobertaConfig, pad_token_id=0)
    vectors, weights = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, 1)
    torch.save(vectors.state_dict(), folder / "colbert_linear.pt")
    torch.save(weights.state_dict(), folder / "sparse_linear.pt")
    if not plain:
        (folder / "1_Pooling").mkdir()
        edit(folder / "1_Pooling" / "config.json", word_embedding_dimension=WIDTH, pooling_mode_cls_token=True,
             pooling_mode_mean_tokens=False)
        (folder / "modules.json").write_text(json.dumps([
            {"idx": 0, "name": name, "path": path, "type": "sentence_transformers.models." + name}
            for path, name in (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))]))
    dense = lanewise(program, "embed", folder, texts=texts)
    tokens = lanewise(program, "embed", folder, "--tokens", texts=texts)
    sparse = lanewise(program, "embed", folder, "--sparse", texts=texts)
    special = {tokenizer.cls_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    worst = 0.0
    for i, text in enumerate(texts):
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=POSITIONS, return_token_type_ids=False)
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
            normal = torch.nn.functional.normalize
            worst = max(worst, difference(dense[i]["embedding"], normal(hidden[0], dim=-1)))
            worst = max(worst, difference(tokens[i]["embeddings"], normal(vectors(hidden[1:]), dim=-1)))
            expected = {}
            for id, weight in zip(inputs["input_ids"][0].tolist(), weights(hidden).relu()[:, 0].tolist()):
                token = tokenizer.convert_ids_to_tokens(id)
                if token not in special and weight > 0:
                    expected[token] = max(expected.get(token, 0.0), weight)
        found = sparse[i]["embedding"]
        for token in set(found) | set(expected):
            worst = max(worst, abs(found.get(token, 0.0) - expected.get(token, 0.0)))
    return max(worst, check_m3_ranker(program, folder, texts, dense, tokens, sparse))


def check_m3_ranker(program, folder, texts, dense, tokens, sparse):
    """FlagEmbedding's M3Embedder.compute_score, from the vectors that have just been compared."""
    query, worst = 7, 0.0
    by_way = {"embeddings": [], "sparse": [], "tokens": []}
    q = torch.tensor(tokens[query]["embeddings"])
    for i in range(len(texts)):
        by_way["embeddings"].append(float(torch.tensor(dense[query]["embedding"]) @ torch.tensor(dense[i]["embedding"])))
        by_way["sparse"].append(sum(w * sparse[i]["embedding"].get(t, 0.0) for t, w in sparse[query]["embedding"].items()))
        by_way["tokens"].append(float((q @ torch.tensor(tokens[i]["embeddings"]).T).max(-1).values.sum() / len(q)))
    for way, scores in by_way.items():
        worst = max(worst, compare_scores(program, folder, texts[query], texts, scores, "--by", way))
    for weights, flags in (((0.4, 0.2, 0.4), ()), ((1, 1, 1), ("--by", "mixed", "--mix", "1,1,1"))):
        scores = [sum(w * x for w, x in zip(weights, one)) / sum(weights) for one in zip(*by_way.values())]
        worst = max(worst, compare_scores(program, folder, texts[query], texts, scores, *flags))
    return worst


# Static vectors


def check_static(program, folder, tokenizer, texts):
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    table = torch.randn(len(tokenizer), VECTOR)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table), Normalize()], device="cpu")
    model.save_pretrained(str(folder))
    return worst_of(lanewise(program, "embed", folder, texts=texts), model.encode(texts), "embedding")


def check_quantized_model2vec(program, folder, tokenizer, texts, dtype, clusters):
    """As model2vec itself quantises, saves and reads a model."""
    table = torch.randn(len(tokenizer), VECTOR).numpy()
    made = StaticModel(table, tokenizer.backend_tokenizer, normalize=False)
    made.save_pretrained(folder / "made")
    worst = 0.0
    for normalize in (True, False):
        read = StaticModel.from_pretrained(str(folder / "made"), quantize_to=dtype, vocabulary_quantization=clusters, normalize=normalize,
                                           force_download=False)
        read.save_pretrained(folder / "saved")
        (folder / "saved" / "modules.json").unlink()  # With it, unknown tokens count, as in sentence-transformers.
        edit(folder / "saved" / "config.json", model_type="model2vec")  # Those saved after distilling have it.
        expected = StaticModel.from_pretrained(str(folder / "saved"), force_download=False).encode(texts).astype("float32")
        # float16 vectors are rounded there.
        scale = 0.02 if dtype == "float16" else 1.0
        worst = max(worst, worst_of(lanewise(program, "embed", folder / "saved", texts=texts), expected, "embedding") * scale)
    return worst


def check_model2vec(program, folder, tokenizer, texts, modules):
    folder.mkdir()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    rows = len(tokenizer) // 2
    table, mapping = torch.randn(rows, VECTOR), torch.randint(rows, (len(tokenizer),))
    weights = torch.rand(len(tokenizer))
    save_file({"embeddings": table, "mapping": mapping, "weights": weights}, folder / "model.safetensors")
    edit(folder / "config.json", model_type="model2vec", architectures=["StaticModel"], normalize=True,
         hidden_dim=VECTOR, seq_length=1000000)
    if modules:
        (folder / "modules.json").write_text(json.dumps([
            {"idx": index, "name": str(index), "path": path, "type": "sentence_transformers.models." + name}
            for index, (path, name) in enumerate(((".", "StaticEmbedding"), ("1_Normalize", "Normalize")))]))
        (folder / "1_Normalize").mkdir()
        expected = SentenceTransformer(str(folder), device="cpu").encode(texts)
        return worst_of(lanewise(program, "embed", folder, texts=texts), expected, "embedding")
    worst = 0.0
    for settings in (dict(normalize=True), dict(normalize=True, max_length=3), dict(normalize=False, max_length=7),
                     dict(max_length=None)):
        edit(folder / "config.json", normalize=False, max_length=512)
        edit(folder / "config.json", **settings)
        expected = StaticModel.from_pretrained(str(folder), force_download=False).encode(texts)
        worst = max(worst, worst_of(lanewise(program, "embed", folder, texts=texts), expected, "embedding"))
    return worst


# Heads of sentence-transformers


def check_splade(program, folder, tokenizer, texts, **settings):
    make_bert(folder / "made", tokenizer, transformers.BertForMaskedLM)
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    encoder = SparseEncoder(modules=[Transformer(str(folder / "made"), transformer_task="fill-mask"),
                                     SpladePooling(**settings)], device="cpu")
    encoder.save_pretrained(str(folder / "saved"))
    worst, largest = 0.0, 0.0
    for text, one in zip(texts, lanewise(program, "embed", folder / "saved", "--sparse", texts=texts), strict=True):
        expected = dict(encoder.decode(encoder.encode(text)))
        largest = max([largest, *expected.values()])
        for token in set(expected) | set(one["embedding"]):
            worst = max(worst, abs(expected.get(token, 0.0) - one["embedding"].get(token, 0.0)))
    return worst / largest


def save_splade(folder, tokenizer, **options):
    make_bert(folder / "made", tokenizer, transformers.BertForMaskedLM)
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    encoder = SparseEncoder(modules=[Transformer(str(folder / "made"), transformer_task="fill-mask"), SpladePooling()], device="cpu", **options)
    encoder.save_pretrained(str(folder / "saved"))
    return SparseEncoder(str(folder / "saved"), device="cpu")


def compare_scores(program, folder, query, texts, scores, *flags):
    """The order and scores, the latter relative to the largest."""
    scale = max(map(abs, scores)) or 1.0
    expected = [{"index": i, "score": scores[i] / scale} for i in sorted(range(len(texts)), key=lambda i: -scores[i])]
    found = lanewise(program, "rerank", folder, "--query", query, "--top", len(texts), *flags, texts=texts)
    return compare_ranked([one | {"score": one["score"] / scale} for one in found], expected, "index")


def check_splade_ranker(program, folder, tokenizer, texts, similarity):
    model = save_splade(folder, tokenizer, similarity_fn_name=similarity, prompts={"query": "la ", "document": "der Zug "})
    scores = model.similarity(model.encode_query([SENTENCES[3]]), model.encode_document(texts))[0].tolist()
    return compare_scores(program, folder / "saved", SENTENCES[3], texts, scores)


def check_prompted_reranker(program, folder, tokenizer, texts):
    make_bert(folder / "made", tokenizer, transformers.BertForSequenceClassification, num_labels=1)
    model = CrossEncoder(str(folder / "made"), device="cpu", prompts={"ask": "der Zug "}, default_prompt_name="ask")
    model.save_pretrained(str(folder / "saved"))
    expected = [{"index": e["corpus_id"], "score": float(e["score"])} for e in model.rank(SENTENCES[3], texts)]
    unprompted = [e["score"] for e in CrossEncoder(str(folder / "made"), device="cpu").rank(SENTENCES[3], texts)]
    if max(abs(a["score"] - float(b)) for a, b in zip(expected, unprompted)) < 1e-4:
        return float("inf")  # The prompt must matter.
    found = lanewise(program, "rerank", folder / "saved", "--query", SENTENCES[3], "--top", len(texts), texts=texts)
    return compare_ranked(found, expected, "index")


def check_embedding_ranker(program, folder, tokenizer, texts, similarity):
    made = folder / "made"
    make_bert(made, tokenizer)
    model = SentenceTransformer(str(made), device="cpu", similarity_fn_name=similarity,
                                prompts={"query": "la ", "document": "der Zug "})
    model.save_pretrained(str(folder / "saved"))
    scores = model.similarity(model.encode_query([SENTENCES[3]]), model.encode_document(texts))[0].tolist()
    return compare_scores(program, folder / "saved", SENTENCES[3], texts, scores)


def save_m3_tokenizer(folder):
    """With the names of XLM-RoBERTa's special tokens."""
    tokenizer = make_tokenizer()
    names = dict(cls_token="[CLS]", eos_token="[SEP]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]")
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, model_max_length=POSITIONS,
                                         **names).save_pretrained(folder)


def checks(program, root):
    texts = make_texts(TEXTS, random.Random(1))
    tokenizer, marked = make_tokenizer(), marked_tokenizer()
    yield "embed --tokens, hidden states", lambda f: check_hidden_states(program, f, tokenizer, texts)
    punctuation = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    originals = [("usual settings", dict(doc_maxlen=POSITIONS)), ("metadata", dict(query_maxlen=20, doc_maxlen=60, mask_punctuation=False)),
                 ("attends to masks", dict(attend_to_mask_tokens=True, query_maxlen=40, doc_maxlen=100))]
    for name, metadata in originals:
        yield f"ColBERT, {name}", lambda f, metadata=metadata: (
            save_original(f, marked, **metadata), check_multi_vectors(program, f, texts))[1]
    markers = dict(query_prefix="[Q] ", document_prefix="[D] ", query_length=24, document_length=70)
    settings = [("version 3", markers | dict(model_type="ColBERT", skiplist_words=punctuation)),
                ("usual skiplist", markers | dict(model_type="ColBERT")),
                ("attends to expansion", markers | dict(model_type="ColBERT", attend_to_expansion_tokens=True)),
                ("no expansion", markers | dict(model_type="ColBERT", do_query_expansion=False)),
                ("prompts", markers | dict(model_type="ColBERT", prompts={"query": "la ", "document": "der "}))]
    for name, fields in settings:
        yield f"PyLate, {name}", lambda f, fields=fields: (
            save_pylate(f, marked, **fields), check_multi_vectors(program, f, texts))[1]
    for name, expansion in [("no expansion", None), ("expansion", dict(strategy="fixed", length=30)), (
            "other token", dict(strategy="fixed", length=30, attend=True, token="[SEP]"))]:
        yield f"MultiVectorEncoder, {name}", lambda f, expansion=expansion: check_multi_vectors(
            program, save_multi_vector(f, tokenizer, expansion, [",", "."]), texts)
    for plain in (False, True):
        yield f"BGE-M3, {'no ' if plain else ''}modules.json", lambda f, plain=plain: (
            save_m3_tokenizer(f), check_m3(program, f, texts, plain))[1]
    words = texts + ["", "☃", " "]
    yield "StaticEmbedding", lambda f: check_static(program, f, tokenizer, words)
    for modules in (True, False):
        yield f"Model2Vec, {'' if modules else 'no '}modules.json", lambda f, modules=modules: check_model2vec(
            program, f, tokenizer, words, modules)
    for dtype, clusters in (("float16", None), ("float64", None), ("int8", None), ("int8", 90), ("float32", 90)):
        yield f"Model2Vec, {dtype}, {clusters or 'all'} vectors", lambda f, d=dtype, c=clusters: check_quantized_model2vec(
            program, f, tokenizer, words, d, c)
    for similarity in ("dot", "cosine", "euclidean", "manhattan", None):
        yield f"rerank by SPLADE's {similarity}", lambda f, s=similarity: check_splade_ranker(program, f, tokenizer, texts[:60], s)
    for strategy in ("max", "sum"):
        for activation in ("relu", "log1p_relu"):
            yield f"SpladePooling {strategy} {activation}", lambda f, s=strategy, a=activation: check_splade(
                program, f, tokenizer, texts[:60], pooling_strategy=s, activation_function=a)
    for similarity in ("cosine", "dot", "euclidean", "manhattan"):
        yield f"rerank by {similarity}", lambda f, s=similarity: check_embedding_ranker(program, f, tokenizer, texts, s)
    yield "CrossEncoder with a prompt", lambda f: check_prompted_reranker(program, f, tokenizer, texts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="", help="only checks whose names contain this")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    failures = 0
    with tempfile.TemporaryDirectory() as root:
        for index, (name, check) in enumerate(checks(arguments.program, pathlib.Path(root))):
            if arguments.only not in name:
                continue
            worst = check(pathlib.Path(root) / str(index))
            failed = not worst <= TOLERANCE
            failures += failed
            print(f"{'FAILED' if failed else 'ok'}  {name}: {worst:.2e}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
