# Module targets. A module is a folder; it may use only what it names under DEPENDS, which must stand below it:
#
#   base < tcg < crypto < eventlog, ima < evidence < policy < appraisal      base < kube, http, telemetry
#
# The linker sees only those modules, and tests/lint/check_layering.py holds the #include lines to the same table.

# plimsoll_library(NAME [DIRECTORY dir] [DEPENDS module...] [LIBRARIES external...] [EXCLUDE file...])
#
# All *.cc of the folder become the static library plimsoll_NAME. DEPENDS are modules of ours and become visible to users of the library;
# LIBRARIES are foreign ones and stay private to it.
function(plimsoll_library name)
  cmake_parse_arguments(ARG "" "DIRECTORY" "DEPENDS;LIBRARIES;EXCLUDE" ${ARGN})
  if(NOT ARG_DIRECTORY)
    set(ARG_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${ARG_DIRECTORY}/*.cc)
  foreach(excluded ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources ${ARG_DIRECTORY}/${excluded})
  endforeach()
  list(REMOVE_ITEM sources ${ARG_DIRECTORY}/main.cc)
  if(NOT sources)
    add_library(plimsoll_${name} INTERFACE)
    foreach(module ${ARG_DEPENDS})
      target_link_libraries(plimsoll_${name} INTERFACE plimsoll_${module})
    endforeach()
    target_link_libraries(plimsoll_${name} INTERFACE plimsoll::compiler ${ARG_LIBRARIES})
    return()
  endif()
  add_library(plimsoll_${name} STATIC ${sources})
  target_link_libraries(plimsoll_${name} PUBLIC plimsoll::compiler)
  foreach(module ${ARG_DEPENDS})
    target_link_libraries(plimsoll_${name} PUBLIC plimsoll_${module})
  endforeach()
  target_link_libraries(plimsoll_${name} PRIVATE ${ARG_LIBRARIES})
endfunction()

# plimsoll_test(NAME LABEL label [DEPENDS module...] [LIBRARIES external...] [TIMEOUT seconds])
#
# All *_test.cc of the current folder become one GoogleTest program NAME; every case is a ctest of its own unless the label is cluster, where starting
# a control plane per case would cost more than the cases: there the whole program is one ctest.
function(plimsoll_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "DEPENDS;LIBRARIES;SOURCES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE PLIMSOLL_SOURCE_DIR="${PROJECT_SOURCE_DIR}" PLIMSOLL_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE plimsoll::compiler)
  foreach(module ${ARG_DEPENDS})
    target_link_libraries(${name} PRIVATE plimsoll_${module})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(ARG_LABEL STREQUAL "cluster")
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS cluster TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL TRUE)
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()
