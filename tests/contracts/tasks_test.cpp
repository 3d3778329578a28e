// Embedder, Generator and Translator with allocations that fail.

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "lanewise/embedder.hpp"
#include "lanewise/engine.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/scorer.hpp"
#include "lanewise/translator.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"

namespace lanewise::test {
namespace {

std::string tasks_bits_of(const Hypothesis& hypothesis) {
  std::string logprobs;
  for (const TokenLogprob& token : hypothesis.logprobs) {
    logprobs += bytes(&token.logprob, 1) + bytes(token.top);
  }
  return bytes(hypothesis.ids) + bytes(&hypothesis.score, 1) + logprobs +
         std::to_string(static_cast<int>(hypothesis.finish_reason)) + "|";
}

class EmbedderContract : public TinyModels {
 protected:
  static Embedder embedder(const Model& model) {
    return expect_ok(Embedder::create(model, kTwoThreads));
  }
};

TEST_F(EmbedderContract, Create) {
  put_bert();
  const auto bits = [](const Model&, const Result<Embedder>& made) {
    return std::to_string(made->dimension());
  };
  const auto create = [](const Model& model) { return Embedder::create(model, kTwoThreads); };
  expect_contract(
      "Embedder::create", [&] { return open(); }, create, bits);
  std::filesystem::remove(file());
  put_recurrent();
  expect_contract(
      "Embedder::create, no such model", [&] { return open(); }, create, bits);
}

TEST_F(EmbedderContract, Embed) {
  put_bert();
  const Model model = open();
  const std::vector<std::string_view> texts{"a b c d", "e", "a ab abc unknown words", "c c c c c"};
  const auto bits = [](const Embedder&, const Result<Embeddings>& vectors) {
    return bytes(vectors->values) + bytes(vectors->tokens);
  };
  expect_contract(
      "Embedder::embed", [&] { return embedder(model); },
      [&](Embedder& made) { return made.embed(texts); }, bits);
  const std::vector<std::string_view> wrong{"a b c d", "\xFF"};
  expect_contract(
      "Embedder::embed, not UTF-8", [&] { return embedder(model); },
      [&](Embedder& made) { return made.embed(wrong); }, bits);
}

TEST_F(EmbedderContract, SetPrompt) {
  put_bert();
  const Model model = open();
  const std::string_view text = "c d";
  for (const char* prompt : {"query", "", "a prompt that the model does not have"}) {
    expect_contract(
        "Embedder::set_prompt, " + std::string(prompt), [&] { return embedder(model); },
        [&](Embedder& made) { return made.set_prompt(prompt); },
        [&](Embedder& made, const Status&) {
          return bytes(expect_ok(made.embed({&text, 1})).values);
        });
  }
}

class GeneratorContract : public TinyModels {
 protected:
  static std::string bits_of_all(const std::vector<Generation>& generations) {
    std::string bits;
    for (const Generation& generation : generations) {
      for (const Hypothesis& hypothesis : generation.hypotheses) bits += tasks_bits_of(hypothesis);
      bits += "\n";
    }
    return bits;
  }

  void sweep_generate(const std::string& name, const Model& model, const GenerationOptions& options,
                      const GenerationCallbacks& callbacks = {}, bool profiling = false) {
    const std::vector<std::vector<int32_t>> sources{{3, 4, 5}, {4}};
    expect_contract(
        "Generator::generate, " + name,
        [&] {
          Generator made = expect_ok(Generator::create(model, kTwoThreads));
          made.set_profiling(profiling);
          return made;
        },
        [&](Generator& made) { return made.generate(sources, options, callbacks); },
        [](const Generator&, const Result<std::vector<Generation>>& generations) {
          return bits_of_all(*generations);
        });
  }

