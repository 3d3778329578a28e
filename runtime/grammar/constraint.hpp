#pragma once

#include <memory>
#include <utility>

#include "lanewise/grammar.hpp"
#include "runtime/exec/process_mutex.hpp"
#include "runtime/grammar/automaton.hpp"
#include "runtime/grammar/machine.hpp"
#include "runtime/grammar/masks.hpp"
#include "runtime/grammar/vocabulary.hpp"

namespace lanewise::internal {

/// The data of a Grammar.
class GrammarData {
 public:
  explicit GrammarData(grammar::Automaton made) : automaton(std::move(made)) {}
  const grammar::Automaton automaton;
};

/// The data of a GrammarVocabulary.
class VocabularyData {
 public:
  explicit VocabularyData(grammar::Vocabulary made) : vocabulary(std::move(made)) {}
  const grammar::Vocabulary vocabulary;
};

/// The data of a Constraint: a machine that all its states share, with one lock. Where the machine
/// has grown too large, or an exception has left it unfinished, states move to a new one when they
/// are next used.
class ConstraintData : public std::enable_shared_from_this<ConstraintData> {
 public:
  /// What a machine may keep. Another one of this size can be in use by older states.
  static constexpr size_t kMaxBytes = size_t{64} << 20;

  ConstraintData(std::shared_ptr<const GrammarData> grammar,
                 std::shared_ptr<const VocabularyData> vocabulary, size_t max_bytes = kMaxBytes);

  const grammar::Vocabulary& vocabulary() const noexcept { return vocabulary_->vocabulary; }

  /// Both may throw.
  Result<GrammarState> start(std::span<const int32_t> before);
  Result<std::span<const uint64_t>> allowed(GrammarState& state);
  Status accept(GrammarState& state, int32_t token);

 private:
  struct Memory {
    Memory(const grammar::Automaton& automaton, const grammar::Vocabulary& vocabulary)
        : machine(automaton), masks(machine, automaton, vocabulary) {}
    grammar::Machine machine;
    grammar::Masks masks;
    bool spent = false;
  };

  bool has_text(std::span<const int32_t> tokens) const noexcept;
  Memory& renewed();
  Memory& memory_of(GrammarState& state);
  static void enter(GrammarState& state, const Memory& memory, int32_t number);

  const std::shared_ptr<const GrammarData> grammar_;
  const std::shared_ptr<const VocabularyData> vocabulary_;
  const size_t max_bytes_;
  exec::ProcessMutex mutex_;
  std::shared_ptr<Memory> memory_;
};

}  // namespace lanewise::internal
