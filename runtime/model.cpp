#include "lanewise/model.hpp"

#include <utility>

#include "base/messages.hpp"
#include "base/no_throw.hpp"
#include "base/status_macros.hpp"
#include "runtime/file/regular_file.hpp"
#include "runtime/model_data.hpp"

namespace lanewise {

Result<Model> Model::open(const std::string& path, const OpenOptions& options) {
  return base::no_throw([&]() -> Result<Model> {
    if (options.read_into_memory) {
      LW_ASSIGN_OR_RETURN(file::AlignedBuffer buffer, file::read_regular(path));
      LW_ASSIGN_OR_RETURN(auto data, internal::ModelData::create(std::move(buffer), path));
      return Model(std::move(data));
    }
    LW_ASSIGN_OR_RETURN(file::MappedFile file, file::MappedFile::open(path));
    LW_ASSIGN_OR_RETURN(auto data, internal::ModelData::create(std::move(file), path));
    return Model(std::move(data));
  });
}

const ModelInfo& Model::info() const noexcept { return data_->info(); }

}  // namespace lanewise
