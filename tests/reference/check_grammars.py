"""Compares grammars with Python's json and re and with the package jsonschema.

    python check_grammars.py TESTS [--tokenizer FILE.json]... [--rounds N] [--seed S]

TESTS is the program lanewise_runtime_tests. Each round makes random schemas and regular
expressions. What they generate, by random tokens, has to be valid for Python; what Python makes
from them has to be accepted, however it is split into tokens, and what Python finds invalid has to
be refused. Tokenizers: those of tests/data/subword named roberta and llama, and the files given.
"""

import argparse
import json
import os
import random
import re
import string
import subprocess
import sys
import tempfile

import jsonschema

WORDS = ["a", "ab", "name", "x-y", "caf\u00e9", "\u4e2d\u6587", "q\"uote", "back\\slash", "tab\t",
         "", "\U0001f600", "A b"]
PATTERNS = ["^[a-z]{2,5}$", "^\\d{3}-\\d{4}$", "^(foo|ba[rz])+$", "ab+c", "^[^\"]{0,4}$",
            "^\\w+ \\w+$", "^$", "x|y", "^[\u00e0-\u00ff]+\\\\?$"]
FORMATS = ["date", "time", "date-time", "uuid", "email", "ipv4"]


class Schemas:
    """Random schemas, and random values that satisfy them."""

    def __init__(self, rng):
        self.rng = rng

    def chance(self, p):
        return self.rng.random() < p

    def schema(self, depth=0):
        kinds = ["string", "integer", "number", "boolean", "null", "enum", "const", "format",
                 "pattern", "any"]
        if depth < 3:
            kinds += ["object", "array", "anyOf", "ref", "tuple", "types"] * 2
        return getattr(self, "make_" + self.rng.choice(kinds))(depth)

    def make_string(self, depth):
        made = {"type": "string"}
        if self.chance(0.4):
            made["minLength"] = self.rng.randint(0, 4)
        if self.chance(0.4):
            made["maxLength"] = made.get("minLength", 0) + self.rng.randint(0, 6)
        return made

    def make_integer(self, depth):
        made = {"type": "integer"}
        low = self.rng.choice([0, 1, -5, -1234, 7, 99, 100, -(10 ** 12)])
        if self.chance(0.5):
            made[self.rng.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            made[self.rng.choice(["maximum", "exclusiveMaximum"])] = low + self.rng.choice(
                [2, 3, 10, 95, 12345, 10 ** 13])
        return made

    def make_number(self, depth):
        made = {"type": "number"}
        low = self.rng.choice([0, 0.5, -1.25, -100, 3.125, 0.001, -0.5])
        if self.chance(0.5):
            made[self.rng.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            made[self.rng.choice(["maximum", "exclusiveMaximum"])] = low + self.rng.choice(
                [0.25, 1, 10.5, 1000])
        return made

    def make_boolean(self, depth):
        return {"type": "boolean"}

    def make_null(self, depth):
        return {"type": "null"}

    def make_any(self, depth):
        return self.rng.choice([{}, True, {"description": "anything"}])

    def make_enum(self, depth):
        values = WORDS + [1, -2.5, None, True, [1, "b"], {"k": {"l": []}}]
        return {"enum": self.rng.sample(values, self.rng.randint(1, 5))}

    def make_const(self, depth):
        return {"const": self.rng.choice(WORDS + [0, {"a": 1, "b": [None]}])}

    def make_format(self, depth):
        return {"type": "string", "format": self.rng.choice(FORMATS)}

    def make_pattern(self, depth):
        return {"type": "string", "pattern": self.rng.choice(PATTERNS)}

    def make_types(self, depth):
        names = ["string", "integer", "boolean", "null", "array", "object"]
        return {"type": self.rng.sample(names, self.rng.randint(1, 3))}

    def make_anyOf(self, depth):
        return {"anyOf": [self.schema(depth + 1) for _ in range(self.rng.randint(1, 3))]}

    def make_ref(self, depth):
        return {"$ref": "#/$defs/" + self.rng.choice(["tree", "leaf"])}

    def make_object(self, depth):
        names = self.rng.sample(WORDS, self.rng.randint(0, 4))
        made = {"type": "object", "properties": {n: self.schema(depth + 1) for n in names},
                "required": [n for n in names if self.chance(0.5)]}
        if self.chance(0.3):
            made["additionalProperties"] = self.rng.choice(
                [True, False, self.schema(depth + 1)])
        return made

    def make_array(self, depth):
        made = {"type": "array", "items": self.schema(depth + 1)}
        if self.chance(0.4):
            made["minItems"] = self.rng.randint(0, 2)
        if self.chance(0.4):
            made["maxItems"] = made.get("minItems", 0) + self.rng.randint(0, 3)
        return made

    def make_tuple(self, depth):
        first = [self.schema(depth + 1) for _ in range(self.rng.randint(1, 2))]
        made = {"type": "array", "prefixItems": first,
                "items": self.rng.choice([False, self.schema(depth + 1)])}
        if self.chance(0.5):
            made["minItems"] = self.rng.randint(0, len(first))
        return made

    def root(self):
        made = self.schema()
        if not isinstance(made, dict):
            return made
        made = dict(made)
        made["$defs"] = {
            "tree": {"type": "object", "properties": {
                "value": self.schema(3), "children": {"type": "array", "items": {
                    "$ref": "#/$defs/tree"}, "maxItems": 2}}, "required": ["value"]},
            "leaf": self.schema(3)}
        return made

    def text(self, least, most):
        pool = string.ascii_letters + " 0123\"\\/\n\t\u00e9\u4e2d\U0001f600\x01\x7f"
        return "".join(self.rng.choice(pool) for _ in range(self.rng.randint(least, most)))

    def value(self, schema, root, depth=0):
        """A value that satisfies the schema, nearly always; the caller checks."""
        if schema is True or not set(schema) - {"description", "$defs"}:
            return self.any_value(depth)
        if "$ref" in schema:
            return self.value(root["$defs"][schema["$ref"].split("/")[-1]], root, depth + 1)
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            return self.value(self.rng.choice(schema["anyOf"]), root, depth + 1)
        kind = schema["type"]
        if isinstance(kind, list):
            kind = self.rng.choice(kind)
            schema = {"type": kind}
        return getattr(self, "value_" + kind)(schema, root, depth)

    def any_value(self, depth):
        kinds = ["string", "integer", "number", "boolean", "null"]
        if depth < 3:
            kinds += ["array", "object"]
        return getattr(self, "value_" + self.rng.choice(kinds))({}, {}, depth + 1)

    def value_string(self, schema, root, depth):
        if "pattern" in schema or "format" in schema:
            return self.rng.choice({
                "^[a-z]{2,5}$": ["ab", "abcde"], "^\\d{3}-\\d{4}$": ["123-4567"],
                "^(foo|ba[rz])+$": ["foobarbaz"], "ab+c": ["abc", "xx abbbc\n\""],
                "^[^\"]{0,4}$": ["", "a\\b\u00e9"], "^\\w+ \\w+$": ["a b_1"], "^$": [""],
                "x|y": ["x", "ayb"], "^[\u00e0-\u00ff]+\\\\?$": ["\u00e9\\", "\u00e0"],
                "date": ["2024-02-29", "0999-12-31"], "time": ["23:59:59Z", "00:00:00.123+01:30"],
                "date-time": ["2000-01-01T12:30:00Z"],
                "uuid": ["123e4567-e89b-12d3-a456-426614174000"],
                "email": ["a.b@example.com"], "ipv4": ["127.0.0.1", "255.10.0.9"],
            }[schema.get("pattern", schema.get("format"))])
        least = schema.get("minLength", 0)
        return self.text(least, schema.get("maxLength", least + 8))

    def value_integer(self, schema, root, depth):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1000) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 3000) - 1)
        return self.rng.choice([low, high, self.rng.randint(low, max(low, high))]) \
            if low <= high else low

    def value_number(self, schema, root, depth):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1000))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 2000))
        value = round(self.rng.uniform(low, high), 4)
        return self.rng.choice([value, low, high]) if not any(
            k.startswith("exclusive") for k in schema) else value

    def value_boolean(self, schema, root, depth):
        return self.chance(0.5)

    def value_null(self, schema, root, depth):
        return None

    def value_array(self, schema, root, depth):
        first = schema.get("prefixItems", [])
        items = schema.get("items", True)
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, len(first)) + (2 if depth < 4 else 0))
        if items is False:
            most = min(most, len(first))
        return [self.value(first[i] if i < len(first) else items, root, depth + 1)
                for i in range(self.rng.randint(least, max(least, most)))]

    def value_object(self, schema, root, depth):
        made = {}
        properties = schema.get("properties", {})
        for name, member in properties.items():
            if name in schema.get("required", []) or (depth < 5 and self.chance(0.5)):
                made[name] = self.value(member, root, depth + 1)
        others = schema.get("additionalProperties", "properties" not in schema)
        if others is not False and depth < 4:
            for _ in range(self.rng.randint(0, 2)):
                name = self.text(0, 4)
                if name not in properties and name not in made:
                    made[name] = self.value(others, root, depth + 1)
        return made


