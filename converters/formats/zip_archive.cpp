#include "converters/formats/zip_archive.hpp"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/messages.hpp"
#include "base/status_macros.hpp"
#include "converters/files.hpp"
#include "runtime/file/mapping.hpp"

namespace lanewise::converters {
namespace {

/// More entries than any checkpoint has tensors.
constexpr zip_int64_t kMaxEntries = 1 << 20;
/// The highest ratio of deflate: two bits for a run of 258 bytes.
constexpr zip_uint64_t kMaxRatio = 1032;
constexpr size_t kChunkBytes = 1 << 16;

/// The mapped file as a libzip source. Remembers the last position read, which reveals where an
/// entry's bytes are; libzip does not tell.
struct MappedSource {
  std::span<const std::byte> file;
  zip_uint64_t at = 0;
  zip_uint64_t last_read = 0;
  zip_error_t error = {};

  zip_int64_t read(void* out, zip_uint64_t bytes) {
    bytes = std::min<zip_uint64_t>(bytes, file.size() - at);
    if (bytes != 0) std::memcpy(out, file.data() + at, bytes);
    last_read = at;
    at += bytes;
    return static_cast<zip_int64_t>(bytes);
  }

  zip_int64_t seek(void* arguments, zip_uint64_t bytes) {
    const zip_int64_t to =
        zip_source_seek_compute_offset(at, file.size(), arguments, bytes, &error);
    if (to < 0) return -1;
    at = static_cast<zip_uint64_t>(to);
    return 0;
  }

