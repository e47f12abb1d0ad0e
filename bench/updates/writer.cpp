// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "bench/lab/must.h"
#include "bench/lab/sandbox.h"
#include "bench/lookup/ours.h"
#include "bench/measure/turns.h"
#include "bench/updates/suite.h"

namespace wgs::bench {
namespace {

// Writes on another CPU from construction on.
class Writer {
  public:
    Writer(int cpu, std::function<void()> write) {
        thread_ = std::thread([this, cpu, write = std::move(write)] {
            const OnCpu pinned(cpu);
            while (!ending_)
                write();
        });
    }
    ~Writer() {
        ending_ = true;
        thread_.join();
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

  private:
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

// Gives the n-th prefix to another peer with each call.
template <class Row, class Write>
std::function<void()> mover(std::vector<Row> rows, Write write) {
    return [rows = std::move(rows), write, at = std::size_t{0}]() mutable {
        Row& row = rows[at++ % rows.size()];
        row.owner ^= 1;
        write(row);
    };
}

// A table, and how to move a prefix in it.
struct Subject {
    const Chase* chase;
    std::function<void()> move;
};

void compare(const Plan& plan, const Chase& loop, const std::vector<Subject>& subjects, int cpu,
             Run& run) {
    Measurement empty;
    const auto time = [&](const Chase& chase) {
        return chase.run(Family::v4, plan.lookups).nanoseconds;
    };
    std::vector<Turn> turns{{.result = &empty, .sample = [&] { return time(loop); }}};
    for (const Subject& subject : subjects) {
        const Labels kind{{"kind", subject.chase->kind()}};
        turns.push_back({.result = &run.add("writer", with(kind, "table", "quiet"), "ns"),
                         .sample = [&] { return time(*subject.chase); }});
        turns.push_back(
            {.result = &run.add("writer", with(kind, "table", "busy"), "ns"), .sample = [&, cpu] {
                 const Writer writer(cpu, subject.move);
                 return time(*subject.chase);
             }});
    }
    take_turns(turns, plan.path_rounds);
    for (const Turn& turn : turns)
        for (double& sample : turn.result->samples)
            if (turn.result != &empty) sample = std::max(0.0, sample - empty.median());
}

}  // namespace

void measure_beside_writer(const Plan& plan, Run& run) {
    plan.progress("lookups beside a writer");
    const std::vector<int> cpus = usable_cpus();
    if (cpus.size() < 2) {
        run.notes.emplace_back("lookups beside a writer, because there is one CPU only");
        return;
    }
    const Sandbox sandbox;
    const OnCpu pinned(cpus.front());
    const auto prefixes = make_prefixes(Family::v4, plan.path_size, 8);
    const Destinations destinations;
    destinations.choose(Family::v4, make_destinations(prefixes, Choice::random));
    const auto loop = make_empty(destinations);
    const OurChase ours(destinations, prefixes);
    const auto lpm = make_lpm(destinations, prefixes);
    const int lpm_map = lpm->object().map("wgs_lpm4");
    compare(plan, *loop,
            {{.chase = &ours,
              .move = mover(rows4_of(prefixes),
                            [&](const Trie4::Row& row) {
                                must(ours.tables().ipv4().set(row.prefix, row.owner));
                            })},
             {.chase = lpm.get(),
              .move = mover(prefixes,
                            [&](const OwnedPrefix& row) {
                                const wgs_prefix4 key = key_of_ipv4(row.prefix);
                                must_call(
                                    bpf_map_update_elem(lpm_map, &key, &row.owner, BPF_ANY) == 0,
                                    "move a prefix");
                            })}},
            cpus.back(), run);
}

}  // namespace wgs::bench
