// SPDX-License-Identifier: Apache-2.0
#include "source/etcd_messages.h"

#include <sodium.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace wgs {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxErrorText = 256;

std::string to_base64(std::string_view bytes) {
    std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text as bytes.
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    sodium_bin2base64(text.data(), text.size(), data, bytes.size(), sodium_base64_VARIANT_ORIGINAL);
    text.pop_back();  // the terminator
    return text;
}

std::optional<std::string> from_base64(const std::string& text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text as bytes.
    auto* data = reinterpret_cast<unsigned char*>(bytes.data());
    if (sodium_base642bin(data, bytes.size(), text.data(), text.size(), nullptr, &size, nullptr,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return std::nullopt;
    }
    bytes.resize(size);
    return bytes;
}

// Reads the members of an object; the first one of a wrong kind is remembered.
class Reader {
  public:
    explicit Reader(const Json& object) : object_(object) {
        if (!object.is_object()) failure_ = invalid("expected an object");
    }

    [[nodiscard]] const Json* find(const char* name) const {
        if (!object_.is_object()) return nullptr;
        const auto found = object_.find(name);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }

    // A 64-bit number, as a number or as text.
    template <class T>
    T number(const char* name) {
        const Json* value = find(name);
        if (value == nullptr) return 0;
        if (value->is_number_unsigned()) {
            const auto plain = value->get<std::uint64_t>();
            if (std::in_range<T>(plain)) return static_cast<T>(plain);
        }
        if (const auto* text = value->get_ptr<const std::string*>()) {
            T result = 0;
            const char* const end = text->data() + text->size();
            const auto parsed = std::from_chars(text->data(), end, result);
            if (parsed.ec == std::errc() && parsed.ptr == end) return result;
        }
        return fail<T>(name, "expected a number");
    }

    bool flag(const char* name) {
        const Json* value = find(name);
        if (value == nullptr) return false;
        if (value->is_boolean()) return value->get<bool>();
        return fail<bool>(name, "expected true or false");
    }

    std::string text(const char* name) {
        const Json* value = find(name);
        if (value == nullptr) return {};
        if (value->is_string()) return value->get<std::string>();
        return fail<std::string>(name, "expected a string");
    }

    std::string bytes(const char* name) {
        auto decoded = from_base64(text(name));
        if (decoded) return std::move(*decoded);
        return fail<std::string>(name, "expected base64");
    }

    // An empty list if it is missing.
    const Json& list(const char* name) {
        static const Json kNone = Json::array();
        const Json* value = find(name);
        if (value == nullptr) return kNone;
        if (value->is_array()) return *value;
        fail<int>(name, "expected a list");
        return kNone;
    }

    template <class T>
    Result<T> result(T value) const {
        if (!failure_) return tl::unexpected(failure_.error());
        return value;
    }

  private:
    template <class T>
    T fail(const char* name, const char* what) {
        if (failure_) failure_ = invalid(std::string(name) + ": " + what);
        return T{};
    }

    const Json& object_;
    Status failure_;
};

Result<Json> parse_object(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_object()) return json;
    return invalid("not a JSON object: " + in_quotes(text));
}

Result<EtcdHeader> read_header(const Reader& answer) {
    const Json* object = answer.find("header");
    if (object == nullptr) return invalid("header is missing");
    Reader header(*object);
    return header.result(EtcdHeader{.cluster = header.number<std::uint64_t>("cluster_id"),
                                    .revision = header.number<std::int64_t>("revision"),
                                    .term = header.number<std::uint64_t>("raft_term")});
}

Result<EtcdEntry> read_entry(const Json& object) {
    Reader entry(object);
    return entry.result(EtcdEntry{.key = entry.bytes("key"),
                                  .value = entry.bytes("value"),
                                  .lease = entry.number<std::int64_t>("lease"),
                                  .revision = entry.number<std::int64_t>("mod_revision")});
}

Result<EtcdEvent> read_event(const Json& object) {
    Reader event(object);
    const std::string type = event.text("type");
    const Json* entry = event.find("kv");
    if (entry == nullptr) return invalid("kv is missing");
    if (!type.empty() && type != "PUT" && type != "DELETE")
        return invalid("type: " + in_quotes(type) + " is unknown");
    EtcdEvent result{.entry = WGS_TRY(read_entry(*entry)), .deleted = type == "DELETE"};
    return event.result(std::move(result));
}

// Streams wrap each answer in "result"; an error takes its place.
Result<const Json*> unwrap(const Json& root) {
    if (root.contains("error")) return invalid(error_text(root.dump()));
    const auto result = root.find("result");
    if (result == root.end()) return invalid("result is missing");
    return &*result;
}

