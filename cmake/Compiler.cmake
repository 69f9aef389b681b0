# How every target is compiled: language level, warnings as errors, hardening, sanitizers.
# A target takes all of it by linking plimsoll::compiler (plimsoll_library and its sisters do so).

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

find_program(PLIMSOLL_CCACHE ccache)
if(PLIMSOLL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PLIMSOLL_CCACHE})
endif()

set(PLIMSOLL_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for example address,undefined")

add_library(plimsoll_compiler INTERFACE)
add_library(plimsoll::compiler ALIAS plimsoll_compiler)
target_include_directories(plimsoll_compiler INTERFACE ${PROJECT_SOURCE_DIR}/lib)
target_compile_definitions(plimsoll_compiler INTERFACE PLIMSOLL_VERSION="${PROJECT_VERSION}")
target_compile_options(plimsoll_compiler INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough -Werror
  -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(plimsoll_compiler INTERFACE -fcf-protection)
endif()
target_link_options(plimsoll_compiler INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(PLIMSOLL_SANITIZE)
  target_compile_options(plimsoll_compiler INTERFACE
    -fsanitize=${PLIMSOLL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(plimsoll_compiler INTERFACE -fsanitize=${PLIMSOLL_SANITIZE})
  # The instrumentation makes g++ 12 see uninitialised optionals and overlapping strings where there are none.
  target_compile_options(plimsoll_compiler INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  if(PLIMSOLL_FUZZERS)
    # Coverage for libFuzzer; its main() is linked into the targets alone.
    target_compile_options(plimsoll_compiler INTERFACE -fsanitize=fuzzer-no-link)
  endif()
else()
  # Fortified libc calls need an optimised build, and get in the way of the sanitizers.
  target_compile_options(plimsoll_compiler INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE$<SEMICOLON>-D_FORTIFY_SOURCE=2>)
  target_compile_definitions(plimsoll_compiler INTERFACE _GLIBCXX_ASSERTIONS)
endif()
