#pragma once

#include <unistd.h>

#include <string_view>
#include <utility>

namespace lanewise::cli {

/// Closes a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (valid()) ::close(number_);
  }

  bool valid() const noexcept { return number_ >= 0; }
  int get() const noexcept { return number_; }

 private:
  int number_ = -1;
};

/// write(2) until all is written; errno or 0.
int write_all(int descriptor, std::string_view text);

}  // namespace lanewise::cli
