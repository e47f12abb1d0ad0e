// SPDX-License-Identifier: Apache-2.0
#include "service/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>

#include "base/unique_fd.h"

namespace wgs {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

struct Pipe {
    Pipe() {
        int ends[2] = {};
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("pipe2");
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    void put(char byte) const { ASSERT_EQ(::write(writer.get(), &byte, 1), 1); }
    char take() const {
        char byte = 0;
        return ::read(reader.get(), &byte, 1) == 1 ? byte : '\0';
    }
    UniqueFd reader;
    UniqueFd writer;
};

class Loop : public testing::Test {
  protected:
    EventLoop::Source timer(EventLoop::Callback callback) {
        return loop_.timer(std::move(callback)).value();
    }
    EventLoop::Source armed(std::chrono::microseconds delay, EventLoop::Callback callback) {
        EventLoop::Source source = timer(std::move(callback));
        EXPECT_TRUE(loop_.arm(source, delay));
        return source;
    }
    // Runs the loop that long, or until something else ends it.
    int run_for(std::chrono::milliseconds duration) {
        const auto end = armed(duration, [this] { loop_.exit(kTimeOut); });
        return loop_.run().value();
    }

    static constexpr int kTimeOut = 99;
    EventLoop loop_ = EventLoop::create().value();
};

TEST_F(Loop, ReturnsTheCodeItIsEndedWith) {
    const auto end = armed(0us, [this] { loop_.exit(7); });
    EXPECT_EQ(loop_.run().value(), 7);
}

TEST_F(Loop, KeepsItsRegistrationsWhenMoved) {
    const auto end = armed(0us, [this] { loop_.exit(7); });
    EventLoop moved = std::move(loop_);
    loop_ = std::move(moved);
    EXPECT_EQ(run_for(5s), 7);
}

TEST_F(Loop, CallsATimerOnceAndNotTooEarly) {
    int calls = 0;
    Steady::time_point called;
    const auto begin = Steady::now();
    const auto source = armed(10ms, [&] {
        ++calls;
        called = Steady::now();
    });
    run_for(60ms);
    EXPECT_EQ(calls, 1);
    EXPECT_GE(called - begin, 10ms);
}

TEST_F(Loop, NeverCallsATimerThatIsNotArmed) {
    const auto source = timer([] { FAIL(); });
    run_for(20ms);
}

TEST_F(Loop, MovesAnArmedTimerSooner) {
    auto source = armed(1h, [this] { loop_.exit(1); });
    ASSERT_TRUE(loop_.arm(source, 5ms));
    EXPECT_EQ(run_for(5s), 1);
}

TEST_F(Loop, MovesAnArmedTimerLater) {
    auto source = armed(5ms, [this] { loop_.exit(1); });
    ASSERT_TRUE(loop_.arm(source, 1h));
    EXPECT_EQ(run_for(50ms), kTimeOut);
}

TEST_F(Loop, LetsATimerArmItselfAgain) {
    int calls = 0;
    EventLoop::Source source;
    source = armed(0us, [&] {
        if (++calls == 3) return loop_.exit(1);
        EXPECT_TRUE(loop_.arm(source, 1ms));
    });
    EXPECT_EQ(run_for(5s), 1);
    EXPECT_EQ(calls, 3);
}

TEST_F(Loop, NeverCallsADestroyedTimer) {
    {
        const auto source = armed(1ms, [] { FAIL(); });
    }
    run_for(20ms);
}

TEST_F(Loop, LetsASourceDestroyItself) {
    std::optional<EventLoop::Source> source;
    const auto owned = std::make_shared<int>(1);
    source = armed(0us, [&, owned] {
        source.reset();
        EXPECT_EQ(*owned, 1);  // what the callback holds outlives its registration
        loop_.exit(*owned);
    });
    EXPECT_EQ(run_for(5s), 1);
}

TEST_F(Loop, LetsASourceReplaceItself) {
    EventLoop::Source source;
    source = armed(0us, [&] { source = armed(0us, [this] { loop_.exit(2); }); });
    EXPECT_EQ(run_for(5s), 2);
}

// Both are due in the same turn; whichever comes first ends the other.
TEST_F(Loop, LetsASourceDestroyAnotherThatIsDueToo) {
    const Pipe one;
    const Pipe other;
    one.put('x');
    other.put('x');
    int calls = 0;
    std::optional<EventLoop::Source> first;
    std::optional<EventLoop::Source> second;
    first = loop_
                .on_readable(one.reader.get(),
                             [&] {
                                 ++calls;
                                 one.take();
                                 second.reset();
                             })
                .value();
    second = loop_
                 .on_readable(other.reader.get(),
                              [&] {
                                  ++calls;
                                  other.take();
                                  first.reset();
                              })
                 .value();
    run_for(20ms);
    EXPECT_EQ(calls, 1);
}

TEST_F(Loop, CallsForEachByteLeftToRead) {
    const Pipe pipe;
    for (const char byte : {'a', 'b', 'c'})
        pipe.put(byte);
    std::string read;
    const auto source = loop_
                            .on_readable(pipe.reader.get(),
                                         [&] {
                                             read += pipe.take();
                                             if (read.size() == 3) loop_.exit(1);
                                         })
                            .value();
    EXPECT_EQ(run_for(5s), 1);
    EXPECT_EQ(read, "abc");
}

TEST_F(Loop, CallsWhenTheOtherEndIsClosed) {
    Pipe pipe;
    const auto source = loop_.on_readable(pipe.reader.get(), [&] { loop_.exit(1); }).value();
    pipe.writer.reset();
    EXPECT_EQ(run_for(5s), 1);
}

TEST_F(Loop, CallsWhenAProcessHasEnded) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    ASSERT_TRUE(process);
    const auto source = loop_.on_readable(process.get(), [this] { loop_.exit(1); }).value();
    EXPECT_EQ(run_for(5s), 1);
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(Loop, NamesADescriptorThatCannotBeWatched) {
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    const auto source = loop_.on_readable(file.get(), [] {});
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().message, "watch descriptor: Operation not permitted");
}

TEST_F(Loop, CallsForASignal) {
    int calls = 0;
    const auto source = loop_
                            .on_signal(SIGUSR1,
                                       [&] {
                                           ++calls;
                                           loop_.exit(1);
                                       })
                            .value();
    ::raise(SIGUSR1);
    EXPECT_EQ(run_for(5s), 1);
    EXPECT_EQ(calls, 1);
}

TEST_F(Loop, TellsSignalsApart) {
    const auto one = loop_.on_signal(SIGUSR1, [this] { loop_.exit(1); }).value();
    const auto two = loop_.on_signal(SIGUSR2, [this] { loop_.exit(2); }).value();
    ::raise(SIGUSR2);
    EXPECT_EQ(run_for(5s), 2);
}

}  // namespace
}  // namespace wgs
