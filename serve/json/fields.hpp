#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lanewise/generation.hpp"
#include "lanewise/status.hpp"

namespace lanewise::serve {

/// Texts, or token ids in their place.
struct TextInputs {
  std::vector<std::string> texts;
  std::vector<std::vector<int32_t>> ids;  ///< if it is not empty, there are no texts
  bool single = false;                    ///< one, not in a list

  size_t count() const noexcept { return texts.size() + ids.size(); }
};

/// The members of a JSON object that a client sent, read one by one.
///
/// A member that is missing or null reads as nothing. The first one that is wrong is remembered, and
/// reported by finish(), as are members that nobody has read: a field that we do not know might
/// change the answer. Messages read `temperature: expected a number from 0 to 2, found "hot"`.
///
/// Not thread-safe.
class Fields {
 public:
  /// Fails with kInvalidArgument if `body` is not UTF-8, not JSON, nested too deeply or no object.
  /// `body` outlives the fields.
  static Result<Fields> parse(std::string_view body);

  Fields(Fields&&) noexcept;
  Fields& operator=(Fields&&) noexcept;
  ~Fields();

  /// Whether the member is there, and not null.
  bool has(std::string_view name) const;

  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<int64_t> integer(std::string_view name, int64_t least, int64_t most);
  std::optional<double> number(std::string_view name, double least, double most);
  /// One of `choices`.
  std::optional<std::string> choice(std::string_view name,
                                    std::initializer_list<std::string_view> choices);
  /// A list of strings.
  std::optional<std::vector<std::string>> texts(std::string_view name);
  /// A string, or a list of strings.
  std::optional<std::vector<std::string>> text_or_texts(std::string_view name);
  /// A text, a list of texts, a list of token ids, or a list of such lists: at least one and at
  /// most `most`, none of them empty. It must be there.
  TextInputs inputs(std::string_view name, int64_t most);
  /// A text, a pair of texts, or a list of lists of one or two texts.
  std::vector<std::vector<std::string>> texts_or_pairs(std::string_view name, int64_t most,
                                                       bool& single);
  /// {"id": bias, ...}
  std::vector<LogitBias> biases(std::string_view name);
  /// An object. Its own finish() must be called.
  std::optional<Fields> object(std::string_view name);
  /// JSON text as the client wrote it; empty if there is none.
  std::string_view raw(std::string_view name);

  /// As text(), but it must be there.
  std::string required_text(std::string_view name);
  /// As texts(), but it must be there, with at least one and at most `most`.
  std::vector<std::string> required_texts(std::string_view name, int64_t most);

  /// Members that cannot change the answer, whatever they are.
  void ignore(std::initializer_list<std::string_view> names);
  /// Members of which only this value is supported.
  void only(std::string_view name, bool value);
  void only(std::string_view name, int64_t value);

  /// Remembers that a member is wrong, unless another was before.
  void fail(std::string_view name, std::string_view why);

  /// kInvalidArgument if a member was wrong or has not been read.
  Status finish();

 private:
  struct State;
  explicit Fields(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lanewise::serve
