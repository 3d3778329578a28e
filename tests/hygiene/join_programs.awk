# Joins the C++ programs in Markdown files to one: PAGE_1, PAGE_2, ... Writes into `folder` a `list` of
# their names and models, and `faults`.

function fault(text) { print FILENAME ": line " FNR ": " text > faults }

BEGIN {
  list = folder "/list"; faults = folder "/faults"
  printf "" > list; printf "" > faults
}
FNR == 1 {
  page = FILENAME; sub(/.*\//, "", page); sub(/\.md$/, "", page); gsub(/[^a-zA-Z0-9]/, "_", page)
  number = 0; model = ""; inside = 0
}
/^<!-- runs on: .* -->$/ { model = $4; next }
/^```cpp$/ {
  inside = 1
  name = page "_" ++number
  if (FILENAME == ARGV[1]) model = "README.md"
  if (model == "") fault("no model is named for this program: <!-- runs on: FOLDER -->")
  print name, model > list
  names = names " " name
  code = code "namespace " name " {\n#line " FNR " \"" FILENAME "\"\n"
  next
}
/^```$/ && inside {
  inside = 0; model = ""
  # Only the global main() returns 0 by itself. Programs end with its brace.
  code = code (held == "}" ? "return 0; }" : held) "\n}  // namespace " name "\n"
  held = ""
  next
}
inside {
  if (held != "") code = code held
  code = code "\n"
  held = $0
}
inside && /^#include / {
  if (!($0 in seen)) { seen[$0] = 1; includes = includes $0 "\n" }
  held = ""
}
END {
  printf "%s#include <cstring>\n#include <string>\n%s", includes, code
  print "int main(int argc, char** argv) {\n  if (argc < 2) return 2;"
  count = split(names, all, " ")
  for (i = 1; i <= count; ++i) {
    printf "  if (std::strcmp(argv[1], \"%s\") == 0) return %s::main(argc - 1, argv + 1);\n", all[i], all[i]
  }
  print "  return 2;\n}"
}
