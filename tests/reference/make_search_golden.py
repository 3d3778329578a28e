#!/usr/bin/env python3
"""Writes tests/data/search/golden.json: what Transformers' generate() finds with a tiny model.

    python make_search_golden.py [--output FILE]

The model is a table: the logits after tokens ..., a, b are row (31 a + 17 b + 13 source) mod ROWS of it,
with a = 0 if there is only one token. The table holds whole numbers, and a logit is one of them / 65536,
so that C++ and Python compute with the same f32.

The file is an object with `vocabulary`, `table` [ROWS][vocabulary], `cases` and `filters`. A case has `source`, `prompt`,
`options` in the form of lanewise's own JSON of GenerationOptions, `stops`, token sequences that end a hypothesis as a stop
string does, and `sequences`, best first, each with `ids` (the new tokens without the end token), `score` and `reason`.
A filter has `prompt`, `options`, and `probabilities`, with which each token is sampled behind it (source 0).
"""

import argparse
import json
import pathlib

import torch
from transformers import (
    GenerationConfig,
    GenerationMixin,
    PretrainedConfig,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.modeling_outputs import CausalLMOutput

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY = 31
ROWS = 97
END = 2
UNIT = 65536

# Names of lanewise where they differ from Transformers'.
NAMES = {"num_beams": "beams", "eos_token_id": "eos_token_ids"}
STOPPING = {False: "no", True: "yes", "never": "never"}


class TableConfig(PretrainedConfig):
    model_type = "table"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = VOCABULARY


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig

    def __init__(self, config, table):
        super().__init__(config)
        self.table = torch.nn.Parameter(table, requires_grad=False)
        self.source = 0

    def forward(self, input_ids, **_):
        b = input_ids
        a = torch.nn.functional.pad(input_ids, (1, 0))[:, :-1]
        return CausalLMOutput(logits=self.table[(31 * a + 17 * b + 13 * self.source) % ROWS])

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}


class StopSequences(StoppingCriteria):
    """Ends rows whose new tokens end with one of some sequences."""

    def __init__(self, stops, prompt):
        self.stops, self.prompt = stops, prompt

    def ends(self, tokens):
        return any(len(stop) <= len(tokens) and tokens[-len(stop):] == stop for stop in self.stops)

    def __call__(self, input_ids, scores, **_):
        return torch.tensor([self.ends(row[self.prompt:]) for row in input_ids.tolist()])


def make_table():
    """[ROWS, VOCABULARY] of whole numbers: normal with deviation 2, the end token slightly more likely."""
    generator = torch.Generator().manual_seed(1)
    values = 2.0 * torch.randn(ROWS, VOCABULARY, generator=generator, dtype=torch.float64)
    values[:, END] += 0.7
    return (values * UNIT).round().to(torch.int64)