  zip_int64_t stat(void* out) const {
    auto* found = static_cast<zip_stat_t*>(out);
    zip_stat_init(found);
    found->valid = ZIP_STAT_SIZE;
    found->size = file.size();
    return sizeof(*found);
  }
};

/// The callback of a libzip source.
zip_int64_t serve(void* state, void* data, zip_uint64_t bytes, zip_source_cmd_t command) {
  auto* source = static_cast<MappedSource*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      source->at = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return source->read(data, bytes);
    case ZIP_SOURCE_SEEK:
      return source->seek(data, bytes);
    case ZIP_SOURCE_TELL:
      return static_cast<zip_int64_t>(source->at);
    case ZIP_SOURCE_STAT:
      return source->stat(data);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&source->error, data, bytes);
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(
          ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
          ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:  // we own the state
      return 0;
    default:
      zip_error_set(&source->error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

struct Discard {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
};
struct Close {
  void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};

/// How an entry is stored in the file.
struct Storage {
  bool stored = false;  ///< not compressed
  bool has_crc = true;
  std::optional<size_t> place = std::nullopt;  ///< position in the file, once verified
};

Status entry_error(StatusCode code, const std::string& path, std::string_view name,
                   const std::string& what) {
  return {code, base::in_quotes(path) + ": entry " + base::in_quotes(name) + " " + what};
}

/// A valid name in a folder; one that ends in a slash is a folder.
bool is_harmless(const std::string& name) {
  return stays_inside(name.ends_with('/') ? name.substr(0, name.size() - 1) : name);
}

}  // namespace

struct ZipArchive::Open {
  Open(std::string label, std::span<const std::byte> archive_bytes)
      : path(std::move(label)), bytes(archive_bytes) {
    source.file = bytes;
    zip_error_init(&source.error);
  }

  Status open();
  Status add(zip_uint64_t index);
  Status check_sizes(const zip_stat_t& stat) const;
  Status sort();
  Result<std::unique_ptr<zip_file_t, Close>> start(const ZipEntry& entry) const;
  Result<size_t> read_some(zip_file_t* file, const ZipEntry& entry, std::span<std::byte> out) const;
  Result<std::optional<size_t>> locate(const ZipEntry& entry);
  Status unpack(const ZipEntry& entry, std::span<std::byte> out) const;

  std::string path;
  std::optional<file::MappedFile> mapped;  // if we opened it
  std::span<const std::byte> bytes;        // of the whole archive
  MappedSource source;                     // Outlives `archive`, which reads from it.
  std::unique_ptr<zip_t, Discard> archive;
  std::vector<ZipEntry> entries;
  std::vector<Storage> storages;  // By an entry's index in the archive.
  std::mutex mutex;               // libzip's archives are not thread-safe.
};

/// Rejects sizes that deflate cannot produce, before anything is allocated.
Status ZipArchive::Open::check_sizes(const zip_stat_t& stat) const {
  const bool stored = stat.comp_method == ZIP_CM_STORE;
  const zip_uint64_t in_file = bytes.size();
  const bool possible =
      stat.comp_size <= in_file &&
      (stored ? stat.size == stat.comp_size : stat.size / kMaxRatio <= stat.comp_size);
  if (possible) return {};
  return entry_error(StatusCode::kDataLoss, path, stat.name,
                     "cannot have " + std::to_string(stat.size) + " bytes, " +
                         std::to_string(stat.comp_size) + " in the archive");
}

Status ZipArchive::Open::add(zip_uint64_t index) {
  zip_stat_t stat;
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;
  if (zip_stat_index(archive.get(), index, ZIP_FL_ENC_RAW, &stat) != 0 ||
      (stat.valid & kNeeded) != kNeeded) {
    return data_loss(base::in_quotes(path) + ": entry " + std::to_string(index) + " is damaged");
  }
  const std::string name = stat.name;
  if (!is_harmless(name)) {
    return entry_error(StatusCode::kDataLoss, path, name, "leads out of a folder");
  }
  const bool stored = stat.comp_method == ZIP_CM_STORE;
  storages.push_back({stored, !stored || stat.crc != 0});
  if (name.ends_with('/')) return {};
  if (!stored && stat.comp_method != ZIP_CM_DEFLATE) {
    return entry_error(
        StatusCode::kUnsupported, path, name,
        "is compressed by method " + std::to_string(stat.comp_method) + ", supported is deflate");
  }
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    return entry_error(StatusCode::kUnsupported, path, name, "is encrypted");
  }
  LW_RETURN_IF_ERROR(check_sizes(stat));
  entries.push_back({name, static_cast<size_t>(stat.size), static_cast<size_t>(index)});
  return {};
}

/// Some versions of libzip also reject duplicate names.
Status ZipArchive::Open::sort() {
  std::sort(entries.begin(), entries.end(),
            [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; });
  if (twice == entries.end()) return {};
  return entry_error(StatusCode::kDataLoss, path, twice->name, "appears twice in the archive");
}

Status ZipArchive::Open::open() {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* created = zip_source_function_create(serve, &source, &error);
  // From here on the archive owns the source; without an archive it is ours to free.
  if (created != nullptr) {
    archive.reset(zip_open_from_source(created, ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!archive) zip_source_free(created);
  }
  const std::string reason = archive ? "" : zip_error_strerror(&error);
  zip_error_fini(&error);
  if (!archive) return data_loss(base::in_quotes(path) + ": damaged zip archive: " + reason);
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kMaxEntries) {
    return resource_exhausted(base::in_quotes(path) + ": " + std::to_string(count) +
                              " entries, expected at most " + std::to_string(kMaxEntries));
  }
  for (zip_int64_t i = 0; i < count; ++i) {
    LW_RETURN_IF_ERROR(add(static_cast<zip_uint64_t>(i)));
  }
  return sort();
}

Result<std::unique_ptr<zip_file_t, Close>> ZipArchive::Open::start(const ZipEntry& entry) const {
  std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(archive.get(), entry.index, 0));
  if (file) return file;
  return entry_error(StatusCode::kDataLoss, path, entry.name,
                     std::string("is damaged: ") + zip_strerror(archive.get()));
}

/// Fills `out`, or less if the entry ends before.
Result<size_t> ZipArchive::Open::read_some(zip_file_t* file, const ZipEntry& entry,
                                           std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const zip_int64_t now = zip_fread(file, out.data() + done, out.size() - done);
    // libzip checks the CRC at the end of the entry.
    if (now < 0 && !storages[entry.index].has_crc &&
        zip_error_code_zip(zip_file_get_error(file)) == ZIP_ER_CRC) {
      break;
    }
    if (now < 0) {
      return entry_error(StatusCode::kDataLoss, path, entry.name,
                         std::string("is damaged: ") + zip_file_strerror(file));
    }
    if (now == 0) break;
    done += static_cast<size_t>(now);
  }
  return done;
}

/// The position of a stored entry in the file; nothing if it is not at the expected position.
/// Compares every byte that libzip delivers with the one there; libzip checks the CRC.
Result<std::optional<size_t>> ZipArchive::Open::locate(const ZipEntry& entry) {
  LW_ASSIGN_OR_RETURN(const auto file, start(entry));
  std::byte chunk[kChunkBytes];
  size_t place = 0;
  size_t done = 0;
  bool here = true;
  while (true) {
    LW_ASSIGN_OR_RETURN(const size_t now, read_some(file.get(), entry, std::span(chunk, 1)));
    if (now == 0) break;
    if (done == 0) place = static_cast<size_t>(source.last_read);
    LW_ASSIGN_OR_RETURN(const size_t more,
                        read_some(file.get(), entry, std::span(chunk).subspan(1)));
    const size_t now_bytes = now + more;
    here = here && bytes.size() - place >= done + now_bytes &&
           std::memcmp(bytes.data() + place + done, chunk, now_bytes) == 0;
    done += now_bytes;
  }
  if (done != entry.size) {
    return entry_error(
        StatusCode::kDataLoss, path, entry.name,
        "has " + std::to_string(done) + " bytes, its header says " + std::to_string(entry.size));
  }
  return here ? std::optional(place) : std::nullopt;
}

