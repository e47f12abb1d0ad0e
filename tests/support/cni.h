// SPDX-License-Identifier: Apache-2.0
// A stand-in for what another network plugin does with the packets on a device.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/net_namespace.h"

struct cni_bpf;

namespace wgs::test {

enum class CniKind { tcx, clsact };

// What one of its programs has seen.
struct CniCounts {
    std::uint64_t pod = 0;      // packets from pod to pod, readable
    std::uint64_t written = 0;  // those of them that another stand-in has written into
    std::uint64_t outer = 0;    // encrypted ones, over IPv4
};

enum class CniManners {
    polite,  // leaves the others their turn
    rude,    // at egress ends the chain of programs
};

// A program at either hook of a device, from construction on. Filters stay when it goes.
class CniPrograms {
  public:
    CniPrograms(const NetNamespace& ns, const std::string& device, CniKind kind,
                CniManners manners = CniManners::polite);
    ~CniPrograms();
    CniPrograms(const CniPrograms&) = delete;
    CniPrograms& operator=(const CniPrograms&) = delete;

    [[nodiscard]] CniCounts left() const;
    [[nodiscard]] CniCounts came() const;

  private:
    struct Destroy {
        void operator()(cni_bpf* skeleton) const;
    };

    std::unique_ptr<cni_bpf, Destroy> skeleton_;
    std::vector<UniqueFd> links_;
};

// Whether the kernel has TCX.
bool kernel_has_tcx();

}  // namespace wgs::test
