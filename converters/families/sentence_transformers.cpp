#include "converters/families/sentence_transformers.hpp"

#include <algorithm>
#include <utility>

#include "converters/files.hpp"
#include "ops/status_macros.hpp"
#include "runtime/file/messages.hpp"

namespace lanewise::converters {
namespace {

// torch.nn.functional.normalize, which the module Normalize calls.
constexpr double kNormalizeEps = 1e-12;

struct Module {
  std::string type;  // Class name without its package: Transformer, Pooling, Normalize, Dense.
  std::string path;  // Folder of its config; "" is the root.
};

Result<Module> read_module(const Config& entry) {
  LW_ASSIGN_OR_RETURN(const std::string type, entry.text("type", ""));
  LW_ASSIGN_OR_RETURN(const std::string path, entry.text("path", ""));
  if (type.empty()) return entry.wrong("type", "the name of a module");
  if (!path.empty() && !stays_inside(path)) return entry.wrong("path", "a folder in this folder");
  return Module{type.substr(type.rfind('.') + 1), path};
}

/// In their order of execution.
Result<std::vector<Module>> read_modules(SourceFolder& folder) {
  std::vector<Module> modules;
  LW_ASSIGN_OR_RETURN(const std::vector<Config> entries, folder.config_list(kModulesFile));
  for (const Config& entry : entries) {
    LW_ASSIGN_OR_RETURN(Module module, read_module(entry));
    modules.push_back(std::move(module));
  }
  return modules;
}

Status unsupported_module(const SourceFolder& folder, const Module& module) {
  return unsupported(file::in_quotes(folder.path(kModulesFile)) + ": module " +
                     file::in_quotes(module.type) +
                     " is not supported here; known: Transformer, then Pooling, then Normalize");
}

struct PoolingMode {
  const char* field;
  const char* pool;  // Kind of the operator; null: we have none.
};

constexpr PoolingMode kPoolingModes[] = {
    {"pooling_mode_cls_token", "first"},
    {"pooling_mode_mean_tokens", "mean"},
    {"pooling_mode_max_tokens", "max"},
    {"pooling_mode_lasttoken", "last"},
    {"pooling_mode_mean_sqrt_len_tokens", nullptr},
    {"pooling_mode_weightedmean_tokens", nullptr},
};

Result<std::vector<PoolingMode>> chosen_modes(const Config& config) {
  std::vector<PoolingMode> chosen;
  for (const PoolingMode& mode : kPoolingModes) {
    // sentence-transformers' defaults: the mean is on.
    const bool fallback = std::string_view(mode.field) == "pooling_mode_mean_tokens";
    LW_ASSIGN_OR_RETURN(const bool on, config.boolean(mode.field, fallback));
    if (on) chosen.push_back(mode);
  }
  return chosen;
}

Result<std::string> read_pooling(const Config& config, int64_t features) {
  LW_ASSIGN_OR_RETURN(const int64_t dimension,
                      config.integer("word_embedding_dimension", features, 1, INT32_MAX));
  if (dimension != features) {
    return config.wrong("word_embedding_dimension", "the model's " + std::to_string(features));
  }
  LW_ASSIGN_OR_RETURN(const std::vector<PoolingMode> modes, chosen_modes(config));
  if (modes.size() == 1 && modes[0].pool != nullptr) return std::string(modes[0].pool);
  std::string names;
  for (const PoolingMode& mode : modes) {
    names.append(names.empty() ? "" : " with ").append(file::in_quotes(mode.field));
  }
  if (names.empty()) return invalid_argument(config.label() + " chooses no pooling mode");
  return unsupported(config.label() + ": " + names + " is not supported; known: one of " +
                     "pooling_mode_cls_token, pooling_mode_mean_tokens, pooling_mode_max_tokens, " +
                     "pooling_mode_lasttoken");
}

/// Texts would be put into lower case before the tokenizer sees them, which we do not do.
Status report_lower_case(const FamilyInput& input, const Config& config) {
  LW_ASSIGN_OR_RETURN(const bool lower, config.boolean("do_lower_case", false));
  if (lower) input.report(config.label() + ": do_lower_case is ignored, the tokenizer decides");
  return {};
}

}  // namespace

Result<std::string> transformer_subfolder(SourceFolder& folder) {
  if (!folder.has(kModulesFile)) return std::string();
  LW_ASSIGN_OR_RETURN(const std::vector<Module> modules, read_modules(folder));
  if (modules.empty() || modules.front().type != "Transformer") {
    return unsupported(file::in_quotes(folder.path(kModulesFile)) +
                       ": expected the first module to be a Transformer, found " +
                       (modules.empty() ? "none" : file::in_quotes(modules.front().type)));
  }
  return modules.front().path;
}

Result<SentenceHead> read_sentence_head(const FamilyInput& input, int64_t features) {
  SentenceHead head;
  if (!input.folder.has(kModulesFile)) {
    input.report("no modules.json: sentence embeddings are the mean of the token vectors");
    head.pool = "mean";
    return head;
  }
  LW_ASSIGN_OR_RETURN(const std::vector<Module> modules, read_modules(input.folder));
  for (const Module& module : modules) {
    if (&module == &modules.front()) continue;  // The Transformer.
    if (module.type == "Pooling" && head.pool.empty()) {
      LW_ASSIGN_OR_RETURN(const Config config,
                          input.folder.config(join(module.path, "config.json")));
      LW_ASSIGN_OR_RETURN(head.pool, read_pooling(config, features));
    } else if (module.type == "Normalize" && !head.pool.empty()) {
      head.normalize = true;
    } else {
      return unsupported_module(input.folder, module);
    }
  }
  return head;
}

void append_sentence_head(graph::Builder& builder, graph::ValueId tokens,
                          const SentenceHead& head) {
  if (head.pool.empty()) return;
  graph::ValueId sentence = builder.pool("sentence.pool", tokens, head.pool);
  if (head.normalize)
    sentence = builder.l2_normalize("sentence.normalize", sentence, kNormalizeEps);
  builder.output("sentence_embedding", sentence);
}

Result<int64_t> max_text_tokens(const FamilyInput& input, int64_t max_tokens) {
  // Tokenizers without a limit say 1e30, which is no integer; a limit of theirs that is one may
  // still be above the model's.
  const std::string sentence_file = join(input.subfolder, "sentence_bert_config.json");
  if (input.folder.has(sentence_file)) {
    LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(sentence_file));
    LW_RETURN_IF_ERROR(report_lower_case(input, config));
    if (config.has("max_seq_length")) {
      LW_ASSIGN_OR_RETURN(const int64_t length,
                          config.integer("max_seq_length", max_tokens, 1, INT32_MAX));
      return std::min(length, max_tokens);
    }
  }
  const std::string tokenizer_file = join(input.subfolder, "tokenizer_config.json");
  if (!input.folder.has(tokenizer_file)) return max_tokens;
  LW_ASSIGN_OR_RETURN(const Config config, input.folder.config(tokenizer_file));
  LW_ASSIGN_OR_RETURN(const double length,
                      config.number("model_max_length", static_cast<double>(max_tokens), 1, 1e300));
  return length < static_cast<double>(max_tokens) ? static_cast<int64_t>(length) : max_tokens;
}

}  // namespace lanewise::converters
