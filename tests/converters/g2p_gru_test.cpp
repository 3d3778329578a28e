// The real checkpoint of tools/get-model g2p-gru, in the folder $LANEWISE_G2P_GRU_DIR, against
// g2p_en's own arithmetic (tests/reference/make_g2p_gru_golden.py).

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "converters/files.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/translator.hpp"
#include "tests/test_data.hpp"

namespace lanewise::converters {
namespace {

struct Word {
  std::string_view letters;
  std::string_view phonemes;
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const size_t tab = line.find('\t');
    words.push_back({line.substr(0, tab), line.substr(tab + 1)});
    text.remove_prefix(line.size() + 1);
  }
  return words;
}

TEST(ModelG2pGru, ReadsAThousandWordsAsItsOwnCodeDoes) {
  const char* folder = std::getenv("LANEWISE_G2P_GRU_DIR");
  if (folder == nullptr || !is_file(join(folder, "config.json"))) {
    GTEST_SKIP() << "LANEWISE_G2P_GRU_DIR names no checkpoint; see tools/get-model";
  }
  const auto text = read_text(join(test_data_folder(), "g2p_gru/words.txt"));
  ASSERT_TRUE(text.ok()) << text.status().message();
  const std::vector<Word> words = words_of(*text);
  ASSERT_EQ(words.size(), 1000U);
  std::vector<std::string_view> letters;
  for (const Word& word : words) letters.push_back(word.letters);

  const Result<Model> model = load(folder);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->info().generation.max_new_tokens, 20);
  Result<Translator> translator = Translator::create(*model);
  ASSERT_TRUE(translator.ok()) << translator.status().message();
  const auto found = translator->translate(letters, model->info().generation);
  ASSERT_TRUE(found.ok()) << found.status().message();
  for (size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ((*found)[i].texts.at(0), words[i].phonemes) << words[i].letters;
  }
}

}  // namespace
}  // namespace lanewise::converters
