#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/engine.hpp"
#include "lanewise/grammar.hpp"
#include "lanewise/model.hpp"
#include "lanewise/status.hpp"
#include "lanewise/tokenizer.hpp"
#include "serve/http/exchange.hpp"

namespace lanewise::serve {

/// A text that is being continued. Whoever waits for it drops it by destroying it, which ends it.
class Continuation {
 public:
  virtual ~Continuation() = default;
  /// Waits for more tokens, and moves them to the end of `tokens`. False once the text has ended.
  /// Only where it was started with `streams`. Fails as finish() does.
  virtual Result<bool> next(Exchange& exchange, std::vector<int32_t>& tokens) = 0;
  /// Waits for the end. Fails with kCancelled once the exchange is abandoned or its deadline has
  /// passed, with kResourceExhausted if memory has run out.
  virtual Result<Generation> finish(Exchange& exchange) = 0;
};

/// Continues texts with a decoder, of all clients together: an Engine and the thread that steps it.
///
/// A text's tokens are those that it would get alone. All calls are thread-safe.
class GenerationWork {
 public:
  /// Fails as Engine::create() and Tokenizer::of_target() do.
  static Result<std::unique_ptr<GenerationWork>> create(const Model& model,
                                                        const SessionOptions& session);
  ~GenerationWork();
  GenerationWork(const GenerationWork&) = delete;
  GenerationWork& operator=(const GenerationWork&) = delete;

  /// Starts to continue `ids`. Fails as Engine::submit() does. Not after the work has been
  /// destroyed: its continuations must not outlive it.
  Result<std::unique_ptr<Continuation>> start(std::vector<int32_t> ids, GenerationOptions options,
                                              std::optional<Constraint> constraint, bool streams);

  /// The constraint for JSON by a schema, or for any JSON object where the schema is empty. Keeps
  /// the last few: what they have learnt of the vocabulary serves the next request. Fails as the
  /// calls of lanewise/grammar.hpp do.
  Result<Constraint> json_constraint(const std::string& schema);

  const Tokenizer& tokenizer() const noexcept;
  EngineStats stats() const noexcept;

 private:
  class Impl;
  explicit GenerationWork(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise::serve
