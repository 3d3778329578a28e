# Each package is looked for where the system keeps it. LANEWISE_FETCH_DEPS=ON may download a
# pinned release instead; the default never touches the network.

include(FetchContent)
# lanewise_find(NAME git-url tag): find_package, or fetch when the user allowed it.
macro(lanewise_find name url tag)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    if(NOT LANEWISE_FETCH_DEPS)
      message(FATAL_ERROR "lanewise needs ${name}. Install its package (tools/setup does it on "
        "Debian) or configure with -DLANEWISE_FETCH_DEPS=ON.")
    endif()
    FetchContent_Declare(${name} GIT_REPOSITORY ${url} GIT_TAG ${tag} GIT_SHALLOW ON)
    FetchContent_MakeAvailable(${name})
  endif()
endmacro()

find_package(OpenMP REQUIRED COMPONENTS CXX)
lanewise_find(xsimd https://github.com/xtensor-stack/xsimd.git 13.0.0)
lanewise_find(nlohmann_json https://github.com/nlohmann/json.git v3.11.3)

# Debian's utf8proc has no CMake package, only pkg-config.
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h)
find_library(UTF8PROC_LIBRARY utf8proc)
if(UTF8PROC_INCLUDE_DIR AND UTF8PROC_LIBRARY)
  add_library(lanewise_utf8proc INTERFACE)
  target_include_directories(lanewise_utf8proc SYSTEM INTERFACE ${UTF8PROC_INCLUDE_DIR})
  target_link_libraries(lanewise_utf8proc INTERFACE ${UTF8PROC_LIBRARY})
else()
  lanewise_find(utf8proc https://github.com/JuliaStrings/utf8proc.git v2.9.0)
  add_library(lanewise_utf8proc ALIAS utf8proc)
endif()

set(LANEWISE_HAS_ONEDNN OFF)
if(LANEWISE_ONEDNN)
  find_package(dnnl QUIET)
  set(LANEWISE_HAS_ONEDNN ${dnnl_FOUND})
endif()
if(LANEWISE_BUILD_CLI)
  lanewise_find(CLI11 https://github.com/CLIUtils/CLI11.git v2.4.2)
  lanewise_find(fmt https://github.com/fmtlib/fmt.git 10.2.1)
endif()
if(LANEWISE_BUILD_TESTS)
  lanewise_find(GTest https://github.com/google/googletest.git v1.14.0)
endif()
if(LANEWISE_BUILD_BENCH)
  lanewise_find(benchmark https://github.com/google/benchmark.git v1.8.4)
endif()