  void sweep_searches(const Model& model) {
    GenerationOptions options = model.info().generation;
    options.max_new_tokens = 4;
    sweep_generate("greedy", model, options);
    options.beams = 3;
    options.num_return_sequences = 2;
    options.repetition_penalty = 1.2;
    options.top_logprobs = 2;
    sweep_generate("beams, penalty", model, options);
    options.top_logprobs = -1;
    options.beams = 1;
    options.temperature = 1.5;
    options.num_return_sequences = 3;
    options.top_k = 4;
    options.top_p = 0.9;
    options.bad_words_ids = {{3, 4}};
    options.no_repeat_ngram_size = 2;
    options.min_p = 0.01;
    options.logit_bias = {{3, 0.5}};
    options.frequency_penalty = 0.5;
    options.top_logprobs = 2;
    sweep_generate("samples", model, options);
  }
};

TEST_F(GeneratorContract, Create) {
  const auto bits = [](const Model&, const Result<Generator>& made) {
    return std::string(made->isa());
  };
  const auto create = [](const Model& model) { return Generator::create(model, kTwoThreads); };
  put_translator();
  expect_contract(
      "Generator::create", [&] { return open(); }, create, bits);
  std::filesystem::remove(file());
  put_recurrent();
  expect_contract(
      "Generator::create, recurrent", [&] { return open(); }, create, bits);
  std::filesystem::remove(file());
  put_bert();
  expect_contract(
      "Generator::create, no decoder", [&] { return open(); }, create, bits);
}

TEST_F(GeneratorContract, Reserve) {
  put_decoder();
  const Model model = open();
  expect_contract(
      "Generator::reserve", [&] { return expect_ok(Generator::create(model, kTwoThreads)); },
      [](Generator& made) { return made.reserve(3, 24); }, kNoBits);
  expect_contract(
      "Engine::reserve", [&] { return expect_ok(Engine::create(model, {.session = kTwoThreads})); },
      [](Engine& made) { return made.reserve(3, 24); }, kNoBits);
}

TEST_F(GeneratorContract, Generate) {
  put_translator();
  sweep_searches(open());
}

TEST_F(GeneratorContract, GenerateByARecurrentModel) {
  put_recurrent();
  sweep_searches(open());
}

TEST_F(GeneratorContract, GenerateByADecoderAlone) {
  put_decoder();
  sweep_searches(open());
}

/// An engine, and requests that take no memory of their own any more.
struct Stepped {
  explicit Stepped(Engine made) : engine(std::move(made)) { ended.reserve(64); }

  EngineRequest next() {
    EngineRequest request = std::move(requests.back());
    requests.pop_back();
    return request;
  }

