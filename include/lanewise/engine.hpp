#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lanewise/export.hpp"
#include "lanewise/generation.hpp"
#include "lanewise/generator.hpp"
#include "lanewise/grammar.hpp"
#include "lanewise/model.hpp"
#include "lanewise/session.hpp"
#include "lanewise/status.hpp"

namespace lanewise {

struct EngineOptions {
  /// Threads, instruction set, and the bytes of keys and values that all requests share.
  SessionOptions session;
  int64_t max_sequences = 256;  ///< hypotheses that are continued in a step; at least 1
  /// Tokens of prompts in a step, at least 1. More: prompts take less time; fewer: the next tokens
  /// of other requests come sooner.
  int64_t prompt_tokens = 512;
  /// Steps in which later requests may join before the first one that waits; 0: none ever does.
  int64_t overtaking_steps = 256;
};

/// One text to continue.
struct EngineRequest {
  std::vector<int32_t> ids;  ///< the prompt, as the model's tokenizer produces it
  GenerationOptions options;
  std::optional<Constraint> constraint{};  ///< on the tokens that may follow
  /// Called for each new token except the end token, in greedy search and when sampling one
  /// sequence. If it returns false, the request ends with FinishReason::kStop. May be empty.
  std::function<bool(int32_t token)> on_token{};
  /// Called once, when the request has ended; after it nothing of the request is called. May be
  /// empty.
  std::function<void(const Generation& result)> on_done{};
};

/// What an Engine has done and holds.
struct EngineStats {
  int64_t waiting = 0;           ///< requests that have not joined yet
  int64_t active = 0;            ///< requests whose prompt is computed, or that are continued
  int64_t steps = 0;             ///< since it was created
  int64_t cache_bytes = 0;       ///< of keys and values, allocated
  int64_t cache_bytes_free = 0;  ///< of these, not in use
};

/// Generates for requests that come at any time: they join between two steps and leave when they
/// have ended, without waiting for each other. For decoders without an encoder.
///
/// A request gets the same tokens, and scores with the same bits, alone and among others. Requests
/// join in the order in which they were submitted, as soon as there is room for all tokens and
/// hypotheses that they may need. While there is none for the first that waits, smaller ones behind
/// it join, for up to EngineOptions::overtaking_steps steps. From then on none joins before it: it
/// waits for requests that are already active, and for no other.
///
/// submit(), cancel() and stats() may be called by any thread at any time, also by callbacks; step()
/// by one thread at a time. Callbacks run in step(), on its thread.
///
///   while (running) {
///     if (!engine.step().value()) wait_for_requests();
///   }
class LANEWISE_EXPORT Engine {
 public:
  /// Fails as Generator::create() does, with kInvalidArgument for limits that are too small, and with
  /// kUnsupported for a model that has an encoder.
  static Result<Engine> create(const Model& model, const EngineOptions& options = {});

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  /// Requests that have not ended are dropped without a call.
  ~Engine();

  /// Adds a request, and returns its number, by which it can be cancelled.
  ///
  /// Fails as Generator::generate() does for bad ids and options; with kResourceExhausted if the
  /// prompt does not fit in the cache, or memory runs out.
  Result<uint64_t> submit(EngineRequest request);

  /// Ends a request with FinishReason::kCancelled in the next step. False if it has ended before.
  bool cancel(uint64_t request) noexcept;

  /// Lets requests join, computes one step, and reports the requests that have ended. False if
  /// there is none left.
  ///
  /// Fails with kResourceExhausted if memory runs out: all active requests have then ended with
  /// kCancelled; those that wait can go on with the next step.
  Result<bool> step();

  /// As Generator::reserve() and memory_bytes(). Not while another thread is in step().
  Status reserve(int64_t sequences, int64_t tokens);
  int64_t memory_bytes(int64_t sequences, int64_t tokens) const noexcept;

  EngineStats stats() const noexcept;
  int threads() const noexcept;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lanewise