def option_sets():
    """Keyword arguments of GenerationConfig, without the number of beams."""
    base = {"max_new_tokens": 12, "eos_token_id": [END]}
    sets = [{}]
    sets += [{"length_penalty": p} for p in (0.0, 0.6, 2.0, -1.0)]
    for stopping in (True, "never"):
        sets += [{"early_stopping": stopping, "length_penalty": p} for p in (0.0, 0.6, 1.0, 2.0, -1.0)]
    sets += [{"no_repeat_ngram_size": n} for n in (1, 2, 3)]
    sets += [{"repetition_penalty": p} for p in (1.3, 0.8)]
    sets += [{"bad_words_ids": [[5], [7, 8], [END], [9, 10, 11], [12, 13]]}]
    sets += [{"bad_words_ids": [[t] for t in range(4, 20)]}]
    sets += [{"eos_token_id": ends} for ends in ([2, 3], [2, 3, 4, 9], None)]
    sets += [{"min_new_tokens": 5}, {"min_length": 8}, {"max_length": 9, "max_new_tokens": None}]
    sets += [{"max_new_tokens": n} for n in (1, 2, 30)]
    sets += [{"min_new_tokens": 6, "max_new_tokens": 6}]
    sets += [{"forced_bos_token_id": 6}, {"forced_eos_token_id": END, "max_new_tokens": 5}]
    sets += [{"forced_eos_token_id": [2, 3], "eos_token_id": [2, 3], "max_new_tokens": 4}]
    sets += [{"suppress_tokens": [5, 6, 7, 21]}, {"begin_suppress_tokens": [END, 4, 8]}]
    sets += [{"forced_bos_token_id": 6, "begin_suppress_tokens": [4, 8, 10, 11, 12, END]}]
    # The usual settings of BART and Marian.
    sets += [{"length_penalty": 2.0, "min_length": 7, "no_repeat_ngram_size": 3, "early_stopping": True,
              "forced_bos_token_id": 6, "forced_eos_token_id": END}]
    sets += [{"bad_words_ids": [[0]], "forced_eos_token_id": END, "max_length": 15, "max_new_tokens": None}]
    sets += [{"repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "min_new_tokens": 4,
              "suppress_tokens": [9], "early_stopping": "never", "length_penalty": 1.4}]
    # Renormalised after penalties, forbidden and forced tokens, and with nothing changed.
    changes = [{}, {"repetition_penalty": 1.3}, {"repetition_penalty": 0.8}, {"no_repeat_ngram_size": 1},
               {"bad_words_ids": [[t] for t in range(4, 20)]}, {"min_new_tokens": 5},
               {"suppress_tokens": [5, 6, 7, 21], "length_penalty": 0.6, "early_stopping": True},
               {"forced_bos_token_id": 6, "forced_eos_token_id": [2, 3], "eos_token_id": [2, 3], "max_new_tokens": 4},
               {"bad_words_ids": [[0]], "forced_eos_token_id": END, "max_length": 15, "max_new_tokens": None}]
    sets += [{"renormalize_logits": True} | change for change in changes]
    # A bias, alone and under the penalty.
    bias = [[[5], 2.5], [[7], -3.25], [[END], 1.0], [[30], 0.75]]
    changes = [{}, {"repetition_penalty": 1.3}, {"repetition_penalty": 0.8, "renormalize_logits": True},
               {"bad_words_ids": [[5], [7, 8]], "suppress_tokens": [30], "min_new_tokens": 3}]
    sets += [{"sequence_bias": bias} | change for change in changes]
    # Ends that depend on more than one token.
    for stops in ([[5], [7, 8]], [[t] for t in range(3, 9)], [[t, u] for t in range(31) for u in range(0, 31, 3)]):
        changes = [{}, {"early_stopping": True}, {"length_penalty": 0.0}, {"length_penalty": 2.0, "early_stopping": "never"},
                   {"eos_token_id": None, "max_new_tokens": 30}, {"min_new_tokens": 5, "repetition_penalty": 1.3}]
        sets += [{"stops": stops} | change for change in changes]
    return [base | options for options in sets]


