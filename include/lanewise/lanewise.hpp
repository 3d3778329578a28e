#pragma once

/// Everything needed to run models. To convert checkpoints, include lanewise/convert.hpp.

#include "lanewise/embedder.hpp"    // IWYU pragma: export
#include "lanewise/generation.hpp"  // IWYU pragma: export
#include "lanewise/generator.hpp"   // IWYU pragma: export
#include "lanewise/model.hpp"       // IWYU pragma: export
#include "lanewise/session.hpp"     // IWYU pragma: export
#include "lanewise/status.hpp"      // IWYU pragma: export
#include "lanewise/tensor.hpp"      // IWYU pragma: export
#include "lanewise/translator.hpp"  // IWYU pragma: export
