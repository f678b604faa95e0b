use serde_json::{Value, json};

use super::*;

fn executor(value: Value) -> Arc<dyn Executor> {
    serde_json::from_value::<AnyExecutor>(value).unwrap().into()
}

fn problems_of(value: Value) -> String {
    let mut problems = Problems::default();
    executor(value).validate(&mut problems);
    problems.to_string()
}

#[test]
fn each_executor_is_described_in_k6s_words() {
    for (value, description, facts) in [
        (
            json!({ "executor": "constant-vus", "vus": 10, "duration": "10s" }),
            "10 looping VUs for 10s",
            "",
        ),
        (
            json!({ "executor": "per-vu-iterations", "vus": 3, "iterations": 20 }),
            "20 iterations for each of 3 VUs",
            "maxDuration: 10m0s",
        ),
        (
            json!({ "executor": "shared-iterations", "vus": 3, "iterations": 20, "maxDuration": "90s" }),
            "20 iterations shared among 3 VUs",
            "maxDuration: 1m30s",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 90, "timeUnit": "1m",
                "duration": "1h", "preAllocatedVUs": 5 }),
            "1.50 iterations/s for 1h0m0s",
            "maxVUs: 5",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 90, "duration": "30s",
                "preAllocatedVUs": 5, "maxVUs": 10 }),
            "90.00 iterations/s for 30s",
            "maxVUs: 5-10",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 90, "duration": "30s",
                "preAllocatedVUs": 5, "distribution": "poisson", "seed": 7, "onBusy": "queue" }),
            "90.00 iterations/s for 30s",
            "maxVUs: 5, poisson, seed: 7, maxQueue: 10000",
        ),
        (
            json!({ "executor": "ramping-vus", "startVUs": 2, "gracefulRampDown": "5s",
                "stages": [{ "duration": "1m", "target": 20 }, { "duration": "30s", "target": 0 }] }),
            "Up to 20 looping VUs for 1m30s over 2 stages",
            "gracefulRampDown: 5s",
        ),
        (
            json!({ "executor": "externally-controlled", "vus": 2, "maxVUs": 9, "duration": 0 }),
            "Externally controlled execution with 2 VUs, 9 max VUs, until it is stopped",
            "",
        ),
        (
            json!({ "executor": "ramping-arrival-rate", "timeUnit": "1m", "preAllocatedVUs": 5,
                "stages": [{ "duration": "1m", "target": 90 }] }),
            "Up to 1.50 iterations/s for 1m0s over 1 stages",
            "maxVUs: 5",
        ),
        (
            json!({ "executor": "breakpoint", "raise": "rate", "start": 100, "max": 5000,
                "preAllocatedVUs": 5, "maxVUs": 50 }),
            "Search for the breakpoint from 100 to 5000 iterations/s (×2 every 10s)",
            "maxVUs: 5-50, tolerance: 5%",
        ),
        (
            json!({ "executor": "breakpoint", "raise": "vus", "start": 5, "max": 50, "add": 5,
                "stepDuration": "1m", "tolerance": 0.1 }),
            "Search for the breakpoint from 5 to 50 VUs (+5 every 1m0s)",
            "tolerance: 10%",
        ),
    ] {
        let kind = value["executor"].clone();
        let executor = executor(value);
        assert_eq!(executor.kind(), kind);
        assert_eq!(executor.describe(), description);
        assert_eq!(executor.facts().join(", "), facts);
    }
}

#[test]
fn what_is_left_out_is_as_in_k6() {
    let schedule = |kind| format!("{:?}", executor(json!({ "executor": kind })).schedule());
    assert_eq!(
        schedule("per-vu-iterations"),
        "Iterations { vus: 1, budget: PerVu(1), max_duration: 600s }"
    );
    assert_eq!(
        schedule("shared-iterations"),
        "Iterations { vus: 1, budget: Shared(1), max_duration: 600s }"
    );
}

