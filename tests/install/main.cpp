// Uses the installed package as a stranger would, both libraries of it.
#include <cstdio>

#include <lanewise/convert.hpp>
#include <lanewise/lanewise.hpp>

int main() {
  const auto opened = lanewise::Model::open("no-such-file");
  const auto loaded = lanewise::load("no-such-folder");
  std::printf("open: %s\nload: %s\n", opened.status().message().c_str(),
              loaded.status().message().c_str());
  return opened.ok() || loaded.ok() ? 1 : 0;
}
