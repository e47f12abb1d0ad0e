// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/text.h"

namespace wgs {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxKeyLength = 128;

std::string located(const std::string& file, int line, std::string_view key,
                    std::string_view what) {
    std::string message = file + ":" + std::to_string(line) + ": ";
    if (!key.empty()) message.append(key).append(": ");
    return message.append(what);
}

// yaml-cpp marks a plain node "?" and a quoted one "!"; anything else was written out as a tag.
bool is_explicit_tag(const std::string& tag) {
    return !tag.empty() && tag != "?" && tag != "!";
}

// yaml-cpp takes a line break at the end of the text for the end of a quoted scalar that is still
// open.
std::string_view without_trailing_space(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

bool is_presentable_key(std::string_view key) {
    return !key.empty() && key.size() <= kMaxKeyLength &&
           std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

// Builds the tree from yaml-cpp's events. Throwing is yaml-cpp's way to stop a parse; parse()
// catches.
class YamlBuilder : public YAML::EventHandler {
  public:
    explicit YamlBuilder(const std::string& file)
        : file_(std::make_shared<const std::string>(file)) {
        root_.kind_ = YamlValue::Kind::map;
        root_.file_ = file_;
    }

    [[nodiscard]] YamlValue take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (takes_key()) refuse(mark, "a key is missing");
        YamlValue value = make(mark, YamlValue::Kind::null, {}, anchor);
        if (!open_.empty()) add(std::move(value));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        refuse(mark, "aliases are not allowed");
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (takes_key()) return take_key(mark, tag, anchor, value);
        YamlValue scalar = make(mark, YamlValue::Kind::scalar, tag, anchor);
        scalar.scalar_ = value;
        add(std::move(scalar));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(mark, YamlValue::Kind::list, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(mark, YamlValue::Kind::map, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    // A list or map whose end has not been seen; `key` waits for its value.
    struct Open {
        YamlValue value;
        std::optional<std::string> key;
    };

    [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& what) {
        throw YAML::ParserException(mark, what);
    }

    [[nodiscard]] bool takes_key() const {
        return !open_.empty() && open_.back().value.kind_ == YamlValue::Kind::map &&
               !open_.back().key;
    }

    [[nodiscard]] std::string path() const {
        if (open_.empty()) return {};
        const Open& parent = open_.back();
        if (parent.value.kind_ == YamlValue::Kind::list) {
            return parent.value.key_ + "[" + std::to_string(parent.value.items_.size()) + "]";
        }
        return child_path(parent.value, *parent.key);
    }

    static std::string child_path(const YamlValue& map, const std::string& key) {
        return map.key_.empty() ? key : map.key_ + "." + key;
    }

    static void refuse_decoration(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor) {
        if (anchor != 0) refuse(mark, "anchors are not allowed");
        if (is_explicit_tag(tag)) refuse(mark, "tags are not allowed");
    }

    [[nodiscard]] YamlValue make(const YAML::Mark& mark, YamlValue::Kind kind,
                                 const std::string& tag, YAML::anchor_t anchor) const {
        refuse_decoration(mark, tag, anchor);
        YamlValue value;
        value.kind_ = kind;
        value.line_ = mark.line + 1;
        value.key_ = path();
        value.file_ = file_;
        return value;
    }

    void take_key(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& key) {
        refuse_decoration(mark, tag, anchor);
        if (!is_presentable_key(key)) refuse(mark, in_quotes(key) + " is not a valid key");
        Open& map = open_.back();
        if (map.value.entries_.contains(key)) {
            refuse(mark, child_path(map.value, key) + ": the key appears twice");
        }
        map.key = key;
    }

    void open(const YAML::Mark& mark, YamlValue::Kind kind, const std::string& tag,
              YAML::anchor_t anchor) {
        if (takes_key()) refuse(mark, "a key must be a word");
        if (open_.size() == kMaxDepth) refuse(mark, "nested too deeply");
        open_.push_back({.value = make(mark, kind, tag, anchor), .key = {}});
    }

    void close() {
        YamlValue value = std::move(open_.back().value);
        open_.pop_back();
        add(std::move(value));
    }

    void add(YamlValue&& value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& parent = open_.back();
        if (parent.value.kind_ == YamlValue::Kind::list) {
            parent.value.items_.push_back(std::move(value));
        } else {
            parent.value.entries_.emplace(*std::exchange(parent.key, {}), std::move(value));
        }
    }

    std::shared_ptr<const std::string> file_;
    YamlValue root_;
    std::vector<Open> open_;
};

Result<YamlValue> YamlValue::parse(std::string_view text, const std::string& file) {
    if (const auto offset = find_non_text(text)) {
        const auto newlines =
            std::count(text.begin(), text.begin() + static_cast<long>(*offset), '\n');
        return invalid(located(file, static_cast<int>(newlines) + 1, {}, "not valid UTF-8 text"));
    }
    try {
        std::istringstream input{std::string(without_trailing_space(text))};
        YAML::Parser parser(input);
        YamlBuilder builder(file);
        parser.HandleNextDocument(builder);
        YamlValue root = builder.take_root();
        if (parser.HandleNextDocument(builder)) {
            return invalid(located(file, builder.take_root().line_, {}, "more than one document"));
        }
        return root;
    } catch (const YAML::Exception& e) {
        return invalid(located(file, std::max(e.mark.line, 0) + 1, {}, e.msg));
    }
}

Result<std::string> YamlValue::as_string() const {
    if (kind_ != Kind::scalar) return error("expected a single value");
    return scalar_;
}

Result<bool> YamlValue::as_bool() const {
    if (kind_ == Kind::scalar && scalar_ == "true") return true;
    if (kind_ == Kind::scalar && scalar_ == "false") return false;
    return error("expected true or false");
}

Result<std::int64_t> YamlValue::as_integer(std::int64_t low, std::int64_t high) const {
    const bool hex = scalar_.starts_with("0x");
    const char* const begin = scalar_.data() + (hex ? 2 : 0);
    const char* const end = scalar_.data() + scalar_.size();
    std::int64_t number = 0;
    const auto parsed = std::from_chars(begin, end, number, hex ? 16 : 10);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == end && !(hex && *begin == '-');
    if (kind_ == Kind::scalar && whole && number >= low && number <= high) return number;
    return error("expected an integer from " + std::to_string(low) + " to " + std::to_string(high));
}

tl::unexpected<Error> YamlValue::error(std::string_view what) const {
    return invalid(located(*file_, line_, key_, what));
}

const YamlValue* YamlValue::find(std::string_view key) const {
    const auto entry = entries_.find(std::string(key));
    return entry == entries_.end() ? nullptr : &entry->second;
}

Status YamlValue::only(std::span<const std::string_view> known) const {
    if (kind_ != Kind::map) return error("expected keys and values");
    const YamlValue* first = nullptr;
    for (const auto& [key, value] : entries_) {
        const bool is_known = std::find(known.begin(), known.end(), key) != known.end();
        if (!is_known && (first == nullptr || value.line_ < first->line_)) first = &value;
    }
    if (first != nullptr) return first->error("unknown key");
    return {};
}

}  // namespace wgs
