#include "converters/near_miss.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace lanewise::converters {
namespace {

/// The whole table, row by row.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({diagonal + (a[i - 1] != b[j - 1]), above + 1, row[j - 1] + 1});
      diagonal = above;
    }
  }
  return row[b.size()];
}

TEST(NearMiss, DistanceIsThatOfTheWholeTable) {
  std::mt19937 random(7);
  const auto text = [&] {
    std::string made(random() % 9, 'a');
    for (char& c : made) c = static_cast<char>('a' + random() % 2);
    return made;
  };
  for (int i = 0; i < 20000; ++i) {
    const std::string a = text(), b = text();
    const size_t most = random() % 5;
    EXPECT_EQ(edit_distance(a, b, most), std::min(distance(a, b), most + 1))
        << a << " " << b << " " << most;
  }
}

TEST(NearMiss, FindsTheLikelyName) {
  const std::vector<std::string> names = {"num_hidden_layers", "nhead", "d_model"};
  EXPECT_EQ(nearest("num_hidden_layer", names), "num_hidden_layers");
  EXPECT_EQ(nearest("n_head", names), "nhead");
  EXPECT_EQ(nearest("dmodel", names), "d_model");
  EXPECT_EQ(nearest("head", names), "nhead");
  EXPECT_EQ(nearest("heads", names), "");  // Two edits of five characters.
  EXPECT_EQ(nearest("vocabulary", names), "");
  EXPECT_EQ(nearest("nhead", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest("x", {}), "");
}

}  // namespace
}  // namespace lanewise::converters
