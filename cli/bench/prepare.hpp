#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cli/bench/measure.hpp"
#include "cli/bench/options.hpp"
#include "cli/shell.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise::cli {

/// Opens the models of a benchmark and makes the points to measure.
///
/// Points that differ only in their batch share a session, whose working memory then grows to that
/// of the largest batch once. Each point's load_ms and first_run_ms are of a session of its own.
class BenchPreparation {
 public:
  BenchPreparation(const BenchOptions& options, const Shell& shell)
      : options_(options), shell_(shell) {}

  /// A point for a combination, which has had its first run.
  Result<BenchPoint> point(const std::string& model, const SweepPoint& combination);

 private:
  struct OpenedModel {
    Model model;
    double load_ms = 0.0;
    std::string weights;  ///< of most of its weights
  };
  /// What runs a point.
  struct Runner {
    std::shared_ptr<Session> session;
    std::shared_ptr<Generator> generator;
  };

  Result<const OpenedModel*> open(const std::string& path, const std::string& weights);
  Result<BenchInput> input_of(const Model& model, const SweepPoint& combination);
  Result<Runner> make_runner(const Model& model, const SweepPoint& combination) const;
  Result<std::unique_ptr<BenchTarget>> target_of(const Runner& runner, const Model& model,
                                                 BenchInput input) const;

  const BenchOptions& options_;
  const Shell& shell_;
  std::map<std::pair<std::string, std::string>, OpenedModel> models_;
  std::map<std::tuple<std::string, std::string, std::string, int>, Runner> runners_;
  std::optional<std::vector<std::string>> texts_;
};

}  // namespace lanewise::cli