def spellings(rng, value):
    """A value as texts that models write. Escapes beyond the necessary ones are for free strings
    only, hence none here."""
    return [json.dumps(value, ensure_ascii=False),
            json.dumps(value, ensure_ascii=False, separators=(",", ":")),
            json.dumps(value, ensure_ascii=False, indent=rng.choice([1, 2, 4]))]


def damaged(rng, text):
    """A text with a small change, which may or may not be valid."""
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + rng.choice("\"{}[],:0129.-eE \n\\abtrue\u00e9") + text[at:]
    if kind == 1 and text:
        return text[:at] + text[at + 1:]
    return text[:at] + text[at:at + 2] + text[at:]


def parse(text):
    def refuse(name):
        raise ValueError(name)
    return json.loads(text, parse_constant=refuse)


def is_valid(validator, text):
    try:
        return validator.is_valid(parse(text))
    except (ValueError, RecursionError):
        return False


REGEX_PARTS = ["a", "bc", "[a-d]", "[^a-y ]", "\\d", "\\w", "\\s", ".", "\u00e9", "[\u4e00-\u4eff]",
               "\\.", "(?:x|yz)", "(a|)", "[0-9a-f]", "\\\\", "-"]


def random_regex(rng, depth=0):
    parts = []
    for _ in range(rng.randint(1, 4)):
        part = rng.choice(REGEX_PARTS)
        if depth < 3 and rng.random() < 0.3:
            part = "(" + random_regex(rng, depth + 1) + ")"
        if len(part) > 1 and part[0] not in "[\\(":
            part = "(?:" + part + ")"
        parts.append(part + rng.choice(["", "", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "*?"]))
    regex = "".join(parts)
    return regex + "|" + random_regex(rng, depth + 1) if depth < 2 and rng.random() < 0.2 else regex


