#include "converters/gguf/model.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json_tree.hpp"
#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/gguf/architecture.hpp"
#include "converters/gguf/tokenizer.hpp"
#include "converters/gguf/vocabulary.hpp"
#include "runtime/text/utf8.hpp"

namespace lanewise::converters {
namespace {

using base::in_quotes;
using Json = base::JsonTree;

constexpr std::string_view kArchitecture = "general.architecture";

/// Entries of an architecture that do not change what it computes.
constexpr auto kBookkeeping = std::to_array<std::string_view>({"tensor_data_layout"});

class Reader {
 public:
  explicit Reader(std::unique_ptr<GgufCheckpoint> checkpoint)
      : checkpoint_(std::move(checkpoint)), view_(checkpoint_->view()) {}

  Result<GgufModel> read() {
    LW_RETURN_IF_ERROR(check_type());
    const GgufFields general(view_, "general.");
    LW_ASSIGN_OR_RETURN(const std::string architecture, general.text("architecture"));
    const GgufFields fields(view_, architecture + ".");
    LW_ASSIGN_OR_RETURN(const int64_t experts, fields.integer_or("expert_count", 0, 0, INT32_MAX));
    architecture_ = find_gguf_architecture(architecture, experts > 0);
    if (architecture_ == nullptr) return unknown_architecture(architecture);
    model_.architecture = architecture;
    const GgufInput input{fields, *checkpoint_};
    LW_ASSIGN_OR_RETURN(const Json config, architecture_->config(input));
    LW_ASSIGN_OR_RETURN(std::vector<RearrangedTensor> tensors, name_tensors(*architecture_, input));
    LW_RETURN_IF_ERROR(read_pooling(fields));
    LW_RETURN_IF_ERROR(check_all_read(fields));
    model_.files["config.json"] = config.text();
    LW_RETURN_IF_ERROR(read_tokenizer());
    const auto name_in_file = [names = architecture_](const std::string& name) {
      return gguf_name(*names, name);
    };
    LW_ASSIGN_OR_RETURN(model_.checkpoint,
                        rearrange(std::move(checkpoint_), std::move(tensors), name_in_file));
    return std::move(model_);
  }

 private:
  /// A file may hold an adapter, a projector for pictures or statistics instead.
  Status check_type() const {
    const GgufFields general(view_, "general.");
    LW_ASSIGN_OR_RETURN(const std::string type, general.text_or("type", "model"));
    return type == "model" ? Status() : general.refused("type", in_quotes(type));
  }

  static Status unknown_architecture(const std::string& name) {
    std::string known;
    for (const auto list : {gguf_decoders(), gguf_classics()}) {
      for (const GgufArchitecture& architecture : list) {
        known.append(known.empty() ? "" : ", ").append(architecture.name);
      }
    }
    return unsupported("metadata " + in_quotes(kArchitecture) + ": unknown architecture " +
                       in_quotes(name) + "; known: " + known);
  }

  /// The vector of a text, as a folder of sentence-transformers has it; normalised, as llama.cpp's
  /// programs do unless told otherwise.
  Status read_pooling(const GgufFields& fields) {
    constexpr std::array kModes = std::to_array<const char*>({"none", "mean", "cls", "lasttoken"});
    const char* const name = "pooling_type";
    LW_ASSIGN_OR_RETURN(const int64_t type, fields.integer_or(name, 0, 0, INT32_MAX));
    if (type >= static_cast<int64_t>(kModes.size())) {
      return fields.refused(name, std::to_string(type));
    }
    if (type == 0) return {};
    const auto module = [](const char* path, const char* kind) {
      return Json::object(
          {{"path", path}, {"type", std::string("sentence_transformers.models.") + kind}});
    };
    model_.files["modules.json"] =
        Json::array(module("", "Transformer"), module("1_Pooling", "Pooling"),
                    module("2_Normalize", "Normalize"))
            .text();
    model_.files["1_Pooling/config.json"] =
        Json::object({{"pooling_mode", kModes[static_cast<size_t>(type)]}}).text();
    return {};
  }

  /// A hyperparameter that nobody read might change what the model computes.
  static Status check_all_read(const GgufFields& fields) {
    for (const std::string_view name : kBookkeeping) fields.find(name);
    const std::vector<std::string_view> unread = fields.unread();
    if (unread.empty()) return {};
    constexpr size_t kMostNamed = 10;
    std::string list;
    for (size_t i = 0; i < std::min(unread.size(), kMostNamed); ++i) {
      list.append(i == 0 ? "" : ", ").append(in_quotes(unread[i]));
    }
    if (unread.size() > kMostNamed) {
      list += " and " + std::to_string(unread.size() - kMostNamed) + " more";
    }
    return unsupported("unknown hyperparameters, which may change results: " + list);
  }

