// SPDX-License-Identifier: Apache-2.0
// The `source` key of the configuration file.
#pragma once

#include "base/yaml.h"
#include "model/config.h"

namespace wgs {

// Exactly one of directory, kubernetes, etcd and felix.
Result<SourceConfig> read_source_config(const YamlValue& value);

}  // namespace wgs
