// SPDX-License-Identifier: Apache-2.0
// The source that the configuration asks for.
#pragma once

#include <memory>

#include "model/config.h"
#include "source/source.h"

namespace wgs {

// Not yet started. The sink must outlive it.
Result<std::unique_ptr<Source>> make_source(const Config& config, SourceSink& sink);

// Where a source remembers how its servers are reached; there may be none.
[[nodiscard]] std::filesystem::path api_server_file(const Config& config);

}  // namespace wgs
