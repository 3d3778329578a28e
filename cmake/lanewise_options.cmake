# What every target of the project gets, and nothing global: users who add_subdirectory() us
# keep their own flags.

find_program(LANEWISE_CCACHE ccache)

function(lanewise_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # Designated initializers leave the other members at their defaults on purpose.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  # Sanitizers change what is inlined, and with it what the compiler believes to see: they judge at
  # run time instead.
  if(PROJECT_IS_TOP_LEVEL AND NOT LANEWISE_SANITIZE)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LANEWISE_CCACHE)
    set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER ${LANEWISE_CCACHE})
  endif()
  if(LANEWISE_SANITIZE)
    # -O1 with line numbers alone: what -O2 -g of a checked build takes twice as long to compile.
    target_compile_options(${target} PRIVATE -O1 -g1 -fsanitize=${LANEWISE_SANITIZE}
      -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${LANEWISE_SANITIZE})
  endif()
endfunction()
