#include "cli/digest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "cli/descriptor.hpp"
#include "cli/interrupt.hpp"
#include "lanewise/files.hpp"
#include "lanewise/inspect.hpp"
#include "lanewise/messages.hpp"
#include "lanewise/status_macros.hpp"

namespace lanewise::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlockBytes = 64 * 1024;
constexpr size_t kReadBytes = 1 << 20;

std::string hex_of(std::string_view bytes) {
  return fmt::format("{:016x}", checksum(std::as_bytes(std::span(bytes))));
}

/// Whether a file beside a checkpoint may say how it is read: configs, vocabularies, tokenizers.
bool describes(const fs::path& file) {
  const std::string end = file.extension().string();
  return end == ".json" || end == ".txt" || end == ".model";
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

/// Relative names of the files in `folder`, sorted; hidden ones are no part of a checkpoint.
Result<std::vector<fs::path>> files_in(const fs::path& folder, bool whole) {
  std::error_code error;
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool is_folder = entry->is_directory(error);
    if (is_folder && (!whole || is_hidden(entry->path()))) entry.disable_recursion_pending();
    if (is_folder || is_hidden(entry->path()) || !entry->is_regular_file(error)) continue;
    if (whole || describes(entry->path()))
      files.push_back(entry->path().lexically_relative(folder));
  }
  if (error) return os_error("read", folder.string(), error.value());
  std::sort(files.begin(), files.end());
  return files;
}

struct Fingerprint {
  int64_t bytes = 0;
  Digest digest;

  Status add(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.valid()) return os_error("read", path, errno);
    LANEWISE_RETURN_IF_ERROR(add_from(file.get(), path, -1, digest).status());
    const off_t end = ::lseek(file.get(), 0, SEEK_CUR);
    bytes += std::max<off_t>(end, 0);
    return {};
  }
  Status add(const fs::path& folder, const std::vector<fs::path>& files) {
    for (const fs::path& file : files) {
      digest.add(file.string() + '\n');
      LANEWISE_RETURN_IF_ERROR(add((folder / file).string()));
    }
    return {};
  }
  std::string text() const { return fmt::format("{}-{}", bytes, digest.text()); }
};

}  // namespace

void Digest::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t count = std::min(bytes.size(), kBlockBytes - block_.size());
    block_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (block_.size() == kBlockBytes) block_ = hex_of(block_);
  }
}

std::string Digest::text() const { return hex_of(block_); }

Result<bool> add_from(int descriptor, const std::string& path, int64_t bytes, Digest& digest) {
  std::string buffer(kReadBytes, '\0');
  while (bytes != 0) {
    if (interrupted()) return cancelled("interrupted");
    const size_t most =
        bytes < 0 ? kReadBytes : static_cast<size_t>(std::min<int64_t>(bytes, kReadBytes));
    const ssize_t count = ::read(descriptor, buffer.data(), most);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read", path, errno);
    if (count == 0) return bytes < 0;
    digest.add(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
    if (bytes > 0) bytes -= count;
  }
  return true;
}

Result<std::string> fingerprint_of_file(const std::string& path) {
  Fingerprint fingerprint;
  LANEWISE_RETURN_IF_ERROR(fingerprint.add(path));
  return fingerprint.text();
}

Result<std::string> fingerprint_of_model(const std::string& path) {
  std::error_code ignored;
  Fingerprint fingerprint;
  if (fs::is_directory(path, ignored)) {
    LANEWISE_ASSIGN_OR_RETURN(const auto files, files_in(path, /*whole=*/true));
    LANEWISE_RETURN_IF_ERROR(fingerprint.add(path, files));
    return fingerprint.text();
  }
  LANEWISE_RETURN_IF_ERROR(fingerprint.add(path));
  LANEWISE_ASSIGN_OR_RETURN(const bool is_model, is_model_file(path));
  if (is_model || path.ends_with(".gguf")) return fingerprint.text();
  const fs::path folder = fs::absolute(path, ignored).parent_path();
  LANEWISE_ASSIGN_OR_RETURN(const auto beside, files_in(folder, /*whole=*/false));
  LANEWISE_RETURN_IF_ERROR(fingerprint.add(folder, beside));
  return fingerprint.text();
}

}  // namespace lanewise::cli