def filters():
    """Options of sampling."""
    for min_p in (0.0, 0.02, 0.1, 0.5, 1.0):
        for change in ({}, {"top_k": 5}, {"top_p": 0.8}, {"temperature": 0.5}, {"temperature": 1.7, "top_p": 0.95},
                       {"temperature": 2.5, "top_k": 12, "top_p": 0.7}, {"repetition_penalty": 1.3}):
            yield {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": min_p} | change


def all_options():
    """Every set with every number of beams, with one and with all hypotheses returned in turn."""
    for number, options in enumerate(option_sets()):
        for beams in (1, 2, 4, 5):
            wanted = [1, beams, (beams + 1) // 2][(number + beams) % 3] if beams > 1 else 1
            yield options | {"num_beams": beams, "num_return_sequences": wanted}


def own_names(options):
    """The options as lanewise stores them."""
    result = {}
    for name, value in options.items():
        if value is None:
            continue
        if name == "stops":
            continue
        if name == "early_stopping":
            value = STOPPING[value]
        if name == "sequence_bias":
            name, value = "logit_bias", [{"id": ids[0], "bias": bias} for ids, bias in value]
        if name == "forced_eos_token_id" and isinstance(value, int):
            value = [value]
        result[NAMES.get(name, name)] = value
    return result


def greedy_score(options, prompt, logits, tokens):
    """The mean log-probability (for a length penalty of 1) in the model's own distribution."""
    score = 0.0
    longest = options.get("max_new_tokens") or options["max_length"] - len(prompt)
    for position, (row, token) in enumerate(zip(logits, tokens)):
        first = position == 0 and len(prompt) == 1 and "forced_bos_token_id" in options
        last = position + 1 == longest and "forced_eos_token_id" in options
        if not first and not last:
            score += torch.log_softmax(row[0].double(), dim=-1)[token].item()
    return score / len(tokens) ** options.get("length_penalty", 1.0)


def run(model, options, prompt, source):
    """The hypotheses that Transformers returns."""
    model.source = source
    options = dict(options)
    stop = StopSequences(options.pop("stops", []), len(prompt))
    output = model.generate(
        torch.tensor([prompt]),
        stopping_criteria=StoppingCriteriaList([stop]),
        generation_config=GenerationConfig(
            **options, do_sample=False, use_cache=False, pad_token_id=0, return_dict_in_generate=True,
            output_scores=True, output_logits=True))
    ends = options["eos_token_id"] or []
    sequences = []
    for number, row in enumerate(output.sequences.tolist()):
        new = row[len(prompt):]
        end = next((i for i, token in enumerate(new) if token in ends), None)
        stopped = next((i + 1 for i in range(len(new)) if stop.ends(new[:i + 1])), None)
        if stopped is not None and (end is None or stopped <= end):
            new, end = new[:stopped], None
        if options["num_beams"] > 1:
            score = output.sequences_scores[number].item()
        else:
            score = greedy_score(options, prompt, output.logits, new)
        reason = "eos" if end is not None else "stop" if stop.ends(new) else "length"
        sequences.append({"ids": new if end is None else new[:end], "score": round(score, 7), "reason": reason})
    return sequences


def run_filter(model, options, row):
    """The tokens that Transformers may sample after a row, and their probabilities."""
    model.source = 0
    prompt = next([a, b] for a in range(VOCABULARY) for b in range(VOCABULARY) if (31 * a + 17 * b) % ROWS == row)
    output = model.generate(
        torch.tensor([prompt]),
        generation_config=GenerationConfig(
            **options, do_sample=True, use_cache=False, max_new_tokens=1, pad_token_id=0, return_dict_in_generate=True,
            output_scores=True))
    probabilities = torch.softmax(output.scores[0][0].double(), dim=-1).tolist()
    return {"prompt": prompt, "options": options,
            "probabilities": {str(i): round(p, 7) for i, p in enumerate(probabilities) if p > 0}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path,
                        default=HERE.parent / "data" / "search" / "golden.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = make_table()
    model = TableModel(TableConfig(), (table.double() / UNIT).float()).eval()
    cases = []
    for number, options in enumerate(all_options()):
        for prompt in ([1], [3, 14, 5, 6]):
            source = (number + len(prompt)) % 11
            cases.append({"source": source, "prompt": prompt, "options": own_names(options),
                          "stops": options.get("stops", []), "sequences": run(model, options, prompt, source)})
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("w") as file:
        file.write(f'{{"vocabulary":{VOCABULARY},\n"table":{json.dumps(table.tolist(), separators=(",", ":"))},\n')
        file.write('"cases":[\n' + ",\n".join(lines) + "\n],\n")
        found = [run_filter(model, options, 7 * number % ROWS) for number, options in enumerate(filters())]
        lines = [json.dumps(one, separators=(",", ":")) for one in found]
        file.write('"filters":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
