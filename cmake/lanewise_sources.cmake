# lanewise_sources(target [FOR_SIZE | ONCE] [TOGETHER name] files...): adds source files to a target.
#
# With LANEWISE_JOIN_SOURCES, files of one folder are compiled together, as one file that includes
# them: most of a compiler's time goes into headers and templates that they share. So names in
# anonymous namespaces are unique within a folder. The preset `dev` compiles file by file, and so
# does `tools/tidy --full`, which finds the file that lacks an include.
#
# TOGETHER: folders of a file or two, which are joined as one of that name.
# FOR_SIZE: code that takes no time in use.
# ONCE: such code that runs once a model or a command. Sanitizers' builds do not optimise it, which
# halves their compile time.

option(LANEWISE_JOIN_SOURCES "Compile the files of a folder together, which takes less than half the time" ON)

# All files of the library's largest folder, so that a name that clashes always stops the build.
set(lanewise_most_joined 64)

# lanewise_join(target name files...): writes the files that include these, and appends their names to
# `joined`.
function(lanewise_join target name)
  set(sources ${ARGN})
  list(LENGTH sources count)
  # Groups of equal size.
  math(EXPR groups "(${count} + ${lanewise_most_joined} - 1) / ${lanewise_most_joined}")
  foreach(group RANGE 1 ${groups})
    math(EXPR begin "${count} * (${group} - 1) / ${groups}")
    math(EXPR length "${count} * ${group} / ${groups} - ${begin}")
    list(SUBLIST sources ${begin} ${length} members)
    list(TRANSFORM members REPLACE "^${PROJECT_SOURCE_DIR}/(.+)" "#include \"\\1\"\n")
    string(JOIN "" text ${members})
    set(file ${PROJECT_BINARY_DIR}/joined/${target}/${name}_${group}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
    list(APPEND joined ${file})
  endforeach()
  set(joined ${joined} PARENT_SCOPE)
endfunction()

# Joins the files of each folder; sets `joined`.
function(lanewise_join_folders target suffix)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    cmake_path(GET source PARENT_PATH folder)
    list(APPEND folders ${folder})
    list(APPEND sources_of_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  set(joined)
  foreach(folder IN LISTS folders)
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE name)
    string(REPLACE "/" "_" name ${name})
    lanewise_join(${target} ${name}${suffix} ${sources_of_${folder}})
  endforeach()
  set(joined ${joined} PARENT_SCOPE)
endfunction()

# The counters by which a fuzzer sees what an input reaches take up to a third of a file's compile
# time, and tests run slower with them. These folders do not read what fuzzers write.
set(lanewise_not_fuzzed "^(ops|runtime_(attention|c|decode|exec|generate|plan|tasks)|\
converters_(adapters|c|families|pack|quantize|unpack)|serve|cli|tests)_")

function(lanewise_count_for_fuzzers target)
  foreach(source IN LISTS ARGN)
    string(REGEX REPLACE "^(${PROJECT_BINARY_DIR}/joined/[^/]+|${PROJECT_SOURCE_DIR})/" "" name "${source}")
    string(REPLACE "/" "_" name "${name}")
    if(NOT name MATCHES "${lanewise_not_fuzzed}")
      set_property(SOURCE ${source} TARGET_DIRECTORY ${target}
        APPEND PROPERTY COMPILE_OPTIONS -fsanitize=fuzzer-no-link)
    endif()
  endforeach()
endfunction()

function(lanewise_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "FOR_SIZE;ONCE" "TOGETHER" "")
  set(sources ${arg_UNPARSED_ARGUMENTS})
  set(options)
  set(suffix)
  if(arg_FOR_SIZE OR arg_ONCE)
    list(APPEND options $<$<CONFIG:Release>:-Os>)
    set(suffix _small)
  endif()
  if(arg_ONCE)
    set(suffix _once)
    if(LANEWISE_SANITIZE)
      list(APPEND options -O0)
    endif()
  endif()
  if(LANEWISE_JOIN_SOURCES)
    set(joined)
    if(arg_TOGETHER)
      lanewise_join(${target} ${arg_TOGETHER}${suffix} ${sources})
    else()
      lanewise_join_folders(${target} "${suffix}" ${sources})
    endif()
    set(sources ${joined})
    # GCC takes a class of an included .cpp file for one of a header.
    list(APPEND options $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
  target_sources(${target} PRIVATE ${sources})
  set_source_files_properties(${sources} TARGET_DIRECTORY ${target} PROPERTIES
    COMPILE_OPTIONS "${options}")
  if(LANEWISE_BUILD_FUZZ)
    lanewise_count_for_fuzzers(${target} ${sources})
  endif()
endfunction()
