# CPack runs this before it makes a package of CPACK_TEMPORARY_INSTALL_DIRECTORY. Without names and
# times, so that the same files give the same package.
set(folder ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
file(GLOB_RECURSE files ${folder}/lanewise.1 ${folder}/changelog ${folder}/changelog.Debian)
foreach(file IN LISTS files)
  execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
