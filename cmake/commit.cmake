# cmake -DSOURCE_DIR=... -DOUTPUT=... -P commit.cmake
#
# Writes OUTPUT, a source file with the commit of SOURCE_DIR, if it is not as it should be already:
# whoever compiles it does so only when the commit changes. An unpacked archive has no commit, even
# inside the checkout of another project.

set(commit "")
find_program(GIT_EXECUTABLE git)
if(EXISTS ${SOURCE_DIR}/.git AND GIT_EXECUTABLE)
  # Without locks: a build must not disturb a `git commit` at the same time.
  execute_process(COMMAND ${GIT_EXECUTABLE} --no-optional-locks describe --always --dirty
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE commit ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
set(text "#include \"cli/about/commit.hpp\"\n\nstd::string_view lanewise::cli::commit() { return \"${commit}\"; }\n")
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "${text}" @ONLY)
