#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "lanewise/model.hpp"
#include "tests/converters/checkpoint_folder.hpp"

namespace lanewise::converters {

// The constants of make_rnn_seq2seq_golden.py.
inline constexpr int64_t kSourceTokens = 23;
inline constexpr int64_t kTargetTokens = 21;
inline constexpr int64_t kTargetWidth = 14;
inline constexpr int64_t kUnits = 19;
inline constexpr int64_t kDepth = 13;

/// One of the script's models.
struct RnnCase {
  std::string name;
  std::string cell;
  int64_t layers;
  bool bidirectional;
  std::string merge;
  std::string init;
  std::string attention;  // Empty: none.

  bool lstm() const { return cell == "lstm"; }
  int64_t decoder_units() const { return init == "concat_directions" ? 2 * kUnits : kUnits; }
  int64_t memory() const { return bidirectional && merge == "concat" ? 2 * kUnits : kUnits; }
};

void PrintTo(const RnnCase& c, std::ostream* out);

const std::vector<RnnCase>& rnn_cases();
const RnnCase& find_rnn_case(const std::string& name);

/// A folder with one of the models, for tests to modify.
class RnnSeq2SeqTest : public CheckpointFolderTest {
 protected:
  void use(const RnnCase& c);

  std::string refused(StatusCode code = StatusCode::kInvalidArgument) {
    write();
    return failure(code);
  }
};

}  // namespace lanewise::converters
