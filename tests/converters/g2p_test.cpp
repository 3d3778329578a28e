// The bundled model (models/g2p) end to end: checkpoint, conversion, text to text.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/attention.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/translator.hpp"
#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/test_data.hpp"

namespace lanewise {
namespace {

using Phonemes = std::vector<std::string>;

// What models/g2p/README.md states, measured on the held-out words.
constexpr double kMostPhonemeErrors = 0.09;
constexpr double kMostWordErrors = 0.36;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// Pronunciations of `words` by the bundled model, greedy.
std::vector<std::string> pronounce(const std::vector<std::string>& words) {
  const Result<Model> model = load(bundled_model_folder());
  EXPECT_TRUE(model.ok()) << model.status().message();
  if (!model.ok()) return {};
  Result<Translator> translator = Translator::create(*model);
  EXPECT_TRUE(translator.ok()) << translator.status().message();
  if (!translator.ok()) return {};
  const std::vector<std::string_view> texts(words.begin(), words.end());
  const auto translations = translator->translate(texts, model->info().generation);
  EXPECT_TRUE(translations.ok()) << translations.status().message();
  if (!translations.ok()) return {};
  std::vector<std::string> said;
  for (const Translation& translation : *translations) said.push_back(translation.texts.front());
  return said;
}

/// Held-out words and, for each, every pronunciation that the dictionary lists.
struct HeldOut {
  HeldOut() {
    for (const std::string& line : lines_of(bundled_model_folder() + "/test_words.tsv")) {
      std::vector<std::string> fields = split(line, '\t');
      words.push_back(fields.front());
      listed.emplace_back();
      for (size_t i = 1; i < fields.size(); ++i) listed.back().push_back(split(fields[i], ' '));
    }
  }
  std::vector<std::string> words;
  std::vector<std::vector<Phonemes>> listed;
};

/// The fewest insertions, deletions and substitutions that turn one list into the other.
size_t edit_distance(const Phonemes& a, const Phonemes& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

TEST(ModelG2p, EqualsPyTorchTokenForToken) {
  const std::vector<std::string> expected = lines_of(test_data_folder() + "/g2p/pytorch.txt");
  ASSERT_EQ(expected.size(), 2000u);
  std::vector<std::string> words = HeldOut().words;
  ASSERT_GE(words.size(), expected.size());
  words.resize(expected.size());
  EXPECT_EQ(pronounce(words), expected);
}

TEST(ModelG2p, PronouncesWordsThatItHasNotSeen) {
  const HeldOut held_out;
  ASSERT_GE(held_out.words.size(), 4900u);
  const std::vector<std::string> said = pronounce(held_out.words);
  ASSERT_EQ(said.size(), held_out.words.size());
  size_t edits = 0;
  size_t phonemes = 0;
  size_t wrong = 0;
  for (size_t i = 0; i < said.size(); ++i) {
    const Phonemes hypothesis = split(said[i], ' ');
    // The nearest one counts; among equally near ones the shortest, which gives the higher rate.
    std::pair<size_t, size_t> best = {SIZE_MAX, SIZE_MAX};
    for (const Phonemes& one : held_out.listed[i]) {
      best = std::min(best, {edit_distance(hypothesis, one), one.size()});
    }
    edits += best.first;
    phonemes += best.second;
    wrong += best.first > 0 ? 1 : 0;
  }
  const double phoneme_errors = static_cast<double>(edits) / static_cast<double>(phonemes);
  const double word_errors = static_cast<double>(wrong) / static_cast<double>(said.size());
  RecordProperty("phoneme_error_rate", std::to_string(phoneme_errors));
  RecordProperty("word_error_rate", std::to_string(word_errors));
  EXPECT_LE(phoneme_errors, kMostPhonemeErrors);
  EXPECT_LE(word_errors, kMostWordErrors);
}

TEST(ModelG2p, ItsAttentionEqualsPyTorchs) {
  constexpr double kTolerance = 1e-5;
  const auto file = file::MappedFile::open(test_data_folder() + "/g2p/attention.safetensors");
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto golden = file::SafetensorsView::parse(file->bytes(), "attention.safetensors");
  ASSERT_TRUE(golden.ok()) << golden.status().message();
  const Result<Model> model = load(bundled_model_folder());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto found = attention_of_text(*model, "transformer", std::nullopt, {}, {});
  ASSERT_TRUE(found.ok()) << found.status().message();
  std::map<std::string_view, int64_t> layers;
  for (const AttentionMap& map : found->maps) {
    const std::string_view kind = name_of(map.kind);
    const file::TensorEntry* entry = golden->find(kind);
    ASSERT_NE(entry, nullptr) << kind;
    ASSERT_EQ((Shape{map.heads, map.queries, map.keys}),
              (Shape(entry->shape.begin() + 1, entry->shape.end())));
    ASSERT_LT(layers[kind], entry->shape[0]);
    const float* expected = golden->view(*entry).as<float>() +
                            layers[kind]++ * static_cast<int64_t>(map.weights.size());
    for (size_t i = 0; i < map.weights.size(); ++i) {
      ASSERT_NEAR(map.weights[i], expected[i], kTolerance) << map.node << " " << i;
    }
    for (size_t row = 0; row < map.weights.size(); row += static_cast<size_t>(map.keys)) {
      const auto begin = map.weights.begin() + static_cast<std::ptrdiff_t>(row);
      EXPECT_NEAR(std::accumulate(begin, begin + map.keys, 0.0), 1.0, kTolerance);
    }
  }
  EXPECT_EQ(layers["encoder"], golden->find("encoder")->shape[0]);
  EXPECT_EQ(layers["decoder"], golden->find("decoder")->shape[0]);
  EXPECT_EQ(layers["cross"], golden->find("cross")->shape[0]);
}

TEST(ModelG2p, PronouncesTransformer) {
  EXPECT_EQ(pronounce({"transformer"}), (std::vector<std::string>{"T R AE0 N S F AO1 R M ER0"}));
}

}  // namespace
}  // namespace lanewise
