// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/json.h"

#include <nlohmann/json.hpp>

namespace wgs::bench {
namespace {

using Json = nlohmann::json;

Json to_json(const Measurement& one) {
    return {{"subject", one.subject}, {"labels", one.labels},   {"unit", one.unit},
            {"median", one.median()}, {"lowest", one.lowest()}, {"highest", one.highest()},
            {"spread", one.spread()}, {"samples", one.samples}};
}

}  // namespace

Json to_json(const Run& run) {
    Json measurements = Json::array();
    for (const Measurement& one : run.measurements)
        measurements.push_back(to_json(one));
    return {{"machine", run.machine},
            {"settings", run.settings},
            {"notes", run.notes},
            {"measurements", measurements}};
}

Run run_from_json(const Json& document) {
    Run run{.machine = document.at("machine"),
            .settings = document.at("settings"),
            .notes = document.at("notes")};
    for (const Json& one : document.at("measurements"))
        run.add(one.at("subject"), one.at("labels"), one.at("unit")).samples =
            one.at("samples").get<std::vector<double>>();
    return run;
}

}  // namespace wgs::bench
