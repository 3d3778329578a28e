#include "base/no_throw.hpp"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace lanewise::base {
namespace {

// At most 15 characters, which std::string stores without an allocation (libstdc++, libc++).
constexpr const char* kOutOfMemory = "out of memory";
constexpr const char* kBug = "internal error";

Status bug(const char* what) noexcept {
  try {
    return internal_error(std::string(kBug) + ": " + what);
  } catch (...) {
    return internal_error(kBug);
  }
}

}  // namespace

Status status_of_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return resource_exhausted(kOutOfMemory);
  } catch (const std::length_error&) {
    return resource_exhausted(kOutOfMemory);
  } catch (const std::exception& error) {
    return bug(error.what());
  } catch (...) {
    return internal_error(kBug);
  }
}

}  // namespace lanewise::base
