#pragma once

/// Everything needed to run models. To convert checkpoints, include lanewise/convert.hpp.

#include "lanewise/answerer.hpp"         // IWYU pragma: export
#include "lanewise/attention.hpp"        // IWYU pragma: export
#include "lanewise/batches.hpp"          // IWYU pragma: export
#include "lanewise/chat.hpp"             // IWYU pragma: export
#include "lanewise/classifier.hpp"       // IWYU pragma: export
#include "lanewise/cpu.hpp"              // IWYU pragma: export
#include "lanewise/embedder.hpp"         // IWYU pragma: export
#include "lanewise/engine.hpp"           // IWYU pragma: export
#include "lanewise/files.hpp"            // IWYU pragma: export
#include "lanewise/generation.hpp"       // IWYU pragma: export
#include "lanewise/generator.hpp"        // IWYU pragma: export
#include "lanewise/grammar.hpp"          // IWYU pragma: export
#include "lanewise/inspect.hpp"          // IWYU pragma: export
#include "lanewise/mask_filler.hpp"      // IWYU pragma: export
#include "lanewise/model.hpp"            // IWYU pragma: export
#include "lanewise/reranker.hpp"         // IWYU pragma: export
#include "lanewise/session.hpp"          // IWYU pragma: export
#include "lanewise/sources.hpp"          // IWYU pragma: export
#include "lanewise/sparse_embedder.hpp"  // IWYU pragma: export
#include "lanewise/status.hpp"           // IWYU pragma: export
#include "lanewise/tensor.hpp"           // IWYU pragma: export
#include "lanewise/token_embedder.hpp"   // IWYU pragma: export
#include "lanewise/token_tagger.hpp"     // IWYU pragma: export
#include "lanewise/tokenizer.hpp"        // IWYU pragma: export
#include "lanewise/translator.hpp"       // IWYU pragma: export
#include "lanewise/version.hpp"          // IWYU pragma: export
