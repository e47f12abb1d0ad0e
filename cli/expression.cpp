// SPDX-License-Identifier: Apache-2.0
#include "expression.h"

#include <pcap/pcap.h>

#include "base/unique_fd.h"

namespace wgs::cli {
namespace {

constexpr int kLongest = 65535;

}  // namespace

void Expression::Free::operator()(bpf_program* program) const {
    pcap_freecode(program);
    delete program;
}

Result<Expression> Expression::compile(const std::string& text) {
    const std::unique_ptr<pcap_t, Deleter<&pcap_close>> dead(pcap_open_dead(DLT_RAW, kLongest));
    if (!dead) return make_error(std::errc::not_enough_memory, "open libpcap");
    Expression expression;
    expression.program_.reset(new bpf_program{});
    if (pcap_compile(dead.get(), expression.program_.get(), text.c_str(), 1,
                     PCAP_NETMASK_UNKNOWN) != 0)
        return invalid("filter \"" + text + "\": " + pcap_geterr(dead.get()));
    return expression;
}

bool Expression::matches(std::span<const std::uint8_t> bytes, std::uint32_t length) const {
    pcap_pkthdr header{};
    header.caplen = static_cast<bpf_u_int32>(bytes.size());
    header.len = length;
    return pcap_offline_filter(program_.get(), &header, bytes.data()) != 0;
}

}  // namespace wgs::cli
