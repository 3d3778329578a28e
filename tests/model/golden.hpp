#pragma once

#include <gtest/gtest.h>

#include <string>

#include "lanewise/convert.hpp"
#include "lanewise/session.hpp"

namespace lanewise::test {

/// The real checkpoint, converted in memory once; fails the test if `tools/get-model minilm` has
/// not run.
const Model& minilm();

/// One file of tests/data/minilm, all of its tensors.
TensorMap golden(const std::string& name);

/// A session of the model, or a failed test.
Session make_session(const Model& model, const SessionOptions& options);

}  // namespace lanewise::test
