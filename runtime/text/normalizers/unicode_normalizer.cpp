#include "runtime/text/normalizers/unicode_normalizer.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_macros.hpp"
#include "runtime/text/code_points.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::text {
namespace {

std::vector<Change> decomposed(std::string_view text, bool compatible) {
  std::vector<Change> changes;
  changes.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint code_point = decode_at(text, i);
    char32_t parts[kMaxCompatibleDecomposition];
    const int count = compatible ? decompose_compatible(code_point.value, parts)
                                 : decompose(code_point.value, parts);
    for (int k = 0; k < count; ++k) changes.push_back({parts[k], k == 0 ? 0 : 1});
    i += static_cast<size_t>(code_point.length);
  }
  return changes;
}

/// Canonical ordering: sorts each run of marks by combining class.
void order_marks(std::vector<Change>* changes) {
  const auto is_starter = [](const Change& c) { return combining_class(c.code_point) == 0; };
  for (auto begin = changes->begin(); begin != changes->end();) {
    begin = std::find_if_not(begin, changes->end(), is_starter);
    const auto end = std::find_if(begin, changes->end(), is_starter);
    std::stable_sort(begin, end, [](const Change& a, const Change& b) {
      return combining_class(a.code_point) < combining_class(b.code_point);
    });
    begin = end;
  }
}

/// Canonical composition. A composite replaces both code points of its pair.
class Composition {
 public:
  void add(const Change& next) {
    const int order = combining_class(next.code_point);
    if (!starter_) {
      if (order == 0) {
        starter_ = next;
      } else {
        out_.push_back(next);
      }
      return;
    }
    // An intervening mark of the same or a higher class blocks it.
    const bool blocked = !marks_.empty() && order <= last_order_;
    const char32_t composite = blocked ? 0 : compose(starter_->code_point, next.code_point);
    if (composite != 0) {
      starter_ = {composite, starter_->change + next.change - 1};
    } else if (order == 0) {
      flush();
      starter_ = next;
    } else {
      marks_.push_back(next);
      last_order_ = order;
    }
  }

  std::vector<Change> finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    if (starter_) out_.push_back(*starter_);
    out_.insert(out_.end(), marks_.begin(), marks_.end());
    marks_.clear();
    starter_.reset();
  }

  std::optional<Change> starter_;
  std::vector<Change> marks_;  // marks after the starter that did not compose with it
  int last_order_ = 0;         // of the last mark
  std::vector<Change> out_;
};

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 128; });
}

class Unicode final : public Normalizer {
 public:
  Unicode(bool compatible, bool composes) : compatible_(compatible), composes_(composes) {}

  Status normalize(NormalizedText* text) const override {
    if (is_ascii(text->bytes)) return {};
    std::vector<Change> changes = decomposed(text->bytes, compatible_);
    order_marks(&changes);
    if (composes_) {
      Composition composition;
      for (const Change& change : changes) composition.add(change);
      changes = composition.finish();
    }
    *text = transformed(*text, changes);
    return {};
  }

 private:
  bool compatible_;
  bool composes_;
};

}  // namespace

Result<NormalizerPtr> read_unicode_normalizer(const base::JsonFields& fields) {
  LW_ASSIGN_OR_RETURN(const std::string type, fields.string("type"));
  return NormalizerPtr(std::make_unique<Unicode>(type.size() == 4, type.back() == 'C'));
}

}  // namespace lanewise::text
