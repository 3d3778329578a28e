#!/usr/bin/env python3
"""Checks the commands for tasks against Transformers' pipelines and sentence-transformers.

    python check_heads.py PROGRAM [--only TEXT]

Saves small models with random weights and a WordPiece tokenizer trained on texts in six languages, and compares, on 200
texts of 0 to about 100 words,

    classify   labels and scores of the text-classification pipeline, for texts and pairs and each kind of scores
    tag        entities of the token-classification pipeline, aggregation_strategy="simple"
    fill-mask  tokens and scores of the fill-mask pipeline, one mask and several
    answer     answers of the question-answering pipeline, which Transformers 5 no longer has: run it with 4.57
    rerank     order and scores of CrossEncoder
    embed --sparse  weights of SparseEncoder

Scores must be within 1e-5; labels, spans and tokens equal, unless their scores are that close to each other. Prints one
line for each, and fails if any is wrong.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, BertConfig, PreTrainedTokenizerFast, pipeline

TOLERANCE = 1e-5
TEXTS = 200
POSITIONS = 128

SENTENCES = """
The harbour was quiet when Marta Lindqvist arrived in Gothenburg on Tuesday.
Nobody at the ministry could explain why the bridge had been closed for so long.
Her brother works for a small company in New York that repairs old clocks.
Der Zug nach München fährt heute wegen des Sturms erst um acht Uhr ab.
Frau Özdemir hat den Schlüssel gestern in der Bibliothek vergessen.
Im Süden des Landes wird die Weinlese in diesem Jahr früher beginnen.
Le musée d'Orsay était fermé, alors nous avons marché le long de la Seine.
Élodie cherche un appartement près de l'université de Strasbourg.
Les élèves ont planté trente arbres derrière l'école avant l'été.
Вчера в Новосибирске открылась выставка современной живописи.
Анна Петровна работает врачом в маленькой больнице у реки.
Поезд опоздал на сорок минут, и мы не успели на концерт.
昨天晚上北京下了今年的第一场雪，孩子们非常高兴。
王小明在上海的一家医院工作，他每天骑自行车上班。
这座桥建于一八九二年，是城里最古老的建筑之一。
서울에 사는 김민수는 주말마다 한강에서 자전거를 탄다.
그 회사는 내년에 부산에 새 공장을 지을 계획이라고 밝혔다.
도서관은 월요일에 문을 닫지만 일요일에는 늦게까지 열려 있다.
""".strip().split("\n")

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=600, special_tokens=SPECIALS))
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=POSITIONS, model_input_names=[
        "input_ids", "token_type_ids", "attention_mask"], **names)


def make_texts(count, generator, most=8):
    texts = []
    for i in range(count):
        text = " ".join(generator.choice(SENTENCES) for _ in range(generator.randint(1, most)))
        words = text.split(" ")
        texts.append(" ".join(words[:generator.randint(1, len(words))]))
    texts[0] = "a"
    texts[1] = "\u200b  ünïcode\tand 😀 unknown ☃ signs!"
    return texts


def save(folder, model_class, tokenizer, **fields):
    torch.manual_seed(7)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=60, num_hidden_layers=3, num_attention_heads=4,
                        intermediate_size=88, max_position_embeddings=POSITIONS, initializer_range=0.15, **fields)
    model = getattr(transformers, model_class)(config).eval()
    with torch.no_grad():  # Random norms and biases; confident heads.
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
            if name.startswith(("classifier", "qa_outputs")):
                parameter.mul_(4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    extra = {name: value for name, value in fields.items() if name.startswith(("sbert", "sentence"))}
    if extra:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | extra))


def lanewise(program, *arguments, texts=None):
    done = subprocess.run([program, *map(str, arguments), "--json", "--quiet"], input=None if texts is None else
                          "".join(text + "\n" for text in texts), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{arguments[0]}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def make_pipeline(task, folder, **options):
    model = str(folder)
    name = "dtype" if int(transformers.__version__.split(".")[0]) > 4 else "torch_dtype"
    return pipeline(task, model=model, tokenizer=AutoTokenizer.from_pretrained(model), device="cpu",
                    **{name: torch.float64}, **options)


def compare_ranked(found, expected, key):
    """The largest difference between scores of two lists, best first, of which neighbours as close as the tolerance may
    have changed places; infinity if they differ otherwise."""
    if len(found) != len(expected):
        return float("inf")
    scores = {entry[key]: entry["score"] for entry in expected}
    worst = 0.0
    for a, b in zip(found, expected):
        worst = max(worst, abs(a["score"] - b["score"]))
        if a[key] != b[key] and a[key] in scores:
            worst = max(worst, abs(a["score"] - scores[a[key]]))
    return worst


def check_classify(program, folder, texts, pair):
    pipe = make_pipeline("text-classification", folder)
    inputs = [{"text": text, "text_pair": pair} for text in texts] if pair else texts
    arguments = ["classify", folder, "--top", 3] + (["--pair", pair] if pair else [])
    found = lanewise(program, *arguments, texts=texts)
    worst = 0.0
    for one, inputs_one in zip(found, inputs, strict=True):
        expected = pipe([inputs_one], top_k=3, truncation=True)[0]
        worst = max(worst, compare_ranked(one["labels"], expected, "label"))
    return worst


def in_bytes(text, position):
    return len(text[:position].encode())


def check_tag(program, folder, texts):
    pipe = make_pipeline("token-classification", folder, aggregation_strategy="simple")
    worst, entities = 0.0, 0
    for text, one in zip(texts, lanewise(program, "tag", folder, texts=texts), strict=True):
        expected = pipe(text)
        places = [(e["entity_group"], in_bytes(text, e["start"]), in_bytes(text, e["end"])) for e in expected]
        if places != [(e["label"], e["start"], e["end"]) for e in one["entities"]]:
            return float("inf")
        for a, b in zip(one["entities"], expected):
            worst = max(worst, abs(a["score"] - float(b["score"])))
            if a["text"] != text[b["start"]:b["end"]]:
                return float("inf")
        entities += len(places)
    return worst if entities > 100 else float("inf")


def check_fill_mask(program, folder, texts):
    pipe = make_pipeline("fill-mask", folder)
    worst = 0.0
    for text, one in zip(texts, lanewise(program, "fill-mask", folder, texts=texts), strict=True):
        expected = pipe(text, tokenizer_kwargs={"truncation": True})
        masks = [expected] if isinstance(expected[0], dict) else expected
        if len(masks) != len(one["masks"]):
            return float("inf")
        for found, wanted in zip(one["masks"], masks):
            wanted = [{"id": w["token"], "token": w["token_str"], "score": w["score"]} for w in wanted]
            worst = max(worst, compare_ranked(found, wanted, "id"), compare_ranked(found, wanted, "token"))
    return worst


def check_answer(program, folder, texts):
    pipe = make_pipeline("question-answering", folder)
    generator = random.Random(3)
    questions = [{"question": generator.choice(texts)[:60].strip() or "a", "context": " ".join(
        generator.choice(texts) for _ in range(generator.randint(1, 4)))} for _ in range(len(texts))]
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(question) + "\n" for question in questions))
    worst, windows = 0.0, 0
    for question, found in zip(questions, lanewise(program, "answer", folder, "--input", path), strict=True):
        expected = pipe(**question)
        context = question["context"]
        windows += len(pipe.tokenizer(**{"text": question["question"], "text_pair": context})["input_ids"]) > POSITIONS
        places = (in_bytes(context, expected["start"]), in_bytes(context, expected["end"]), expected["answer"])
        difference = abs(found["score"] - expected["score"])
        if places != (found["start"], found["end"], found["answer"]) and difference > 1e-7:
            return float("inf")
        worst = max(worst, difference)
    return worst if windows > 20 else float("inf")


def check_rerank(program, folder, texts):
    from sentence_transformers import CrossEncoder

    worst = 0.0
    for query in texts[5:10]:
        expected = CrossEncoder(str(folder), device="cpu").rank(query, texts)
        found = lanewise(program, "rerank", folder, "--query", query, "--top", len(texts), texts=texts)
        expected = [{"index": e["corpus_id"], "score": float(e["score"])} for e in expected]
        worst = max(worst, compare_ranked(found, expected, "index"))
        if any(texts[one["index"]] != one["text"] for one in found):
            return float("inf")
    return worst


def check_sparse(program, folder, texts):
    from sentence_transformers import SparseEncoder

    encoder = SparseEncoder(str(folder), device="cpu")
    worst = 0.0
    for text, one in zip(texts, lanewise(program, "embed", folder, "--sparse", texts=texts), strict=True):
        expected = dict(encoder.decode(encoder.encode(text)))
        for token in set(expected) | set(one["embedding"]):
            worst = max(worst, abs(expected.get(token, 0.0) - one["embedding"].get(token, 0.0)))
    return worst


def save_again(kind, folder, to):
    """As sentence-transformers writes it."""
    import sentence_transformers

    getattr(sentence_transformers, kind)(str(folder), device="cpu").save_pretrained(str(to))


def checks(program, root, only):
    tokenizer = make_tokenizer()
    generator = random.Random(1)
    texts = make_texts(TEXTS, generator)
    # Masks at the beginning, which truncation does not reach.
    one_mask = ["[MASK] " + text for text in texts]
    masks = [f"{a} [MASK] " + text.replace(" ", " [MASK] ", 2) for a, text in zip(["x", "der"] * TEXTS, texts)]
    three = dict(num_labels=3, id2label={0: "neg", 1: "nötral", 2: "pos"})
    tags = {i: label for i, label in enumerate(["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "X-Y-Z"])}

    cases = []
    for name, fields in [("softmax", three), ("sigmoid", three | dict(problem_type="multi_label_classification")),
                         ("one label", dict(num_labels=1)), ("default labels", {}),
                         ("regression", dict(num_labels=1, problem_type="regression"))]:
        for pair in (None, SENTENCES[0] + " " + SENTENCES[12]):
            cases.append((f"classify, {name}" + (", pairs" if pair else ""), "BertForSequenceClassification", fields,
                          lambda folder, pair=pair: check_classify(program, folder, texts, pair)))
    cases.append(("tag", "BertForTokenClassification", dict(num_labels=len(tags), id2label=tags),
                  lambda folder: check_tag(program, folder, texts)))
    for name in ("BertForMaskedLM", "BertForPreTraining"):
        cases.append((f"fill-mask, one mask, {name}", name, {}, lambda folder: check_fill_mask(
            program, folder, one_mask)))
        cases.append((f"fill-mask, several masks, {name}", name, {}, lambda folder: check_fill_mask(
            program, folder, masks)))
    cases.append(("fill-mask, untied", "BertForMaskedLM", dict(tie_word_embeddings=False), lambda folder:
                  check_fill_mask(program, folder, one_mask)))
    if transformers.__version__ < "5":
        cases.append(("answer", "BertForQuestionAnswering", {}, lambda folder: check_answer(program, folder, texts)))
    identity = "torch.nn.modules.linear.Identity"
    for name, fields in [("sigmoid", {}), ("activation_fn", dict(sentence_transformers=dict(activation_fn=identity))),
                         ("old field", dict(sbert_ce_default_activation_function=identity))]:
        cases.append((f"rerank, {name}", "BertForSequenceClassification", dict(num_labels=1) | fields, lambda folder:
                      check_rerank(program, folder, texts)))
    cases.append(("rerank, saved", "BertForSequenceClassification", dict(
        num_labels=1, sbert_ce_default_activation_function=identity), lambda folder: (
            save_again("CrossEncoder", folder, folder / "saved"), check_rerank(program, folder / "saved", texts))[1]))
    cases.append(("embed --sparse", "BertForMaskedLM", {}, lambda folder: check_sparse(program, folder, texts)))
    cases.append(("embed --sparse, saved", "BertForMaskedLM", {}, lambda folder: (
        save_again("SparseEncoder", folder, folder / "saved"), check_sparse(program, folder / "saved", texts))[1]))
    for index, (name, model_class, fields, check) in enumerate(cases):
        if only and only not in name:
            continue
        folder = root / str(index)
        save(folder, model_class, tokenizer, **fields)
        yield name, check(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="", help="only checks whose names contain this")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    failures = 0
    with tempfile.TemporaryDirectory() as root:
        for name, worst in checks(arguments.program, pathlib.Path(root), arguments.only):
            failed = not worst <= TOLERANCE
            failures += failed
            print(f"{'FAILED' if failed else 'ok'}  {name}: {worst:.2e}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