def ask(tests, tokenizer, cases):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"tokenizer": tokenizer, "cases": cases}, out)
        data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")
        done = subprocess.run(
            [tests, "--gtest_filter=GrammarReference.*"], stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, LANEWISE_GRAMMAR_CASES=path, LANEWISE_TEST_DATA=data))
        if done.returncode != 0:
            sys.exit(done.stdout)
        with open(path + ".answers", encoding="utf-8") as answers:
            return json.load(answers)


class Check:
    def __init__(self):
        self.counts = {}
        self.failures = 0

    def expect(self, what, good, message):
        self.counts[what] = self.counts.get(what, 0) + 1
        if not good:
            self.failures += 1
            print(f"{what}: {message}"[:1500])


def check_schemas(rng, tests, tokenizer, check, count):
    schemas = Schemas(rng)
    cases, contexts = [], []
    for _ in range(count):
        schema = schemas.root()
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        good = []
        for _ in range(6):
            try:
                value = schemas.value(schema, schema)
            except RecursionError:
                continue
            if validator.is_valid(value):
                good.append(spellings(rng, value))
        good = [text for texts in good for text in texts]
        changed = [damaged(rng, t) for t in good]
        cases.append({"kind": "schema", "grammar": json.dumps(schema), "walks": 12,
                      "try": good + changed})
        contexts.append((validator, good, changed))
    for case, answer, (validator, good, changed) in zip(
            cases, ask(tests, tokenizer, cases), contexts):
        if "error" in answer:
            # Of what the random schemas contain only contradictions and loops are refused.
            known = ("no value satisfies", "begins with itself")
            check.expect("refused schema", any(k in answer["error"] for k in known),
                         case["grammar"] + answer["error"])
            continue
        for text in answer["texts"]:
            check.expect("generated JSON", is_valid(validator, text), f"{case['grammar']}\n{text!r}")
        accepted = answer["accepted"]
        for text, taken in zip(good, accepted):
            check.expect("valid JSON", taken, f"{case['grammar']}\n{text}")
        for text, taken in zip(changed, accepted[len(good):]):
            if not is_valid(validator, text):
                check.expect("invalid JSON", not taken, f"{case['grammar']}\n{text!r}")


