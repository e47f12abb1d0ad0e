// SPDX-License-Identifier: Apache-2.0
#include "pcapng.h"

#include <string_view>

#include "base/version.h"

namespace wgs::cli {
namespace {

// Block types and options of the format.
enum BlockType : std::uint32_t { section = 0x0a0d0d0a, interface = 1, enhanced_packet = 6 };
enum Option : std::uint16_t {
    end_of_options = 0,
    comment = 1,
    packet_flags = 2,
    interface_name = 2,
    interface_description = 3,
    user_application = 4,
    timestamp_resolution = 9
};
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint16_t kRawIp = 101;  // LINKTYPE_RAW
constexpr char kNanoseconds = 9;       // ten to the minus ninth

// One block, in the byte order of this machine, as the format has it.
class Block {
  public:
    void u16(std::uint16_t value) { number(value); }
    void u32(std::uint32_t value) { number(value); }
    void bytes(std::string_view text) {
        content_ += text;
        content_.resize((content_.size() + 3) / 4 * 4);
    }
    void option(std::uint16_t code, std::string_view value) {
        u16(code);
        u16(static_cast<std::uint16_t>(value.size()));
        bytes(value);
    }
    // Its length stands at both ends.
    [[nodiscard]] std::string finish(std::uint32_t type) const {
        Block all;
        const auto size = static_cast<std::uint32_t>(content_.size() + 3 * sizeof(std::uint32_t));
        all.u32(type);
        all.u32(size);
        all.content_ += content_;
        all.u32(size);
        return all.content_;
    }

  private:
    template <class T>
    void number(T value) {
        content_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    std::string content_;
};

std::string describe_interface(const std::string& device, const std::string& hook) {
    Block block;
    block.u16(kRawIp);
    block.u16(0);
    block.u32(0);  // no limit to the packets' length
    block.option(interface_name, device);
    block.option(interface_description, hook);
    block.option(timestamp_resolution, {&kNanoseconds, 1});
    block.option(end_of_options, "");
    return block.finish(interface);
}

}  // namespace

std::string Pcapng::header() {
    Block block;
    block.u32(kByteOrder);
    block.u16(1);  // version 1.0
    block.u16(0);
    block.u32(0xffffffff);  // the section's length: not said
    block.u32(0xffffffff);
    block.option(user_application, "wgsteer " + std::string(kVersion));
    block.option(end_of_options, "");
    return block.finish(section);
}

std::string Pcapng::packet(const CapturedPacket& packet) {
    std::string result;
    const auto next = static_cast<std::uint32_t>(interfaces_.size());
    const auto [known, is_new] = interfaces_.try_emplace({packet.device, packet.hook}, next);
    if (is_new) result = describe_interface(packet.device, packet.hook);

    const auto time = static_cast<std::uint64_t>(packet.time_ns);
    const auto direction = static_cast<std::uint32_t>(packet.direction);
    Block block;
    block.u32(known->second);
    block.u32(static_cast<std::uint32_t>(time >> 32));
    block.u32(static_cast<std::uint32_t>(time));
    block.u32(static_cast<std::uint32_t>(packet.bytes.size()));
    block.u32(packet.length);
    block.bytes({reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()});
    block.option(comment, packet.comment);
    block.option(packet_flags, {reinterpret_cast<const char*>(&direction), sizeof direction});
    block.option(end_of_options, "");
    return result + block.finish(enhanced_packet);
}

}  // namespace wgs::cli
