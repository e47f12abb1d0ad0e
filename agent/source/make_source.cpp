// SPDX-License-Identifier: Apache-2.0
#include "source/make_source.h"

#include <variant>

#include "source/directory.h"
#include "source/etcd.h"

namespace wgs {
namespace {

using Made = Result<std::unique_ptr<Source>>;

// One overload per kind.
struct Maker {
    const Config& config;
    SourceSink& sink;

    Made operator()(const DirectoryConfig& directory) const {
        return std::make_unique<DirectorySource>(
            DirectoryOptions{.path = directory.path, .self = config.node}, sink);
    }
    Made operator()(const FelixConfig&) const {
        return make_error(std::errc::operation_not_supported,
                          "source felix: Felix starts wgsteer-felix itself, as its driver");
    }
    Made operator()(const EtcdConfig& etcd) const {
        return WGS_TRY(EtcdSource::create({.config = etcd, .self = config.node}, sink));
    }
    // Whatever has no overload of its own.
    template <class Other>
    Made operator()(const Other&) const {
        return make_error(std::errc::not_supported, "this kind of source is not supported yet");
    }
};

}  // namespace

Made make_source(const Config& config, SourceSink& sink) {
    return std::visit(Maker{.config = config, .sink = sink}, config.source);
}

}  // namespace wgs
