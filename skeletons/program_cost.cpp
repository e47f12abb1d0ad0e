// SPDX-License-Identifier: Apache-2.0
#include "skeletons/program_cost.h"

#include <bpf/bpf.h>

#include <cerrno>

namespace wgs {

Result<UniqueFd> measure_programs() {
    UniqueFd fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
    if (!fd) return os_error(errno, "measure the run time of BPF programs");
    return fd;
}

Result<RunTotal> run_total(int program) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(program, &info, &size) != 0)
        return os_error(errno, "read what a BPF program costs");
    return RunTotal{.runs = info.run_cnt,
                    .time = std::chrono::nanoseconds(static_cast<std::int64_t>(info.run_time_ns))};
}

}  // namespace wgs
