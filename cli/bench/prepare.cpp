#include "cli/bench/prepare.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cli/bench/workload.hpp"
#include "cli/open_model.hpp"
#include "lanewise/convert.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

// Tokens that a decoder generates without --new-tokens: a sentence.
constexpr int64_t kDefaultNewTokens = 32;

double ms_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

/// A converted file has the weights that it has.
Status check_weights_of_file(const std::string& path, const std::string& wanted,
                             const std::string& found) {
  if (wanted.empty() || wanted == "keep" || wanted == found) return {};
  LANEWISE_ASSIGN_OR_RETURN(const bool converted, is_model_file(path));
  if (!converted) return {};
  return invalid_argument(
      fmt::format("{} has {} weights: weights={} needs the checkpoint that it was converted from",
                  in_quotes(path), found, wanted));
}

Status check_choice(const std::string& weights) {
  const auto choices = weight_choices();
  if (weights.empty() || std::ranges::find(choices, weights) != choices.end()) return {};
  std::string names;
  for (const std::string_view choice : choices) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", choice);
  }
  return invalid_argument(fmt::format("weights={}: expected one of {}", weights, names));
}

}  // namespace

Result<const BenchPreparation::OpenedModel*> BenchPreparation::open(const std::string& path,
                                                                    const std::string& weights) {
  const auto found = models_.find({path, weights});
  if (found != models_.end()) return &found->second;
  LANEWISE_RETURN_IF_ERROR(check_choice(weights));
  ConvertOptions convert = convert_options(shell_);
  convert.weights = weights;
  const auto begin = std::chrono::steady_clock::now();
  LANEWISE_ASSIGN_OR_RETURN(Model model, load(path, convert));
  const double load_ms = ms_since(begin);
  LANEWISE_ASSIGN_OR_RETURN(const ModelContents contents, inspect(model));
  LANEWISE_RETURN_IF_ERROR(check_weights_of_file(path, weights, contents.weights_type));
  OpenedModel opened{std::move(model), load_ms, contents.weights_type};
  return &models_.emplace(std::pair(path, weights), std::move(opened)).first->second;
}

Result<BenchInput> BenchPreparation::input_of(const Model& model, const SweepPoint& combination) {
  if (options_.input.empty()) {
    LANEWISE_ASSIGN_OR_RETURN(const std::vector<int32_t> lengths,
                              options_.lengths_of(combination, model.info()));
    return random_input(lengths, model.info().vocabulary_size);
  }
  if (!texts_) {
    LANEWISE_ASSIGN_OR_RETURN(texts_, read_workload(options_.input, shell_));
  }
  return tokenize_workload(model, *texts_);
}

Result<BenchPreparation::Runner> BenchPreparation::make_runner(
    const Model& model, const SweepPoint& combination) const {
  SessionOptions session = shell_.session_options();
  session.threads = combination.threads;
  session.isa = combination.isa;
  Runner runner;
  if (options_.generates(model.info())) {
    session = options_.cache.over(std::move(session));
    // Every run is to compute its prompts and each token.
    session.reuse_prefixes = session.guess_repetitions = false;
    LANEWISE_ASSIGN_OR_RETURN(Generator generator, Generator::create(model, session));
    runner.generator = std::make_shared<Generator>(std::move(generator));
  } else {
    session.outputs = {options_.output_of(model.info())};
    LANEWISE_ASSIGN_OR_RETURN(Session created, Session::create(model, session));
    runner.session = std::make_shared<Session>(std::move(created));
  }
  return runner;
}

Result<std::unique_ptr<BenchTarget>> BenchPreparation::target_of(const Runner& runner,
                                                                 const Model& model,
                                                                 BenchInput input) const {
  if (runner.session != nullptr) return bench_session(runner.session, std::move(input));
  const int64_t new_tokens = options_.new_tokens > 0 ? options_.new_tokens : kDefaultNewTokens;
  return bench_generator(runner.generator, model.info(), std::move(input),
                         std::max(options_.beams, 1), new_tokens);
}

Result<BenchPoint> BenchPreparation::point(const std::string& path, const SweepPoint& combination) {
  LANEWISE_ASSIGN_OR_RETURN(const OpenedModel* opened, open(path, combination.weights));
  const Model& model = opened->model;
  LANEWISE_ASSIGN_OR_RETURN(BenchInput input, input_of(model, combination));
  const auto begin = std::chrono::steady_clock::now();
  LANEWISE_ASSIGN_OR_RETURN(Runner runner, make_runner(model, combination));
  LANEWISE_ASSIGN_OR_RETURN(std::unique_ptr<BenchTarget> target, target_of(runner, model, input));
  BenchResult result{.model = path, .weights = opened->weights};
  result.load_ms = opened->load_ms + ms_since(begin);
  result.isa = target->isa();
  result.threads = target->threads();
  result.lengths = input.lengths();
  result.input = options_.input;
  result.arithmetic = arithmetic_of(result.weights);
  if (runner.generator != nullptr) {
    result.new_tokens = options_.new_tokens > 0 ? options_.new_tokens : kDefaultNewTokens;
    result.beams = std::max(options_.beams, 1);
  }
  LANEWISE_ASSIGN_OR_RETURN(result.first_run_ms, timed_run(*target));
  const auto [shared, is_new] = runners_.try_emplace(
      {path, combination.weights, result.isa, result.threads}, std::move(runner));
  if (!is_new) {
    LANEWISE_ASSIGN_OR_RETURN(target, target_of(shared->second, model, std::move(input)));
  }
  return BenchPoint{model, std::move(target), std::move(result)};
}

}  // namespace lanewise::cli
