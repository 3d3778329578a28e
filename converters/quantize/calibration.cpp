#include "converters/quantize/calibration.hpp"

#include <utility>

#include "base/status_macros.hpp"
#include "converters/quantize/capture.hpp"

namespace lanewise::converters {

Result<Calibration> calibrate(const Model& model, const std::string& path, int threads) {
  std::vector<std::string> texts = builtin_texts();
  if (!path.empty()) {
    LW_ASSIGN_OR_RETURN(texts, read_texts(path));
  }
  LW_ASSIGN_OR_RETURN(std::vector<Sample> samples,
                      make_samples(model, texts, path.empty() ? Refused::kSkip : Refused::kError));
  constexpr size_t kEnough = 8;
  constexpr size_t kEvery = 4;
  Calibration calibration;
  std::vector<Sample> seen;
  for (size_t i = 0; i < samples.size(); ++i) {
    const bool both = samples.size() < kEnough;
    const bool hold_out = i % kEvery == kEvery - 1;
    if (both || !hold_out) seen.push_back(samples[i]);
    if (both || hold_out) calibration.held_out.push_back(std::move(samples[i]));
  }
  LW_ASSIGN_OR_RETURN(calibration.inputs, capture_inputs(model, seen, threads));
  return calibration;
}

}  // namespace lanewise::converters
