// SPDX-License-Identifier: Apache-2.0
// <sys/pidfd.h>, whose declarations lack C linkage in glibc 2.36.
#pragma once

#include <fcntl.h>
#include <signal.h>

extern "C" {
#include <sys/pidfd.h>
}
