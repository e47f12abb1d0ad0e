// SPDX-License-Identifier: Apache-2.0
// The time in WireGuard: which bucket a sample falls into, and what a row of buckets says.
#include "service/crypto_latency.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "example.h"

namespace wgs {
namespace {

TEST(CryptoBucket, HoldsWhatTakesAtMostItsLimit) {
    EXPECT_EQ(wgs_crypto_bucket(0), 0U);
    EXPECT_EQ(wgs_crypto_bucket(1), 0U);
    for (std::uint32_t bucket = 0; bucket + 1 < WGS_CRYPTO_BUCKETS; ++bucket) {
        const std::uint64_t limit = 1000 * (std::uint64_t{1} << bucket);
        EXPECT_EQ(wgs_crypto_bucket(limit), bucket);
        EXPECT_EQ(wgs_crypto_bucket(limit + 1), bucket + 1) << limit;
    }
    for (int bit = 31; bit < 64; ++bit)
        EXPECT_EQ(wgs_crypto_bucket(std::uint64_t{1} << bit), WGS_CRYPTO_BUCKETS - 1U) << bit;
    EXPECT_EQ(wgs_crypto_bucket(UINT64_MAX), WGS_CRYPTO_BUCKETS - 1U);
}

TEST(LapHash, KeepsTheBitsByWhichQueuesAreChosen) {
    for (const std::uint32_t flow : {0U, 0x12345678U, 0xffffffffU}) {
        for (const std::uint32_t number : {0U, 1U, 0x123U, 0xfffU, 0xfffff123U}) {
            const std::uint32_t hash = wgs_lap_hash(flow, number);
            EXPECT_EQ(hash >> 22, flow >> 22);
            EXPECT_EQ(hash & 0x3ff, flow & 0x3ff);
            EXPECT_EQ(hash >> 10 & 0xfff, number & 0xfff);
            EXPECT_EQ(wgs_lap_slot(hash), number % WGS_LAPS);
        }
    }
}

TEST(CryptoLatency, SaysNothingWithoutSamples) {
    const wgs_crypto none{};
    EXPECT_EQ(samples_of(none), 0U);
    EXPECT_FALSE(mean_of(none));
    EXPECT_FALSE(quantile_of(none, 0.5));
}

TEST(CryptoLatency, FindsQuantilesWithinTheirBucket) {
    wgs_crypto crypto{.nanoseconds = 1'000'000};
    crypto.buckets[3] = 80;   // 4 to 8 microseconds
    crypto.buckets[10] = 20;  // 512 to 1024
    EXPECT_EQ(samples_of(crypto), 100U);
    EXPECT_EQ(mean_of(crypto), 10us);
    EXPECT_EQ(quantile_of(crypto, 0.4), 6us);
    EXPECT_EQ(quantile_of(crypto, 0.8), 8us);
    EXPECT_EQ(quantile_of(crypto, 0.9), 768us);
    EXPECT_EQ(quantile_of(crypto, 1), 1024us);
}

TEST(CryptoLatency, TakesTheLastBucketForItsLowerLimit) {
    wgs_crypto crypto{};
    crypto.buckets[WGS_CRYPTO_BUCKETS - 1] = 1;
    EXPECT_EQ(quantile_of(crypto, 0.99), 1'048'576us);
}

TEST(CryptoLatency, IsMeasuredWithWireguardInTheKernelOnly) {
    Example example;
    AgentView view = example.view();
    view.backend = BackendKind::userspace;
    EXPECT_FALSE(times_packets(example.config, view.backend));
    view.backend = BackendKind::kernel;
    EXPECT_TRUE(times_packets(example.config, view.backend));
    example.config.crypto_latency = false;
    EXPECT_FALSE(times_packets(example.config, view.backend));
}

}  // namespace
}  // namespace wgs
