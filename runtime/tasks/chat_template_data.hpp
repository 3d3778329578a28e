#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lanewise/chat.hpp"
#include "runtime/chat/template.hpp"

namespace lanewise::internal {

/// The data of a ChatTemplate. Immutable.
class ChatTemplateData {
 public:
  /// Parses what a model file stores, chat::to_json(). Fails if it is damaged, or if none of the
  /// templates can be used, for the reason of the first one.
  static Result<std::shared_ptr<const ChatTemplateData>> parse(std::string_view stored);

  /// The template of what parse() takes; kNotFound if it is empty.
  static Result<ChatTemplate> open(std::string_view stored);

  Result<std::string> render(const Conversation& conversation) const;
  std::vector<std::string> names() const;

 private:
  Result<const chat::ChatTemplate*> choose(const Conversation& conversation) const;
  std::string known() const;

  std::map<std::string, Result<chat::ChatTemplate>, std::less<>> templates_;
  std::map<std::string, std::string> tokens_;
};

}  // namespace lanewise::internal