Json lease_json(std::int64_t lease) {
    return std::to_string(lease);
}

}  // namespace

std::string range_end_of(std::string prefix) {
    while (!prefix.empty() && prefix.back() == '\xff')
        prefix.pop_back();
    if (prefix.empty()) return std::string(1, '\0');  // etcd's way to say: to the very end
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

std::string format_range(const EtcdRangeRequest& request) {
    Json json{{"key", to_base64(request.key)}};
    if (!request.end.empty()) json["range_end"] = to_base64(request.end);
    if (request.limit != 0) json["limit"] = std::to_string(request.limit);
    if (request.revision != 0) json["revision"] = std::to_string(request.revision);
    return json.dump();
}

std::string format_watch(const std::string& key, const std::string& end, std::int64_t revision) {
    return Json{{"create_request",
                 {{"key", to_base64(key)},
                  {"range_end", to_base64(end)},
                  {"start_revision", std::to_string(revision)},
                  {"progress_notify", true},
                  {"fragment", true}}}}
        .dump();
}

std::string format_grant(std::chrono::seconds ttl) {
    return Json{{"TTL", std::to_string(ttl.count())}}.dump();
}

std::string format_keepalive(std::int64_t lease) {
    return Json{{"ID", lease_json(lease)}}.dump();
}

std::string format_put(const std::string& key, const std::string& value, std::int64_t lease) {
    return Json{{"key", to_base64(key)}, {"value", to_base64(value)}, {"lease", lease_json(lease)}}
        .dump();
}

std::string format_delete(const std::string& key) {
    return Json{{"key", to_base64(key)}}.dump();
}

std::string format_authenticate(const std::string& name, const std::string& password) {
    return Json{{"name", name}, {"password", password}}.dump(-1, ' ', false,
                                                             Json::error_handler_t::replace);
}

Result<EtcdPage> parse_page(std::string_view text) {
    const Json root = WGS_TRY(parse_object(text));
    Reader answer(root);
    EtcdPage page{.header = WGS_TRY(read_header(answer)), .more = answer.flag("more")};
    for (const Json& entry : answer.list("kvs"))
        page.entries.push_back(WGS_TRY(read_entry(entry)));
    return answer.result(std::move(page));
}

Result<EtcdHeader> parse_header(std::string_view text) {
    const Json root = WGS_TRY(parse_object(text));
    return read_header(Reader(root));
}

Result<EtcdLease> parse_lease(std::string_view text) {
    const Json root = WGS_TRY(parse_object(text));
    const Json* inner = root.contains("ID") ? &root : WGS_TRY(unwrap(root));
    Reader answer(*inner);
    const auto ttl = std::chrono::seconds(answer.number<std::int32_t>("TTL"));
    return answer.result(EtcdLease{.header = WGS_TRY(read_header(answer)),
                                   .id = answer.number<std::int64_t>("ID"),
                                   .ttl = ttl});
}

Result<std::string> parse_token(std::string_view text) {
    const Json root = WGS_TRY(parse_object(text));
    Reader answer(root);
    std::string token = WGS_TRY(answer.result(answer.text("token")));
    const bool printable = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
    if (token.empty() || !printable) return invalid("token is missing");
    return token;
}

Result<EtcdWatchAnswer> parse_watch_answer(std::string_view text) {
    const Json root = WGS_TRY(parse_object(text));
    const Json* inner = WGS_TRY(unwrap(root));
    Reader answer(*inner);
    EtcdWatchAnswer result{.header = WGS_TRY(read_header(answer)),
                           .events = {},
                           .created = answer.flag("created"),
                           .canceled = answer.flag("canceled"),
                           .fragment = answer.flag("fragment"),
                           .compact_revision = answer.number<std::int64_t>("compact_revision"),
                           .cancel_reason = answer.text("cancel_reason")};
    for (const Json& event : answer.list("events"))
        result.events.push_back(WGS_TRY(read_event(event)));
    return answer.result(std::move(result));
}

std::string error_text(std::string_view body) {
    const Json root = Json::parse(body, nullptr, false);
    if (!root.is_object()) return in_quotes(body);
    for (const Json* place : {&root, root.contains("error") ? &root["error"] : &root}) {
        if (!place->is_object()) continue;
        for (const char* name : {"message", "error"}) {
            const auto found = place->find(name);
            if (found == place->end() || !found->is_string()) continue;
            std::string text = in_quotes(found->get<std::string>().substr(0, kMaxErrorText));
            return text.substr(1, text.size() - 2);
        }
    }
    return in_quotes(body);
}

}  // namespace wgs
