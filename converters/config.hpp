#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.hpp"
#include "converters/report.hpp"
#include "lanewise/status.hpp"

namespace lanewise::converters {

/// A JSON object from another program: config.json and its relatives.
///
/// base::JsonFields for files in which nearly every field may be missing: each getter has a
/// fallback, names the file, and fails with kInvalidArgument. A field that is null counts as
/// absent, as in Transformers. A cheap handle; remembers which fields
/// were asked for. Not thread-safe.
class Config {
 public:
  /// `label`, usually the path, begins each message. Fails with kDataLoss when `text` is not JSON
  /// or not an object.
  static Result<Config> parse(std::string_view text, std::string_view label);
  /// The same for a list of objects, such as modules.json.
  static Result<std::vector<Config>> parse_list(std::string_view text, std::string_view label);

  /// A file that is a list of strings.
  static Result<std::vector<std::string>> parse_texts(std::string_view text,
                                                      std::string_view label);

  const std::string& label() const noexcept { return fields_.name(); }
  bool has(const std::string& field) const { return ask(field).has(field); }
  /// The names of the fields that are not null, in alphabetical order.
  std::vector<std::string> fields() const;
  /// The object for readers that take base::JsonFields. Lives as long as this.
  const base::JsonFields& json() const noexcept { return fields_; }

  Result<int64_t> integer(const std::string& field, int64_t fallback, int64_t min,
                          int64_t max) const;
  Result<double> number(const std::string& field, double fallback, double min, double max) const;
  Result<bool> boolean(const std::string& field, bool fallback) const;
  Result<std::string> text(const std::string& field, std::string_view fallback) const;
  /// A list of integers, or a single one; empty when absent.
  Result<std::vector<int32_t>> integers(const std::string& field, int32_t min, int32_t max) const;
  /// A list of finite numbers; empty when absent.
  Result<std::vector<double>> numbers(const std::string& field) const;
  /// An object of lists of integers; empty when absent.
  Result<std::map<std::string, std::vector<int32_t>>> integer_map(const std::string& field,
                                                                  int32_t min, int32_t max) const;
  /// A list of lists of integers; empty when absent.
  Result<std::vector<std::vector<int32_t>>> integer_lists(const std::string& field, int32_t min,
                                                          int32_t max) const;
  /// A list of strings; empty when absent.
  Result<std::vector<std::string>> texts(const std::string& field) const;
  /// An object whose values are all strings; empty when absent.
  Result<std::map<std::string, std::string>> text_map(const std::string& field) const;

  /// An object within this one, whose messages name it too; empty when absent.
  Result<Config> object(const std::string& field) const;

  /// Reports each field that is not `known`: it is ignored.
  void report_unknown(const std::function<bool(std::string_view)>& known,
                      const Report& report) const;

  /// For each field that nobody has asked for, and whose name is nearly that of a field that was
  /// asked for in vain: `LABEL: 'num_hidden_layer' is not read; did you mean
  /// 'num_hidden_layers'?`
  /// Fields that are `known` to be read elsewhere are left out.
  std::vector<std::string> near_misses(bool (*known)(std::string_view name)) const;

  /// kInvalidArgument: `LABEL: 'field': expected EXPECTED, found VALUE`.
  Status wrong(const std::string& field, const std::string& expected) const {
    return fields_.wrong(field, expected);
  }

 private:
  using Document = std::shared_ptr<const base::JsonDocument>;

  Config(Document document, base::JsonFields fields)
      : document_(std::move(document)),
        fields_(std::move(fields)),
        asked_(std::make_shared<std::set<std::string>>()) {}

  /// The fields, one of which somebody asks for.
  const base::JsonFields& ask(const std::string& field) const {
    asked_->insert(field);
    return fields_;
  }

  Document document_;
  base::JsonFields fields_;
  std::shared_ptr<std::set<std::string>> asked_;  // shared by copies; used by one thread at a time
};

}  // namespace lanewise::converters
