// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/doctor/pinger.h"

namespace wgs::cli {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::uint32_t kSmall = 100;
constexpr int kTries = 2;
constexpr auto kPatience = 300ms;  // for each try

// A datagram to the port of a peer's WireGuard, which ignores what makes no sense to it. `refused`
// is set when a packet filter of this node takes it.
UniqueFd knock(const ProbeTarget& target, bool& refused) {
    const bool v4 = target.address.family() == Family::v4;
    UniqueFd socket(
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto bytes = target.address.bytes();
    sockaddr_in to4{.sin_family = AF_INET, .sin_port = htons(target.port)};
    sockaddr_in6 to6{.sin6_family = AF_INET6, .sin6_port = htons(target.port)};
    if (v4)
        std::memcpy(&to4.sin_addr, bytes.data(), bytes.size());
    else
        std::memcpy(&to6.sin6_addr, bytes.data(), bytes.size());
    const auto* to =
        v4 ? reinterpret_cast<const sockaddr*>(&to4) : reinterpret_cast<const sockaddr*>(&to6);
    const socklen_t size = v4 ? sizeof(to4) : sizeof(to6);
    if (socket && ::connect(socket.get(), to, size) == 0 && ::send(socket.get(), "", 1, 0) < 0)
        refused = errno == EPERM;
    return socket;
}

bool was_refused(const UniqueFd& socket) {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == ECONNREFUSED;
}

// One peer under examination.
struct Patient {
    const ProbeTarget* target = nullptr;
    std::optional<Pinger> pinger;
    UniqueFd knocked;
    bool refused = false;
    std::uint32_t passes = 0;  // bytes that do
    std::uint32_t fails = 0;   // bytes that do not; the wanted size plus one at first
    std::uint32_t trying = 0;  // 0: nothing

    [[nodiscard]] bool answered() const {
        return !pinger || trying == 0 || pinger->largest_answered() >= trying;
    }
};

// Sends what is being tried until all have answered, or twice.
void try_sizes(std::vector<Patient>& patients) {
    for (int attempt = 0; attempt < kTries; ++attempt) {
        std::vector<pollfd> waiting;
        for (Patient& patient : patients) {
            if (patient.answered()) continue;
            patient.pinger->send(patient.trying);
            waiting.push_back({.fd = patient.pinger->fd(), .events = POLLIN});
        }
        if (waiting.empty()) return;
        const auto end = Steady::now() + kPatience;
        while (Steady::now() < end && !std::ranges::all_of(patients, &Patient::answered)) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now());
            ::poll(waiting.data(), waiting.size(), static_cast<int>(std::max(left, 1ms).count()));
            for (Patient& patient : patients)
                if (patient.pinger) patient.pinger->receive();
        }
    }
}

void follow(Patient& patient) {
    if (patient.trying == 0) return;
    if (patient.answered())
        patient.passes = std::max(patient.passes, patient.trying);
    else
        patient.fails = std::min(patient.fails, patient.trying);
    patient.trying = 0;
}

// What a hop has said is tried first, and then one byte more.
std::uint32_t next_size(const Patient& patient) {
    const std::uint32_t said = patient.pinger->complaint_mtu();
    for (const std::uint32_t guess : {said, said + 1})
        if (guess > patient.passes && guess < patient.fails) return guess;
    return (patient.passes + patient.fails) / 2;
}

void search(std::vector<Patient>& patients) {
    for (;;) {
        bool any = false;
        for (Patient& patient : patients) {
            const bool reached = patient.pinger && patient.passes > 0;
            if (!reached || patient.passes >= patient.target->wanted) continue;
            if (patient.passes + 1 >= patient.fails) continue;
            patient.trying = next_size(patient);
            any = true;
        }
        if (!any) return;
        try_sizes(patients);
        std::ranges::for_each(patients, follow);
    }
}

std::vector<Patient> admit(const std::vector<ProbeTarget>& targets) {
    std::vector<Patient> patients;
    for (const ProbeTarget& target : targets) {
        Patient patient{.target = &target, .fails = target.wanted + 1};
        if (Result<Pinger> pinger = Pinger::open(target.address)) {
            patient.pinger = std::move(*pinger);
            patient.pinger->ask_for_time();
        }
        if (target.port != 0) patient.knocked = knock(target, patient.refused);
        patients.push_back(std::move(patient));
    }
    return patients;
}

ProbeFacts facts_of(const Patient& patient) {
    ProbeFacts facts{.peer = patient.target->peer,
                     .address = patient.target->address.to_string(),
                     .state = patient.target->state,
                     .sent = patient.pinger.has_value(),
                     .answers = patient.passes > 0,
                     .inside = patient.target->inside,
                     .wanted = patient.target->wanted,
                     .largest = patient.passes};
    facts.port_closed = patient.knocked && was_refused(patient.knocked);
    facts.refused = patient.refused;
    if (!patient.pinger) return facts;
    facts.hop = patient.pinger->complaint();
    facts.clock_ahead = patient.pinger->clock_ahead();
    return facts;
}

void try_all(std::vector<Patient>& patients, std::uint32_t(size)(const Patient&)) {
    for (Patient& patient : patients)
        patient.trying = patient.pinger ? size(patient) : 0;
    try_sizes(patients);
    std::ranges::for_each(patients, follow);
}

}  // namespace

std::vector<ProbeFacts> probe(const std::vector<ProbeTarget>& targets) {
    std::vector<Patient> patients = admit(targets);
    try_all(patients, [](const Patient&) { return kSmall; });
    try_all(patients,
            [](const Patient& patient) { return patient.passes > 0 ? patient.target->wanted : 0; });
    search(patients);
    std::vector<ProbeFacts> facts;
    for (const Patient& patient : patients)
        facts.push_back(facts_of(patient));
    return facts;
}

}  // namespace wgs::cli
