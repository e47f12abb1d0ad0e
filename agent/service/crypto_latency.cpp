// SPDX-License-Identifier: Apache-2.0
#include "service/crypto_latency.h"

#include <numeric>

#include "service/view.h"

namespace wgs {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kLast = WGS_CRYPTO_BUCKETS - 1;

// Of a bucket, in nanoseconds.
double upper_limit(std::size_t bucket) {
    return 1000.0 * static_cast<double>(std::uint64_t{1} << bucket);
}

double lower_limit(std::size_t bucket) {
    return bucket == 0 ? 0 : upper_limit(bucket - 1);
}

nanoseconds round(double value) {
    return nanoseconds(static_cast<std::int64_t>(value));
}

}  // namespace

bool times_packets(const AgentView& agent) {
    return agent.config.crypto_latency && agent.backend == BackendKind::kernel;
}

std::uint64_t samples_of(const wgs_crypto& crypto) {
    return std::accumulate(std::begin(crypto.buckets), std::end(crypto.buckets), std::uint64_t{0});
}

std::optional<nanoseconds> mean_of(const wgs_crypto& crypto) {
    const std::uint64_t samples = samples_of(crypto);
    if (samples == 0) return std::nullopt;
    return round(static_cast<double>(crypto.nanoseconds) / static_cast<double>(samples));
}

std::optional<nanoseconds> quantile_of(const wgs_crypto& crypto, double part) {
    const std::uint64_t samples = samples_of(crypto);
    if (samples == 0) return std::nullopt;
    const double wanted = part * static_cast<double>(samples);
    double below = 0;
    for (std::size_t bucket = 0; bucket < kLast; ++bucket) {
        const auto here = static_cast<double>(crypto.buckets[bucket]);
        if (here > 0 && below + here >= wanted) {
            const double low = lower_limit(bucket);
            return round(low + (upper_limit(bucket) - low) * (wanted - below) / here);
        }
        below += here;
    }
    return round(lower_limit(kLast));
}

}  // namespace wgs
