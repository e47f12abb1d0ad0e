# SPDX-License-Identifier: Apache-2.0
# Compile settings shared by every user-space target of the project.

add_library(wgs_flags INTERFACE)
# Designated initialisers leave the other members to their defaults on purpose, hence the -Wno-.
target_compile_options(wgs_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
    -Wno-missing-field-initializers -fno-omit-frame-pointer)
target_compile_definitions(wgs_flags INTERFACE WGS_VERSION="${PROJECT_VERSION}")
target_include_directories(wgs_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/agent)
if(WGS_WERROR)
    target_compile_options(wgs_flags INTERFACE -Werror)
endif()
if(WGS_SANITIZE)
    target_compile_options(wgs_flags INTERFACE -fsanitize=${WGS_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(wgs_flags INTERFACE -fsanitize=${WGS_SANITIZE})
endif()

# wgs_library(NAME SOURCES... [PUBLIC libs...] [PRIVATE libs...])
#
# A static library of the agent. What is not named in PUBLIC or PRIVATE is not on the link line nor
# on the include path beyond the project's own tree, which is what keeps the layers apart.
function(wgs_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC wgs_flags ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# wgs_test(NAME SOURCES... LIBS... [LABELS ...] [TIMEOUT s])
#
# A GoogleTest binary registered with CTest as one test, so that suites which need root or namespaces
# set up their environment once. LABELS select what a machine runs.
function(wgs_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE wgs_flags ${ARG_LIBS} GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 900) # sanitizers make of seconds minutes
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
