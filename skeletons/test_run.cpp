// SPDX-License-Identifier: Apache-2.0
#include "skeletons/test_run.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>

namespace wgs {
namespace {

constexpr std::size_t kRoomForHeaders = 256;  // a program may make the packet longer

// Fills in the rest of `options`, runs, and puts everything but the metadata into the result.
Result<TestRun> run(int program, std::span<const std::uint8_t> packet, bpf_test_run_opts& options,
                    int repeat) {
    TestRun result;
    result.packet.resize(packet.size() + kRoomForHeaders);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.data_out = result.packet.data();
    options.data_size_out = static_cast<std::uint32_t>(result.packet.size());
    options.repeat = repeat;
    if (bpf_prog_test_run_opts(program, &options) != 0)
        return os_error(errno, "test run of a program");
    result.verdict = static_cast<std::int32_t>(options.retval);
    result.packet.resize(options.data_size_out);
    result.duration = std::chrono::nanoseconds(options.duration);
    return result;
}

}  // namespace

Result<TestRun> test_run(int program, std::span<const std::uint8_t> packet,
                         const PacketContext& context, int repeat) {
    __sk_buff metadata{};
    metadata.mark = context.mark;
    std::copy(context.cb.begin(), context.cb.end(), metadata.cb);
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.ctx_in = options.ctx_out = &metadata;
    options.ctx_size_in = options.ctx_size_out = sizeof(metadata);
    TestRun result = WGS_TRY(run(program, packet, options, repeat));
    result.context.mark = metadata.mark;
    std::copy(std::begin(metadata.cb), std::end(metadata.cb), result.context.cb.begin());
    return result;
}

Result<TestRun> test_run_xdp(int program, std::span<const std::uint8_t> frame, int repeat) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    return run(program, frame, options, repeat);
}

}  // namespace wgs
