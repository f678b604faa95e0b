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
