// SPDX-License-Identifier: Apache-2.0
// Calico's Felix as the source: this process is the dataplane driver that Felix has started.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "felix/node_table.h"
#include "felix/parameters.h"
#include "felix/pipe.h"
#include "source/source.h"

namespace wgs::felix {

// Why there will be nothing more to hear.
enum class End {
    felix_gone,  // it has closed its pipe
    restart,     // it has changed what cannot change while we run; it starts us anew when we end
    broken       // the stream makes no sense any more
};

struct FelixOptions {
    std::string self;  // this node's name
    Parameters parameters;
    // Called once, from within dispatch() or publish().
    std::function<void(End end, const std::string& message)> on_end;

    std::chrono::milliseconds status{10'000};  // between two signs of life
    std::chrono::milliseconds retry{100};      // while Felix does not listen
    std::function<SteadyTime()> now = &std::chrono::steady_clock::now;
};

// Tells nothing before Felix has told everything (InSync): until then nodes are known in pieces.
class FelixSource final : public Source {
  public:
    // After the configuration has been taken from the pipe. The sink must outlive the source.
    FelixSource(FelixOptions options, Pipe pipe, SourceSink& sink);

    void start() override;
    void dispatch() override;
    [[nodiscard]] int fd() const override { return pipe_.fd(); }
    [[nodiscard]] std::optional<SteadyTime> next_timeout() const override;

    // Felix writes the key into the datastore, for which it needs no more of us than its text.
    Status publish(const NodeInfo& self) override;
    Status withdraw() override;

    [[nodiscard]] std::vector<Problem> problems() const override;

  private:
    void take_frames();
    void take(std::string_view frame);
    void handle(const Message& message);
    void end(End end, const std::string& message);
    void tell();
    void speak();
    void correct_own_key(Family family);
    void note(const std::string& object, const Status& status);

    FelixOptions options_;
    Pipe pipe_;
    SourceSink& sink_;
    NodeTable table_;

    bool in_sync_ = false;
    bool complete_ = false;
    bool ended_ = false;
    SteadyTime started_;
    SteadyTime next_status_;
    std::array<std::optional<std::string>, 2> own_keys_;  // as told to Felix, by family
    std::map<std::string, std::string> problems_;         // messages by object
};

}  // namespace wgs::felix
