#pragma once

#include <string>

#include "converters/config.hpp"
#include "converters/report.hpp"
#include "converters/source_folder.hpp"
#include "lanewise/status.hpp"
#include "runtime/chat/stored_templates.hpp"

namespace lanewise::converters {

/// Returns the chat templates of the tokenizer in `subfolder` of `folder` as Transformers 5 finds
/// them: chat_template.jinja and additional_chat_templates/*.jinja, else `chat_template` of
/// tokenizer_config.json, a text or a list of named ones. Without any of them chat_template.json
/// counts, which belongs to processors. None if the folder has none.
///
/// report  receives what cannot be read, which is left out: a model need not chat
/// Fails as SourceFolder::text() and read_companions() do.
Result<chat::StoredTemplates> folder_chat_templates(SourceFolder& folder,
                                                    const std::string& subfolder,
                                                    const Config& config, const Report& report);

}  // namespace lanewise::converters