  Status read_tokenizer() {
    const GgufFields fields(view_, "tokenizer.ggml.");
    const bool has_model = fields.has("model");
    LW_ASSIGN_OR_RETURN(const std::string kind, fields.text_or("model", "none"));
    if (!has_model || kind == "none" || kind == "no_vocab") {
      model_.files["generation_config.json"] = "{}";
      return {};
    }
    LW_ASSIGN_OR_RETURN(GgufVocabulary vocabulary, read_gguf_vocabulary(fields));
    const GgufValue* name = view_.find("general.name");
    strip_phi3_tokens(name == nullptr ? "" : name->string().value_or(""), &vocabulary);
    LW_RETURN_IF_ERROR(check_vocabulary(fields, vocabulary));
    LW_ASSIGN_OR_RETURN(model_.files["tokenizer.json"], gguf_tokenizer_json(fields, vocabulary));
    model_.tokenizer_name = kind;
    if (kind == "gpt2") {
      LW_ASSIGN_OR_RETURN(const std::string pre, fields.text_or("pre", "default"));
      model_.tokenizer_name += ", " + pre;
    }
    model_.files["tokenizer_config.json"] = settings(vocabulary).text();
    model_.files["generation_config.json"] = generation(vocabulary).text();
    return {};
  }

  Status check_vocabulary(const GgufFields& fields, const GgufVocabulary& vocabulary) const {
    const CheckpointTensor& embedding = *checkpoint_->find("token_embd.weight");
    const auto tokens = static_cast<int64_t>(vocabulary.tokens.size());
    if (tokens == embedding.shape[0]) return {};
    return data_loss("metadata " + in_quotes(fields.key("tokens")) + " has " +
                     std::to_string(tokens) + " tokens, but tensor 'token_embd.weight' has " +
                     std::to_string(embedding.shape[0]) + " rows");
  }

  static Json generation(const GgufVocabulary& vocabulary) {
    const auto id_or_null = [](int32_t id) { return id == kNoGgufToken ? Json() : Json(id); };
    return Json::object({{"bos_token_id", id_or_null(vocabulary.bos)},
                         {"eos_token_id", vocabulary.ends},
                         {"pad_token_id", id_or_null(vocabulary.pad)}});
  }

  /// tokenizer_config.json. Its class leaves tokenizer.json as it is.
  Json settings(const GgufVocabulary& vocabulary) {
    Json made = Json::object({{"tokenizer_class", "PreTrainedTokenizerFast"}});
    if (vocabulary.bos != kNoGgufToken) made.set("bos_token", vocabulary.text(vocabulary.bos));
    if (vocabulary.eos != kNoGgufToken) made.set("eos_token", vocabulary.text(vocabulary.eos));
    const GgufFields fields(view_, "tokenizer.");
    Json templates = Json::object();
    if (const auto text = chat_template(fields, "chat_template")) templates.set("default", *text);
    const GgufValue* list = fields.find("chat_templates");
    const auto names = list == nullptr ? std::nullopt : list->strings();
    for (const std::string_view name : names.value_or(std::vector<std::string_view>())) {
      const auto text = chat_template(fields, "chat_template." + std::string(name));
      if (text && text::check_utf8(name).ok()) templates.set(name, *text);
    }
    if (!templates.members().empty()) made.set("chat_template", std::move(templates));
    return made;
  }

  /// A model need not chat: what is not a text is left out.
  std::optional<std::string_view> chat_template(const GgufFields& fields, const std::string& name) {
    const GgufValue* value = fields.find(name);
    if (value == nullptr) return std::nullopt;
    const auto text = value->string();
    if (text && text::check_utf8(*text).ok()) return text;
    model_.warnings.push_back("metadata " + in_quotes(fields.key(name)) +
                              " is no text in UTF-8; it is left out");
    return std::nullopt;
  }

  std::unique_ptr<GgufCheckpoint> checkpoint_;
  const GgufView& view_;
  const GgufArchitecture* architecture_ = nullptr;
  GgufModel model_;
};

}  // namespace

bool names_architecture(const GgufCheckpoint& checkpoint) {
  return checkpoint.view().find(kArchitecture) != nullptr;
}

Result<GgufModel> read_gguf_model(std::unique_ptr<GgufCheckpoint> checkpoint) {
  const std::string path = checkpoint->files().front();
  Result<GgufModel> model = Reader(std::move(checkpoint)).read();
  if (!model.ok()) return model.status().with_context(in_quotes(path));
  return model;
}

}  // namespace lanewise::converters
