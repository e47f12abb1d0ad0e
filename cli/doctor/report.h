// SPDX-License-Identifier: Apache-2.0
// One archive with what a bug report needs, and no secrets.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/client.h"
#include "cli/doctor/facts.h"
#include "cli/doctor/finding.h"

namespace wgs::cli {

std::string render_findings(const Findings& findings);
std::string findings_document(const Findings& findings);

// Everything in these files, in every form in which it could show up in a text. The files are those
// of the agent's state and what its configuration calls secret.
std::vector<std::string> secrets_of(const Config& config);
// Without any of `secrets`.
std::string cleansed(std::string text, const std::vector<std::string>& secrets);

// Mode 0600; replaces a file that is there.
Status write_report(const std::string& path, const Client& client, const Facts& facts,
                    const Findings& findings);

}  // namespace wgs::cli
