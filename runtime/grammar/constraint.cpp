#include "runtime/grammar/constraint.hpp"

#include <mutex>
#include <string>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/grammar/gbnf.hpp"
#include "runtime/grammar/json_schema.hpp"
#include "runtime/grammar/regex.hpp"
#include "runtime/tasks/tokenizer_data.hpp"

namespace lanewise {
namespace {

using grammar::Machine;

Status too_ambiguous() {
  return resource_exhausted("the grammar is too ambiguous: a text has too many readings");
}

Result<Grammar> grammar_of(Result<grammar::Automaton> automaton) {
  if (!automaton.ok()) return automaton.status();
  return Grammar(std::make_shared<const internal::GrammarData>(std::move(*automaton)));
}

}  // namespace

Result<Grammar> Grammar::from_regex(std::string_view pattern) {
  return base::no_throw([&] { return grammar_of(grammar::regex_automaton(pattern)); });
}

Result<Grammar> Grammar::from_gbnf(std::string_view grammar) {
  return base::no_throw([&] { return grammar_of(grammar::gbnf_automaton(grammar)); });
}

Result<Grammar> Grammar::from_json_schema(std::string_view schema) {
  return base::no_throw([&] { return grammar_of(grammar::json_schema_automaton(schema)); });
}

Result<Grammar> Grammar::json() {
  return base::no_throw([] { return grammar_of(grammar::json_automaton()); });
}

Result<GrammarVocabulary> GrammarVocabulary::of(const Tokenizer& tokenizer) {
  return base::no_throw([&]() -> Result<GrammarVocabulary> {
    LW_ASSIGN_OR_RETURN(grammar::Vocabulary made,
                        grammar::Vocabulary::of(tokenizer.data().tokenizer()));
    return GrammarVocabulary(std::make_shared<const internal::VocabularyData>(std::move(made)));
  });
}

Result<Constraint> Constraint::create(const Grammar& grammar, const GrammarVocabulary& vocabulary) {
  return base::no_throw([&]() -> Result<Constraint> {
    return Constraint(
        std::make_shared<internal::ConstraintData>(grammar.data(), vocabulary.data()));
  });
}

Result<GrammarState> Constraint::start(std::span<const int32_t> before) const {
  return base::no_throw([&] { return data_->start(before); });
}

int64_t Constraint::vocabulary_size() const noexcept { return data_->vocabulary().size(); }

GrammarState::GrammarState() noexcept = default;
GrammarState::GrammarState(const GrammarState&) noexcept = default;
GrammarState::GrammarState(GrammarState&&) noexcept = default;
GrammarState& GrammarState::operator=(const GrammarState&) noexcept = default;
GrammarState& GrammarState::operator=(GrammarState&&) noexcept = default;
GrammarState::~GrammarState() = default;

Result<std::span<const uint64_t>> GrammarState::allowed() {
  return base::no_throw([&] { return data_->allowed(*this); });
}

Status GrammarState::accept(int32_t token) {
  return base::no_throw([&] { return data_->accept(*this, token); });
}

namespace internal {
namespace {

/// Marks a machine as spent unless the work with it is done: it may have thrown.
class Working {
 public:
  explicit Working(bool& spent) noexcept : spent_(spent) { spent_ = true; }
  void done(bool spent) noexcept { spent_ = spent; }

 private:
  bool& spent_;
};

}  // namespace

ConstraintData::ConstraintData(std::shared_ptr<const GrammarData> grammar,
                               std::shared_ptr<const VocabularyData> vocabulary, size_t max_bytes)
    : grammar_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      max_bytes_(max_bytes),
      memory_(std::make_shared<Memory>(grammar_->automaton, vocabulary_->vocabulary)) {}

/// The memory for new states. The lock is held.
ConstraintData::Memory& ConstraintData::renewed() {
  if (memory_->spent) {
    memory_ = std::make_shared<Memory>(grammar_->automaton, vocabulary_->vocabulary);
  }
  return *memory_;
}

/// The memory of a state, which it leaves if that is spent. The lock is held.
ConstraintData::Memory& ConstraintData::memory_of(GrammarState& state) {
  auto& old = *static_cast<Memory*>(state.memory_.get());
  if (!old.spent) return old;
  Memory& memory = renewed();
  Working working(memory.spent);
  state.state_ = memory.machine.import(old.machine, state.state_);
  state.memory_ = memory_;
  working.done(false);
  return memory;
}

void ConstraintData::enter(GrammarState& state, const Memory& memory, int32_t number) {
  state.state_ = number;
  state.may_end_ = memory.machine.may_end(number);
  state.finished_ = memory.machine.must_end(number);
}

bool ConstraintData::has_text(std::span<const int32_t> tokens) const noexcept {
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocabulary().size()) continue;
    if (!vocabulary().first_bytes(token).empty()) return true;
  }
  return false;
}

Result<GrammarState> ConstraintData::start(std::span<const int32_t> before) {
  const std::lock_guard lock(mutex_);
  Memory& memory = renewed();
  Working working(memory.spent);
  memory.machine.begin_work();
  const int32_t number = memory.machine.start();
  working.done(false);
  if (number == Machine::kDead) return resource_exhausted("the grammar nests too deeply");
  if (number == Machine::kTooLarge) return too_ambiguous();
  GrammarState state;
  state.data_ = shared_from_this();
  state.memory_ = memory_;
  state.at_start_ = !has_text(before);
  enter(state, memory, number);
  return state;
}

Result<std::span<const uint64_t>> ConstraintData::allowed(GrammarState& state) {
  const std::lock_guard lock(mutex_);
  Memory& memory = memory_of(state);
  Working working(memory.spent);
  const grammar::Mask* mask = memory.masks.allowed(state.state_, state.at_start_);
  working.done(memory.machine.bytes() + memory.masks.bytes() > max_bytes_);
  if (mask == nullptr) return too_ambiguous();
  return std::span<const uint64_t>(*mask);
}

Status ConstraintData::accept(GrammarState& state, int32_t token) {
  if (token < 0 || token >= vocabulary().size()) {
    return invalid_argument("token " + std::to_string(token) + " is not one of the " +
                            std::to_string(vocabulary().size()) + " of the vocabulary");
  }
  const std::lock_guard lock(mutex_);
  Memory& memory = memory_of(state);
  Working working(memory.spent);
  memory.machine.begin_work();
  const std::string_view bytes =
      state.at_start_ ? vocabulary().first_bytes(token) : vocabulary().bytes(token);
  int32_t next = bytes.empty() ? Machine::kDead : state.state_;
  for (const char byte : bytes) {
    if (next < 0) break;
    next = memory.machine.step(next, static_cast<uint8_t>(byte));
  }
  working.done(memory.machine.bytes() + memory.masks.bytes() > max_bytes_);
  if (next == Machine::kTooLarge) return too_ambiguous();
  if (next < 0) {
    return invalid_argument("token " + std::to_string(token) + ", " + base::in_quotes(bytes) +
                            ", is not allowed by the grammar here");
  }
  state.at_start_ = false;
  enter(state, memory, next);
  return {};
}

}  // namespace internal
}  // namespace lanewise