#[test]
fn what_holds_between_values_is_validated() {
    for (value, said, why) in [
        (
            json!({ "executor": "shared-iterations", "vus": 10, "iterations": 10 }),
            "",
            "one iteration a VU is enough",
        ),
        (
            json!({ "executor": "shared-iterations", "vus": 10, "iterations": 9 }),
            "iterations: must be at least the number of VUs, which is 10, but is 9",
            "fewer are not",
        ),
        (
            json!({ "executor": "per-vu-iterations", "vus": 10, "iterations": 9 }),
            "",
            "that is no matter where each VU has its own",
        ),
        (
            json!({ "executor": "per-vu-iterations", "vus": 1_000_000, "iterations": MAX_ITERATIONS }),
            "iterations: are too many: 9007199254740991 for each of 1000000 VUs are more than can \
             be counted",
            "a total that overflows",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 1, "duration": "1s",
                "preAllocatedVUs": 5, "maxVUs": 4 }),
            "maxVUs: must be at least preAllocatedVUs, which is 5, but is 4",
            "fewer VUs at most than at first",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 1_000_000, "timeUnit": "1us",
                "duration": "1s", "preAllocatedVUs": 5 }),
            "rate: must be at most 10000000 iterations/s, but is 1000000000000 iterations/s",
            "a slip of the unit",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 1, "duration": "1s",
                "preAllocatedVUs": 5, "seed": 1, "maxQueue": 1 }),
            "maxQueue: has no effect unless onBusy is `queue`\n\
             seed: has no effect unless distribution is `poisson`",
            "what would be ignored",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 10_000_000,
                "duration": "1000000h", "preAllocatedVUs": 5 }),
            "asks for 36000000000000000 iterations in all; at most 9007199254740991 can be counted",
            "more than can be counted",
        ),
        (
            json!({ "executor": "externally-controlled", "vus": 9, "maxVUs": 5, "duration": "1s" }),
            "maxVUs: must be at least vus, which is 9, but is 5",
            "fewer at most than at first",
        ),
        (
            json!({ "executor": "externally-controlled", "duration": 0 }),
            "maxVUs: must be more than 0 where vus is 0: nobody could ever run",
            "nobody at all",
        ),
        (
            json!({ "executor": "ramping-vus", "stages": [] }),
            "stages: must not be empty",
            "nowhere to go",
        ),
        (
            json!({ "executor": "ramping-vus", "stages": [{ "duration": 0, "target": 5 }] }),
            "stages: never start: their durations are zero together",
            "no time to go there",
        ),
        (
            json!({ "executor": "ramping-vus", "startVUs": 0,
                "stages": [{ "duration": "1s", "target": 0 }] }),
            "stages: ask for no VUs at all",
            "nobody to go there",
        ),
        (
            json!({ "executor": "ramping-vus", "stages": [{ "duration": "1s", "target": 1_000_001 }] }),
            "stages[0].target: must be at most 1000000 VUs, but is 1000001",
            "more VUs than there may be",
        ),
        (
            json!({ "executor": "ramping-arrival-rate", "preAllocatedVUs": 5, "maxVUs": 4,
                "stages": [{ "duration": "1s", "target": 0 }] }),
            "maxVUs: must be at least preAllocatedVUs, which is 5, but is 4\n\
             stages: ask for no iterations at all",
            "all of it at once",
        ),
        (
            json!({ "executor": "breakpoint", "raise": "vus", "start": 9, "max": 2_000_000, "add": 1,
                "multiply": 2.5, "maxVUs": 5 }),
            "max: must be at most 1000000 VUs, but is 2000000\n\
             add: cannot be given together with `multiply`\n\
             maxVUs: has no effect where VUs are raised: `max` says how many",
            "a search of VUs",
        ),
        (
            json!({ "executor": "breakpoint", "raise": "rate", "start": 9, "max": 8 }),
            "max: must be at least start, which is 9, but is 8\n\
             preAllocatedVUs: must be given where the rate is raised",
            "a search by rate",
        ),
        (
            json!({ "executor": "breakpoint", "raise": "vus", "start": 1, "max": 5_000, "add": 1 }),
            "may need 5000 steps, more than 1000: raise the load faster, or start closer to `max`",
            "a search that takes for ever",
        ),
    ] {
        assert_eq!(problems_of(value), said, "{why}");
    }
}

#[test]
fn demand_is_known_before_the_run() {
    let step = |seconds, vus| VuStep { at: Duration::from_secs(seconds), vus };
    for (value, steps, why) in [
        (
            json!({ "executor": "constant-vus", "vus": 10, "duration": "30s" }),
            [step(0, 10), step(30, 0)],
            "all VUs throughout",
        ),
        (
            json!({ "executor": "per-vu-iterations", "vus": 3, "maxDuration": "1m" }),
            [step(0, 3), step(60, 0)],
            "as long as they may take",
        ),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 1, "duration": "5s",
                "preAllocatedVUs": 5, "maxVUs": 9 }),
            [step(0, 9), step(5, 0)],
            "those that may be made included",
        ),
    ] {
        assert_eq!(executor(value).demand(), steps, "{why}");
    }
}

#[test]
fn schedules_know_their_length_and_their_number_of_iterations() {
    for (value, seconds, iterations) in [
        (json!({ "executor": "constant-vus", "vus": 10, "duration": "30s" }), 30, None),
        (json!({ "executor": "per-vu-iterations", "vus": 3, "iterations": 20 }), 600, Some(60)),
        (json!({ "executor": "shared-iterations", "vus": 3, "iterations": 20 }), 600, Some(20)),
        (
            json!({ "executor": "constant-arrival-rate", "rate": 1, "duration": "5s",
                "preAllocatedVUs": 5 }),
            5,
            None,
        ),
    ] {
        let schedule = executor(value).schedule();
        assert_eq!(schedule.duration(), Duration::from_secs(seconds));
        assert_eq!(schedule.iterations(), iterations);
    }
}