def check_regexes(rng, tests, tokenizer, check, count):
    cases = []
    for _ in range(count):
        regex = random_regex(rng)
        texts = ["".join(rng.choice("abcdxyz0159 .-\\\u00e9\u4e2d\n_") for _ in range(rng.randint(0, 6)))
                 for _ in range(20)]
        cases.append({"kind": "regex", "grammar": regex, "walks": 20, "most": 80, "try": texts})
    for case, answer in zip(cases, ask(tests, tokenizer, cases)):
        compiled = re.compile(case["grammar"], re.ASCII)
        if "error" in answer:
            check.expect("refused regex", False, case["grammar"] + answer["error"])
            continue
        for text in answer["texts"]:
            check.expect("generated text", compiled.fullmatch(text),
                         f"{case['grammar']!r} {text!r}")
        for text, taken in zip(case["try"], answer["accepted"]):
            if taken is None:  # the vocabulary cannot write it
                continue
            check.expect("tried text", taken == bool(compiled.fullmatch(text)),
                         f"{case['grammar']!r} {text!r} {taken}")
    # What was generated is also a source of texts that nearly match.
    changed = [{"kind": "regex", "grammar": case["grammar"],
                "try": [damaged(rng, t) for t in answer.get("texts", [])]}
               for case, answer in zip(cases, ask(tests, tokenizer, cases))]
    for case, answer in zip(changed, ask(tests, tokenizer, changed)):
        compiled = re.compile(case["grammar"], re.ASCII)
        for text, taken in zip(case["try"], answer.get("accepted", [])):
            if taken is None:
                continue
            check.expect("changed text", taken == bool(compiled.fullmatch(text)),
                         f"{case['grammar']!r} {text!r} {taken}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tests")
    parser.add_argument("--tokenizer", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    check = Check()
    for number in range(options.rounds):
        rng = random.Random(options.seed + number)
        for tokenizer in ["roberta", "llama"] + options.tokenizer:
            check_schemas(rng, options.tests, tokenizer, check, 25)
            check_regexes(rng, options.tests, tokenizer, check, 25)
    for what, count in sorted(check.counts.items()):
        print(f"{count:7d} {what}")
    print(f"{check.failures} failures")
    sys.exit(check.failures > 0)


if __name__ == "__main__":
    main()
