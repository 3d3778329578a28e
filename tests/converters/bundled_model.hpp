#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "lanewise/convert.hpp"
#include "lanewise/model.hpp"
#include "tests/test_data.hpp"

namespace lanewise {

/// models/g2p, converted once.
inline const Model& bundled_model() {
  static const Model model = [] {
    Result<Model> loaded = load(bundled_model_folder());
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    return std::move(loaded).value();
  }();
  return model;
}

}  // namespace lanewise