/// Unpacks a whole entry. libzip checks the CRC at the end.
Status ZipArchive::Open::unpack(const ZipEntry& entry, std::span<std::byte> out) const {
  LW_ASSIGN_OR_RETURN(const auto file, start(entry));
  LW_ASSIGN_OR_RETURN(const size_t done, read_some(file.get(), entry, out));
  std::byte beyond[1];
  LW_ASSIGN_OR_RETURN(const size_t more, read_some(file.get(), entry, beyond));
  if (done == out.size() && more == 0) return {};
  return entry_error(
      StatusCode::kDataLoss, path, entry.name,
      "does not have the " + std::to_string(out.size()) + " bytes that its header says");
}

ZipArchive::ZipArchive(std::unique_ptr<Open> opened) noexcept : open_(std::move(opened)) {}
ZipArchive::ZipArchive(ZipArchive&&) noexcept = default;
ZipArchive& ZipArchive::operator=(ZipArchive&&) noexcept = default;
ZipArchive::~ZipArchive() = default;

Result<ZipArchive> ZipArchive::open(const std::string& path) {
  LW_ASSIGN_OR_RETURN(file::MappedFile mapped, file::MappedFile::open(path));
  auto opened = std::make_unique<Open>(path, mapped.bytes());
  opened->mapped.emplace(std::move(mapped));
  LW_RETURN_IF_ERROR(opened->open());
  return ZipArchive(std::move(opened));
}

Result<ZipArchive> ZipArchive::open(std::span<const std::byte> bytes, const std::string& label) {
  auto opened = std::make_unique<Open>(label, bytes);
  LW_RETURN_IF_ERROR(opened->open());
  return ZipArchive(std::move(opened));
}

void ZipArchive::release_pages() const noexcept {
  if (open_->mapped) open_->mapped->release_pages();
}

std::span<const ZipEntry> ZipArchive::entries() const noexcept { return open_->entries; }

const ZipEntry* ZipArchive::find(std::string_view name) const noexcept {
  const auto& all = open_->entries;
  const auto at = std::lower_bound(
      all.begin(), all.end(), name,
      [](const ZipEntry& entry, std::string_view key) { return entry.name < key; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

Result<std::span<const std::byte>> ZipArchive::read(const ZipEntry& entry, Scratch& scratch) const {
  const std::lock_guard lock(open_->mutex);
  Storage& storage = open_->storages[entry.index];
  if (storage.stored && !storage.place) {
    LW_ASSIGN_OR_RETURN(storage.place, open_->locate(entry));
  }
  if (storage.place) return open_->bytes.subspan(*storage.place, entry.size);
  scratch.resize(entry.size);
  LW_RETURN_IF_ERROR(open_->unpack(entry, scratch));
  return std::span<const std::byte>(scratch);
}

Result<Scratch> ZipArchive::read_head(const ZipEntry& entry, size_t bytes) const {
  const std::lock_guard lock(open_->mutex);
  LW_ASSIGN_OR_RETURN(const auto file, open_->start(entry));
  Scratch head(std::min(bytes, entry.size));
  LW_ASSIGN_OR_RETURN(const size_t done, open_->read_some(file.get(), entry, head));
  head.resize(done);
  return head;
}

bool is_zip(std::span<const std::byte> head) {
  constexpr std::string_view kLocalHeader("PK\3\4", 4);
  return head.size() >= kLocalHeader.size() &&
         std::memcmp(head.data(), kLocalHeader.data(), kLocalHeader.size()) == 0;
}

std::string_view first_zip_entry(std::span<const std::byte> head) {
  constexpr size_t kLengthAt = 26;
  constexpr size_t kNameAt = 30;
  if (!is_zip(head) || head.size() < kNameAt) return {};
  const size_t length =
      static_cast<size_t>(head[kLengthAt]) | static_cast<size_t>(head[kLengthAt + 1]) << 8;
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  return text.substr(kNameAt, length);
}

}  // namespace lanewise::converters
