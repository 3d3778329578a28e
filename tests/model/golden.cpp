#include "tests/model/golden.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "runtime/file/mapping.hpp"
#include "runtime/file/safetensors.hpp"
#include "tests/test_data.hpp"

namespace lanewise::test {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <typename T>
T expect_ok(Result<T> result, const std::string& what) {
  if (!result.ok()) throw std::runtime_error(what + ": " + result.status().message());
  return std::move(result).value();
}

}  // namespace

const Model& minilm() {
  static const Model model = expect_ok(
      load(environment("LANEWISE_MINILM_DIR")),
      "the MiniLM checkpoint cannot be opened; run tools/get-model minilm and configure again");
  return model;
}

TensorMap golden(const std::string& name) {
  const std::string path = test_data_folder() + "/minilm/" + name + ".safetensors";
  const file::MappedFile file = expect_ok(file::MappedFile::open(path), path);
  const file::SafetensorsView view =
      expect_ok(file::SafetensorsView::parse(file.bytes(), path), path);
  TensorMap tensors;
  for (const file::TensorEntry& entry : view.tensors()) {
    tensors[entry.name] = expect_ok(file::copy_tensor(view.view(entry)), entry.name);
  }
  return tensors;
}

Session make_session(const Model& model, const SessionOptions& options) {
  return expect_ok(Session::create(model, options), "Session::create");
}

}  // namespace lanewise::test
