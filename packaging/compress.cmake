# CPack runs this before it makes a package of CPACK_TEMPORARY_INSTALL_DIRECTORY. Without names and
# times, so that the same files give the same package.
file(GLOB_RECURSE files ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/man1/*.1
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/changelog ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/changelog.Debian)
foreach(file IN LISTS files)
  execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