  Engine engine;
  std::vector<EngineRequest> requests;
  std::vector<int32_t> ended;  // tokens of requests that have ended
};

TEST_F(GeneratorContract, Engine) {
  put_decoder();
  const EngineOptions two_threads{.session = kTwoThreads};
  const auto create = [&](const Model& model) { return Engine::create(model, two_threads); };
  expect_contract(
      "Engine::create", [&] { return open(); }, create, kNoBits);
  const Model model = open();
  const auto make = [&] {
    auto made = std::make_unique<Stepped>(expect_ok(create(model)));
    for (int i = 0; i < 4; ++i) {
      EngineRequest request{.ids = {3, 4, 5}};
      request.options = model.info().generation;
      request.options.max_new_tokens = 3;
      request.on_done = [&made = *made](const Generation& result) {
        for (const int32_t id : result.hypotheses.front().ids) made.ended.push_back(id);
      };
      made->requests.push_back(std::move(request));
    }
    return made;
  };
  using Made = std::unique_ptr<Stepped>;
  expect_contract(
      "Engine::submit", make, [&](const Made& made) { return made->engine.submit(made->next()); },
      [](const Made& made, const Result<uint64_t>& number) {
        return std::to_string(*number > 0) + std::to_string(made->engine.stats().waiting > 0);
      });
  // A step that fails ends its requests; the engine takes the next ones.
  expect_contract(
      "Engine::step", make,
      [&](const Made& made) -> Status {
        made->ended.clear();
        const Result<uint64_t> number = made->engine.submit(made->next());
        if (!number.ok()) return number.status();
        for (;;) {
          const Result<bool> more = made->engine.step();
          if (!more.ok()) return more.status();
          if (!*more) return {};
        }
      },
      [](const Made& made, const Status&) { return bytes(made->ended); });
}

TEST_F(GeneratorContract, Scorer) {
  put_decoder();
  const auto create = [](const Model& model) { return Scorer::create(model, kTwoThreads); };
  expect_contract(
      "Scorer::create", [&] { return open(); }, create, kNoBits);
  const Model model = open();
  for (const std::vector<int32_t>& ids : {std::vector<int32_t>(100, 7), {7}}) {
    expect_contract(
        "Scorer::log_probabilities", [&] { return expect_ok(create(model)); },
        [&](Scorer& made) { return made.log_probabilities(ids); },
        [](const Scorer&, const Result<std::vector<float>>& scores) { return bytes(*scores); });
  }
  std::filesystem::remove(file());
  put_translator();
  expect_contract(
      "Scorer::create, with an encoder", [&] { return open(); }, create, kNoBits);
}

TEST_F(GeneratorContract, GenerateWithCallbacksAndTimes) {
  put_translator();
  const Model model = open();
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 4;
  GenerationCallbacks callbacks;
  callbacks.on_token = [](int64_t, int32_t) { return true; };
  callbacks.on_hypothesis = [](int64_t, const Hypothesis&) { return true; };
  callbacks.progress = [](int64_t) {};
  callbacks.on_logits = [](int64_t, std::span<const int32_t>, std::span<float> logits) {
    logits[3] += 1.0f;
  };
  sweep_generate("callbacks, times", model, options, callbacks, true);
  options.beams = 3;
  sweep_generate("beams, callbacks", model, options, callbacks);
}

TEST_F(GeneratorContract, Refuses) {
  put_translator();
  const Model model = open();
  GenerationOptions options = model.info().generation;
  options.eos_token_ids = {1000};
  sweep_generate("an id outside the vocabulary", model, options);
  expect_contract(
      "validate", [&] { return validate(options, 6); }, kNoBits);
  options.eos_token_ids = {2};
  expect_contract(
      "validate, success", [&] { return validate(options, 6); }, kNoBits);
}

class TranslatorContract : public TinyModels {
 protected:
  static std::string bits_of_all(const std::vector<Translation>& translations) {
    std::string bits;
    for (const Translation& translation : translations) {
      for (const std::string& text : translation.texts) bits += text + "|";
      for (const Hypothesis& hypothesis : translation.hypotheses) bits += tasks_bits_of(hypothesis);
    }
    return bits;
  }
};

TEST_F(TranslatorContract, Create) {
  const auto bits = [](const Model&, const Result<Translator>&) { return std::string(); };
  const auto create = [](const Model& model) { return Translator::create(model, kTwoThreads); };
  put_translator();
  expect_contract(
      "Translator::create", [&] { return open(); }, create, bits);
}

TEST_F(TranslatorContract, Translate) {
  put_translator();
  const Model model = open();
  const std::vector<std::string_view> texts{"abc", "a", "ccab"};
  GenerationOptions options = model.info().generation;
  options.max_new_tokens = 4;
  // Of a size that takes no allocation in the callback.
  std::array<char, 256> streamed{};
  size_t length = 0;
  TranslationCallbacks callbacks;
  callbacks.on_text = [&](int64_t, std::string_view piece) {
    length += piece.copy(streamed.data() + length, streamed.size() - length);
    return true;
  };
  for (const bool stream : {false, true}) {
    options.stop_strings = {stream ? "AAA" : "a text that never occurs"};
    expect_contract(
        stream ? "Translator::translate, streamed" : "Translator::translate",
        [&] { return expect_ok(Translator::create(model, kTwoThreads)); },
        [&](Translator& made) {
          length = 0;
          return made.translate(texts, options, stream ? callbacks : TranslationCallbacks{});
        },
        [&](const Translator&, const Result<std::vector<Translation>>& translations) {
          return bits_of_all(*translations) + std::string(streamed.data(), length);
        });
  }
}

TEST_F(TranslatorContract, SetSourceLanguage) {
  put_translator();
  const Model model = open();
  for (const char* name : {"", "a language that nobody speaks"}) {
    expect_contract(
        "Translator::set_source_language, " + std::string(name),
        [&] { return expect_ok(Translator::create(model, kTwoThreads)); },
        [&](Translator& made) { return made.set_source_language(name); }, kNoBits);
  }
}

TEST_F(TranslatorContract, LanguageToken) {
  put_translator();
  expect_contract(
      "language_token, none", [&] { return open(); },
      [](const Model& model) { return language_token(model, "fr_XX, which is not there"); },
      [](const Model&, const Result<int32_t>& token) { return std::to_string(*token); });
}

}  // namespace
}  // namespace lanewise::test
