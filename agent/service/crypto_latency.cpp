// SPDX-License-Identifier: Apache-2.0
#include "service/crypto_latency.h"

#include <numeric>

namespace wgs {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kLast = WGS_CRYPTO_BUCKETS - 1;

double in_nanoseconds(nanoseconds time) {
    return static_cast<double>(time.count());
}

// In nanoseconds.
double lower_limit(std::size_t bucket) {
    return bucket == 0 ? 0 : in_nanoseconds(limit_of(bucket - 1));
}

nanoseconds round(double value) {
    return nanoseconds(static_cast<std::int64_t>(value));
}

}  // namespace

bool times_packets(const Config& config, BackendKind backend) {
    return config.crypto_latency && backend == BackendKind::kernel;
}

nanoseconds limit_of(std::size_t bucket) {
    return std::chrono::microseconds(std::int64_t{1} << bucket);
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
            return round(low + (in_nanoseconds(limit_of(bucket)) - low) * (wanted - below) / here);
        }
        below += here;
    }
    return round(lower_limit(kLast));
}

}  // namespace wgs
