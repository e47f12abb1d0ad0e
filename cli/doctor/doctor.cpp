// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/doctor.h"

#include <algorithm>

#include "cli/doctor/checks.h"
#include "cli/doctor/report.h"
#include "cli/output.h"

namespace wgs::cli {

int run_doctor(const Client& client, const DoctorOptions& options, DoctorOutput output) {
    const Facts facts = gather(client, options);
    const Findings findings = examine(facts);
    print(output == DoctorOutput::json ? findings_document(findings) : render_findings(findings));
    if (!options.report.empty()) {
        const Status written = write_report(options.report, client, facts, findings);
        if (!written) return fail(kExitUsage, written.error().message);
    }
    const bool failed = std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.grade == Grade::failure; });
    return failed ? kExitBad : kExitFine;
}

}  // namespace wgs::cli
