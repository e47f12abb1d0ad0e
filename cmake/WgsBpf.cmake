# SPDX-License-Identifier: Apache-2.0
# Builds BPF objects with clang and their C++ skeletons with bpftool.

find_program(WGS_CLANG NAMES clang clang-14 REQUIRED)
find_program(WGS_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# The UAPI headers need the multiarch directory, which a bpf target does not search by itself.
execute_process(COMMAND ${CMAKE_C_COMPILER} -dumpmachine
    OUTPUT_VARIABLE WGS_MULTIARCH OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(WGS_BPF_FLAGS -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror
    -I${CMAKE_SOURCE_DIR} -isystem /usr/include/${WGS_MULTIARCH})
set(WGS_SKELETON_DIR ${CMAKE_BINARY_DIR}/generated)

# wgs_bpf_skeleton(NAME [INCLUDE_FIRST DIRECTORY]): NAME.bpf.c of the current directory becomes
# NAME.bpf.o and NAME.skel.h; the header's path is appended to WGS_SKELETON_HEADERS of the caller.
# Headers in DIRECTORY take the place of the project's own.
function(wgs_bpf_skeleton name)
    cmake_parse_arguments(ARG "" "INCLUDE_FIRST" "" ${ARGN})
    if(ARG_INCLUDE_FIRST)
        set(include_first -I${ARG_INCLUDE_FIRST})
    endif()
    set(source ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
    set(header ${WGS_SKELETON_DIR}/${name}.skel.h)
    add_custom_command(OUTPUT ${object}
        COMMAND ${WGS_CLANG} ${include_first} ${WGS_BPF_FLAGS} -MD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} DEPFILE ${object}.d VERBATIM COMMENT "Building BPF object ${name}.bpf.o")
    # C's _Bool is no word of C++, though g++ lets it pass.
    add_custom_command(OUTPUT ${header}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${WGS_SKELETON_DIR}
        COMMAND sh -c
            "\"$0\" gen skeleton \"$1\" name \"$2\" > \"$3\" && sed -i 's/_Bool/bool/' \"$3\""
            ${WGS_BPFTOOL} ${object} ${name}_bpf ${header}
        DEPENDS ${object} VERBATIM COMMENT "Generating skeleton ${name}.skel.h")
    set(WGS_SKELETON_HEADERS ${WGS_SKELETON_HEADERS} ${header} PARENT_SCOPE)
endfunction()
