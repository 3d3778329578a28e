// Classifier, Reranker, TokenTagger, Answerer, MaskFiller, SparseEmbedder and TokenEmbedder with
// allocations that fail.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "lanewise/answerer.hpp"
#include "lanewise/classifier.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/mask_filler.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/sparse_embedder.hpp"
#include "lanewise/token_embedder.hpp"
#include "lanewise/token_tagger.hpp"
#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"

namespace lanewise::test {
namespace {

class HeadContract : public TinyModels {
 protected:
  Model open_head(const std::string& architecture, const std::string& head, int64_t outputs) {
    add_head(architecture, head, outputs);
    write_all();
    return open();
  }

  Model open_masked() {
    add_masked_head();
    write_all();
    return open();
  }

  const std::vector<std::string_view> texts_{"a b c d", "e", "a ab abc unknown words"};
  const std::vector<std::string_view> wrong_{"a b", "\xFF"};
};

constexpr auto kMade = [](const auto&, const auto&) { return std::string("made"); };

TEST_F(HeadContract, Classifier) {
  const Model model = open_head("BertForSequenceClassification", "classifier", 3);
  expect_contract(
      "Classifier::create", [&] { return open(); },
      [](const Model& opened) { return Classifier::create(opened, kTwoThreads); }, kMade);
  const auto make = [&] { return expect_ok(Classifier::create(model, kTwoThreads)); };
  const auto bits = [](const Classifier&, const Result<std::vector<Classification>>& results) {
    std::string all;
    for (const Classification& one : *results) {
      for (const LabelScore& label : one.labels) all += bytes(&label.score, 1);
    }
    return all;
  };
  expect_contract(
      "Classifier::classify", make, [&](Classifier& made) { return made.classify(texts_); }, bits);
  expect_contract(
      "Classifier::classify, not UTF-8", make,
      [&](Classifier& made) { return made.classify(wrong_); }, bits);
  const std::vector<TextPair> pairs{{"a b c", "e"}, {"d", "a ab abc"}};
  expect_contract(
      "Classifier::classify_pairs", make,
      [&](Classifier& made) { return made.classify_pairs(pairs); }, bits);
}

TEST_F(HeadContract, Reranker) {
  const Model model = open_head("BertForSequenceClassification", "classifier", 1);
  expect_contract(
      "Reranker::create", [&] { return open(); },
      [](const Model& opened) { return Reranker::create(opened, kTwoThreads); }, kMade);
  expect_contract(
      "Reranker::rank", [&] { return expect_ok(Reranker::create(model, kTwoThreads)); },
      [&](Reranker& made) { return made.rank("a query", texts_); },
      [](const Reranker&, const Result<std::vector<RankedText>>& ranking) {
        std::string all;
        for (const RankedText& one : *ranking) {
          all += std::to_string(one.index) + bytes(&one.score, 1);
        }
        return all;
      });
}

TEST_F(HeadContract, TokenTagger) {
  const Model model = open_head("BertForTokenClassification", "classifier", 4);
  expect_contract(
      "TokenTagger::create", [&] { return open(); },
      [](const Model& opened) { return TokenTagger::create(opened, kTwoThreads); }, kMade);
  expect_contract(
      "TokenTagger::tag", [&] { return expect_ok(TokenTagger::create(model, kTwoThreads)); },
      [&](TokenTagger& made) { return made.tag(texts_); },
      [](const TokenTagger&, const Result<std::vector<Tagging>>& results) {
        std::string all;
        for (const Tagging& tagging : *results) {
          for (const Entity& entity : tagging.entities) {
            all += entity.label + std::to_string(entity.begin) + bytes(&entity.score, 1);
          }
        }
        return all;
      });
}

TEST_F(HeadContract, Answerer) {
  const Model model = open_head("BertForQuestionAnswering", "qa_outputs", 2);
  expect_contract(
      "Answerer::create", [&] { return open(); },
      [](const Model& opened) { return Answerer::create(opened, kTwoThreads); }, kMade);
  // The second context is read in several windows of 24 tokens.
  const std::string long_context(80, 'a');
  std::string words;
  for (const char letter : long_context) words.append(1, letter).append(" ");
  const std::vector<Question> questions{{"a b", "c d a"}, {"e", words}};
  const auto make = [&] { return expect_ok(Answerer::create(model, kTwoThreads)); };
  const auto bits = [](const Answerer&, const Result<std::vector<Answer>>& answers) {
    std::string all;
    for (const Answer& one : *answers) all += one.text + bytes(&one.score, 1);
    return all;
  };
  expect_contract(
      "Answerer::answer", make, [&](Answerer& made) { return made.answer(questions); }, bits);
  const std::vector<Question> empty{{"", "c d a"}};
  expect_contract(
      "Answerer::answer, no question", make, [&](Answerer& made) { return made.answer(empty); },
      bits);
}

TEST_F(HeadContract, MaskFiller) {
  const Model model = open_masked();
  expect_contract(
      "MaskFiller::create", [&] { return open(); },
      [](const Model& opened) { return MaskFiller::create(opened, kTwoThreads); }, kMade);
  const auto make = [&] { return expect_ok(MaskFiller::create(model, kTwoThreads)); };
  const auto bits = [](const MaskFiller&, const Result<std::vector<FilledText>>& results) {
    std::string all;
    for (const FilledText& one : *results) {
      for (const auto& mask : one.masks) {
        for (const TokenScore& token : mask) all += token.token + bytes(&token.score, 1);
      }
    }
    return all;
  };
  const std::vector<std::string_view> masked{"a [MASK] b", "[MASK] [MASK]"};
  expect_contract(
      "MaskFiller::fill", make, [&](MaskFiller& made) { return made.fill(masked, 3); }, bits);
  expect_contract(
      "MaskFiller::fill, no mask", make, [&](MaskFiller& made) { return made.fill(texts_, 3); },
      bits);
}

TEST_F(HeadContract, SparseEmbedder) {
  const Model model = open_masked();
  expect_contract(
      "SparseEmbedder::create", [&] { return open(); },
      [](const Model& opened) { return SparseEmbedder::create(opened, kTwoThreads); }, kMade);
  const auto make = [&] { return expect_ok(SparseEmbedder::create(model, kTwoThreads)); };
  const auto bits_of = [](const std::vector<SparseEmbedding>& results) {
    std::string all;
    for (const SparseEmbedding& one : results) {
      for (const TokenWeight& weight : one.weights) all += bytes(&weight.weight, 1);
    }
    return all;
  };
  expect_contract(
      "SparseEmbedder::embed", make, [&](SparseEmbedder& made) { return made.embed(texts_); },
      [&](const SparseEmbedder&, const Result<std::vector<SparseEmbedding>>& results) {
        return bits_of(*results);
      });
  for (const char* prompt : {"query", "a prompt that the model does not have"}) {
    expect_contract(
        std::string("SparseEmbedder::set_prompt, ") + prompt, make,
        [&](SparseEmbedder& made) { return made.set_prompt(prompt); },
        [&](SparseEmbedder& made, const Status&) {
          return bits_of(expect_ok(made.embed(texts_)));
        });
  }
}

TEST_F(HeadContract, TokenEmbedder) {
  put_bert();
  config_["architectures"] = R"(["HF_ColBERT"])";
  set_tensor("linear.weight", {6, kHidden});
  write();
  put("artifact.metadata", R"({"query_token_id": "a", "doc_token_id": "b", "query_maxlen": 9})");
  const Model model = open();
  expect_contract(
      "TokenEmbedder::create", [&] { return open(); },
      [](const Model& opened) { return TokenEmbedder::create(opened, kTwoThreads); }, kMade);
  const auto make = [&] { return expect_ok(TokenEmbedder::create(model, kTwoThreads)); };
  const auto bits_of = [](const std::vector<TokenEmbedding>& results) {
    std::string all;
    for (const TokenEmbedding& one : results) all += bytes(one.values);
    return all;
  };
  const auto bits = [&](const TokenEmbedder&, const Result<std::vector<TokenEmbedding>>& results) {
    return bits_of(*results);
  };
  expect_contract(
      "TokenEmbedder::embed", make, [&](TokenEmbedder& made) { return made.embed(texts_); }, bits);
  expect_contract(
      "TokenEmbedder::embed, not UTF-8", make,
      [&](TokenEmbedder& made) { return made.embed(wrong_); }, bits);
  for (const char* prompt : {"query", "a prompt that the model does not have"}) {
    expect_contract(
        std::string("TokenEmbedder::set_prompt, ") + prompt, make,
        [&](TokenEmbedder& made) { return made.set_prompt(prompt); },
        [&](TokenEmbedder& made, const Status&) { return bits_of(expect_ok(made.embed(texts_))); });
  }
  const TokenEmbedding vectors = expect_ok(make().embed(texts_)).front();
  expect_contract(
      "max_similarity", [&] { return max_similarity(vectors, vectors); },
      [](const Result<float>& score) { return bytes(&*score, 1); });
  expect_contract(
      "max_similarity, dimensions", [&] { return max_similarity(vectors, TokenEmbedding()); },
      [](const Result<float>&) { return std::string(); });
  expect_contract(
      "Reranker::rank, late interaction",
      [&] { return expect_ok(Reranker::create(model, kTwoThreads)); },
      [&](Reranker& made) { return made.rank("a query", texts_); },
      [](const Reranker&, const Result<std::vector<RankedText>>& ranking) {
        std::string all;
        for (const RankedText& one : *ranking) all += bytes(&one.score, 1);
        return all;
      });
}

TEST_F(HeadContract, RerankerOfEmbeddings) {
  put_bert();
  const Model model = open();
  expect_contract(
      "Reranker::create, embeddings", [&] { return open(); },
      [](const Model& opened) { return Reranker::create(opened, kTwoThreads); }, kMade);
  const auto make = [&] { return expect_ok(Reranker::create(model, kTwoThreads)); };
  const auto bits = [](const Reranker&, const Result<std::vector<RankedText>>& ranking) {
    std::string all;
    for (const RankedText& one : *ranking) {
      all += std::to_string(one.index) + bytes(&one.score, 1);
    }
    return all;
  };
  expect_contract(
      "Reranker::rank, embeddings", make,
      [&](Reranker& made) { return made.rank("a query", texts_); }, bits);
  expect_contract(
      "Reranker::rank, embeddings, not UTF-8", make,
      [&](Reranker& made) { return made.rank("a query", wrong_); }, bits);
}

TEST_F(HeadContract, RerankerOfSparseEmbeddings) {
  const Model model = open_masked();
  const RankingOptions by_weights{.by = RankBy::kSparse};
  expect_contract(
      "Reranker::create, sparse", [&] { return open(); },
      [&](const Model& opened) { return Reranker::create(opened, kTwoThreads, by_weights); },
      kMade);
  const auto bits = [](const Reranker&, const Result<std::vector<RankedText>>& ranking) {
    std::string all;
    for (const RankedText& one : *ranking) all += bytes(&one.score, 1);
    return all;
  };
  expect_contract(
      "Reranker::rank, sparse", [&] { return expect_ok(Reranker::create(model, kTwoThreads)); },
      [&](Reranker& made) { return made.rank("a query", texts_); }, bits);
}

TEST_F(HeadContract, EmbedderDimension) {
  put_bert();
  const Model model = open();
  for (const int64_t count : {3, 0, 21}) {
    expect_contract(
        "Embedder::set_dimension, " + std::to_string(count),
        [&] { return expect_ok(Embedder::create(model, kTwoThreads)); },
        [&](Embedder& made) { return made.set_dimension(count); },
        [&](Embedder& made, const Status&) { return bytes(expect_ok(made.embed(texts_)).values); });
  }
}

}  // namespace
}  // namespace lanewise::test
