use std::sync::Arc;

use metrics::{
    Contains, Course, Kind, MAX_TAGGED_SERIES, MetricId, Outcome, Recorder, Registry, Shards,
    Silence, Tags, Thresholds, Timeline,
};
use plan::Plan;
use run::{CallError, FailureKind, Latency, Step};

use super::*;

/// A plan as an options file asks for it.
pub(crate) fn plan(json: &str) -> Arc<Plan> {
    Arc::new(plan::parse_json(json).unwrap().plan().unwrap())
}

/// A run recorded by hand.
pub(crate) struct Recording {
    totals: Totals,
    recorder: Recorder,
    timeline: Timeline,
    seconds: u64,
}

impl Recording {
    pub(crate) fn new() -> Self {
        let shards = Shards::new(Registry::new(), 1);
        Self {
            totals: Totals::new(&shards),
            recorder: shards.recorder(0),
            timeline: Timeline::new(),
            seconds: 0,
        }
    }

    /// Ends a second of load.
    pub(crate) fn second(&mut self) {
        self.totals.collect();
        let mut collected = self.totals.collected();
        self.totals.hand_over(&mut collected);
        let from = Duration::from_secs(self.seconds);
        self.seconds += 1;
        self.timeline.add(from..Duration::from_secs(self.seconds), &collected);
    }

    pub(crate) fn define(&self, name: &str, kind: Kind, contains: Contains) -> MetricId {
        self.recorder.registry().define(name, kind, contains).unwrap()
    }

    pub(crate) fn record(&self, metric: MetricId, tags: &[(&str, &str)], samples: &[f64]) {
        let tags: Tags = tags.iter().copied().collect();
        let series = self.recorder.registry().series(metric, &tags);
        for &sample in samples {
            self.recorder.record(series, sample);
        }
    }

    /// Requests that took so many milliseconds and had an answer of this status.
    pub(crate) fn answers(&self, status: &str, durations: &[f64]) {
        let expected = status.starts_with('2');
        let code = format!("1{status}");
        let mut tags = vec![("status", status), ("scenario", "default"), ("name", "home")];
        tags.push(("expected_response", if expected { "true" } else { "false" }));
        if !expected {
            tags.push(("error_code", &code));
        }
        for &duration in durations {
            self.record(builtin::HTTP_REQS, &tags, &[1.0]);
            self.record(builtin::HTTP_REQ_FAILED, &tags, &[f64::from(u8::from(!expected))]);
            self.record(builtin::HTTP_REQ_DURATION, &tags, &[duration]);
            self.record(builtin::HTTP_REQ_RESPONSE, &tags, &[duration + 2.0]);
        }
    }

    /// Requests that had no answer.
    pub(crate) fn errors(&self, error: &str, code: &str, count: u64) {
        let tags = [
            ("error", error),
            ("error_code", code),
            ("status", "0"),
            ("expected_response", "false"),
        ];
        self.record(builtin::HTTP_REQS, &tags, &[count as f64]);
        self.record(builtin::HTTP_REQ_FAILED, &tags, &vec![1.0; count as usize]);
    }

    /// Ends it after so many seconds of load.
    pub(crate) fn finish(mut self, seconds: u64, plan: Arc<Plan>) -> Finished {
        self.second();
        let elapsed = Duration::from_secs(seconds);
        let verdicts = Thresholds::new(plan.thresholds.clone()).evaluate(&self.totals, elapsed);
        Finished {
            elapsed,
            totals: self.totals,
            timeline: self.timeline,
            most_vus: vec![3; plan.scenarios.len()],
            workers: 2,
            plan,
            verdicts,
            search: None,
            failures: Vec::new(),
            unmade: Vec::new(),
            given_up: Vec::new(),
            stop: None,
            setup_data: [].into(),
            setup_error: None,
            teardown_error: None,
            faults: Vec::new(),
        }
    }
}

/// A search in which 400 iterations a second were too many.
pub(crate) fn searched() -> Finished {
    let plan = plan(
        r#"{ "scenarios": { "shop": { "executor": "breakpoint", "raise": "rate", "start": 100,
            "max": 1000, "tolerance": 0.25, "preAllocatedVUs": 50, "maxVUs": 100 } },
            "thresholds": { "http_req_duration": ["p(95)<200"] } }"#,
    );
    let scenario = [("scenario", "shop")];
    let recording = Recording::new();
    recording.record(builtin::ITERATIONS, &scenario, &[1.0; 45]);
    recording.answers("200", &[20.0; 45]);
    let finished = recording.finish(40, plan);
    let step = |load: u32, held, latency: f64, dropped| Step {
        load,
        held,
        kept_up: held,
        hasty: false,
        measured: Duration::from_millis(7_500),
        iterations: f64::from(load) * (1.0 - dropped),
        requests: f64::from(load) * (1.0 - dropped),
        dropped,
        concurrency: f64::from(load) * latency / 1e3,
        latency: Some(Latency {
            avg: latency,
            med: latency,
            p95: 2.0 * latency,
            p99: 3.0 * latency,
        }),
        failed: Some(dropped / 10.0),
        verdicts: finished.verdicts.clone(),
    };
    let search = Searched {
        scenario: 0,
        raise: plan::Raise::Rate { pre_allocated_vus: 50, max_vus: 100 },
        steps: vec![
            step(100, true, 20.0, 0.0),
            step(200, true, 25.0, 0.0),
            step(400, false, 150.0, 0.2),
            step(300, true, 60.0, 0.0),
        ],
        held: Some(300),
        broke: Some(400),
        complete: true,
    };
    Finished { search: Some(search), ..finished }
}

/// A run in which all went well but one check.
pub(crate) fn ordinary() -> Finished {
    let recording = Recording::new();
    let durations: Vec<f64> = (0..45).map(|n| 119.08 + f64::from(n)).collect();
    recording.answers("200", &durations);
    let scenario = [("scenario", "default")];
    recording.record(builtin::ITERATIONS, &scenario, &[1.0; 45]);
    let iterations: Vec<f64> = durations.iter().map(|duration| duration + 1_000.0).collect();
    recording.record(builtin::ITERATION_DURATION, &scenario, &iterations);
    let mut bodies = [1.0; 45];
    bodies[7] = 0.0;
    recording.record(builtin::CHECKS, &[("check", "status is 200")], &[1.0; 45]);
    recording.record(builtin::CHECKS, &[("check", "body is whole")], &bodies);
    recording.record(builtin::VUS, &[], &[1.0, 10.0, 7.0]);
    recording.record(builtin::VUS_MAX, &[], &[10.0]);
    recording.record(builtin::DATA_RECEIVED, &scenario, &[519_000.0]);
    recording.record(builtin::DATA_SENT, &scenario, &[4_900.0]);
    let basket = recording.define("basket_value", Kind::Trend, Contains::Default);
    recording.record(basket, &scenario, &[12.5, 80.0]);
    recording.finish(
        10,
        plan(
            r#"{
                "vus": 10,
                "duration": "10s",
                "thresholds": {
                    "http_req_duration": ["p(95)<1500", "avg<500"],
                    "http_req_duration{name:home}": ["max<1000"],
                    "http_req_failed": ["rate<0.01"],
                    "http_reqs": ["rate>1"]
                }
            }"#,
        ),
    )
}

/// An ordinary run whose thresholds are held each second.
pub(crate) fn windowed() -> Finished {
    let mut finished = ordinary();
    let seconds = Duration::from_secs;
    let courses = [
        ("p(95)<150 over 5s", Outcome::Crossed, Some(812.3), 5, None, Some(7), 2),
        ("avg<140 for 1m", Outcome::Passed, Some(151.5), 1, Some(60), None, 3),
        ("max<1000 over 5s", Outcome::NoData, None, 5, None, None, 0),
    ];
    for (verdict, course) in finished.verdicts.iter_mut().zip(courses) {
        let (source, outcome, observed, window, lasting, crossed_at, longest) = course;
        verdict.source = source.to_owned();
        (verdict.outcome, verdict.observed) = (outcome, observed);
        verdict.silence = (outcome == Outcome::NoData).then_some(Silence::NoSamples);
        // Of a part of a metric.
        verdict.is_fine = outcome != Outcome::Crossed;
        verdict.course = Some(Course {
            window: seconds(window),
            lasting: lasting.map(seconds),
            worst: observed,
            worst_at: seconds(9),
            crossed_at: crossed_at.map(seconds),
            longest: seconds(longest),
        });
    }
    finished
}

/// A run of two scenarios, one of them with arrivals, in which much went wrong.
pub(crate) fn mishaps() -> Finished {
    let recording = Recording::new();
    recording.answers("200", &[10.0, 12.0]);
    recording.answers("503", &[1.5, 1.5, 1.5]);
    recording.errors("connection refused", "1212", 500);
    recording.record(builtin::HTTP_REQS_INTERRUPTED, &[], &[4.0]);
    let scenario = [("scenario", "browse")];
    recording.record(builtin::ITERATIONS, &scenario, &[1.0; 505]);
    recording.record(builtin::ITERATIONS_FAILED, &scenario, &[1.0; 23]);
    recording.record(builtin::ITERATIONS_INTERRUPTED, &scenario, &[1.0, 1.0]);
    recording.record(builtin::ITERATION_DURATION, &scenario, &[10.0, 20.0]);
    recording.record(builtin::ITERATION_LAG, &[("scenario", "buy")], &[0.2, 0.4]);
    recording.record(builtin::DROPPED_ITERATIONS, &[("scenario", "buy")], &[7.0]);
    recording.record(builtin::TRAPS, &scenario, &[3.0]);
    recording.record(builtin::VU_RESTARTS, &scenario, &[3.0]);
    recording.record(builtin::VUS, &[], &[5.0]);
    recording.record(builtin::VUS_MAX, &[], &[5.0]);
    recording.record(builtin::DATA_SENT, &[], &[f64::NAN]);
    let plan = plan(
        r#"{
            "scenarios": {
                "browse": {
                    "executor": "shared-iterations",
                    "vus": 4,
                    "iterations": 600,
                    "maxDuration": "1m"
                },
                "buy": {
                    "executor": "constant-arrival-rate",
                    "rate": 10,
                    "duration": "20s",
                    "startTime": "5s",
                    "preAllocatedVUs": 1,
                    "maxVUs": 5
                }
            },
            "thresholds": {
                "checks": ["rate>0.99"],
                "dropped_iterations": ["count<5"],
                "http_req_failed": ["rate<0.01"],
                "nothing_like_it": ["avg<1"]
            },
            "summaryTrendStats": ["avg", "p(99)", "count"]
        }"#,
    );
    let failure = |kind, message: &str, count| Failure { kind, message: message.to_owned(), count };
    Finished {
        failures: vec![
            failure(FailureKind::Failed, "no token in the answer\nthe answer was: 503", 20),
            failure(FailureKind::Trapped, "wasm `unreachable` executed at src/lib.rs:5:51", 3),
            failure(FailureKind::StartFailed, "\u{1b}[2Jcannot log in", 1),
        ],
        unmade: vec![Unmade { reason: "no memory for one more instance".to_owned(), count: 2 }],
        stop: Some(StopReason::Aborted("out of stock".to_owned())),
        teardown_error: Some(CallError::TimedOut(Duration::from_secs(60))),
        faults: vec!["worker 1 panicked: index out of bounds".to_owned()],
        ..recording.finish(20, plan)
    }
}

/// A run whose script did nothing.
pub(crate) fn idle() -> Finished {
    Recording::new().finish(1, plan("{}"))
}

#[test]
fn what_was_measured_is_by_metric_and_part() {
    let summary = Summary::new(&ordinary());
    let names: Vec<_> = summary.metrics.iter().map(MetricSummary::name).collect();
    assert_eq!(
        names,
        [
            "http_reqs",
            "http_req_failed",
            "http_req_duration",
            "http_req_duration{expected_response:true}",
            "http_req_duration{name:home}",
            "http_req_response",
            "checks",
            "iterations",
            "iteration_duration",
            "vus",
            "vus_max",
            "data_sent",
            "data_received",
            "basket_value",
        ]
    );
    let of = |name: &str| {
        let place = names.iter().position(|each| each == name).unwrap();
        summary.metrics[place].clone()
    };
    assert_eq!(of("http_reqs").values, Values::Counter { count: 45.0, rate: 4.5 });
    assert_eq!(of("vus").values, Values::Gauge { value: 7.0, min: 1.0, max: 10.0 });
    assert_eq!(of("checks").values, Values::Rate(Rate { trues: 89, total: 90 }));
    assert_eq!(
        of("http_req_duration").thresholds,
        [("p(95)<1500".to_owned(), false), ("avg<500".to_owned(), false)]
    );
    assert_eq!(summary.scenarios[0].iterations, 45);
    assert_eq!(summary.scenarios[0].executor, "constant-vus");
    assert!(!summary.has_arrivals());
}

#[test]
fn failed_requests_are_counted_by_kind_and_none_is_lost() {
    let summary = Summary::new(&mishaps());
    let error = |error: &str, code, count| RequestError {
        error: error.to_owned(),
        code,
        example: None,
        count,
    };
    assert_eq!(
        summary.errors,
        [error("connection refused", Some(1212), 500), error("status 503", Some(1503), 3)]
    );
    assert!(summary.has_arrivals());

    // A script that makes a set of tags a request soon has more than are told apart.
    let recording = Recording::new();
    for n in 0..MAX_TAGGED_SERIES {
        recording.record(builtin::CHECKS, &[("n", &n.to_string())], &[1.0]);
    }
    recording.errors("timed out", "1050", 5);
    let summary = Summary::new(&recording.finish(1, plan("{}")));
    assert_eq!(summary.errors, [error("other errors", None, 5)]);
    assert_eq!(summary.doubts.overflowed_series, 2);
}

#[test]
fn a_script_cannot_pass_off_a_success_as_an_error() {
    let recording = Recording::new();
    let tags = [("error", "made up"), ("status", "200"), ("expected_response", "true")];
    recording.record(builtin::HTTP_REQS, &tags, &[1.0]);
    assert!(Summary::new(&recording.finish(1, plan("{}"))).errors.is_empty());
}

#[test]
fn checks_of_one_name_are_one_check_whatever_their_other_tags() {
    let recording = Recording::new();
    recording.record(builtin::CHECKS, &[("check", "b"), ("scenario", "x")], &[1.0, 0.0]);
    recording.record(builtin::CHECKS, &[("check", "b"), ("scenario", "y")], &[1.0]);
    recording.record(builtin::CHECKS, &[("check", "a"), ("scenario", "y")], &[0.0]);
    let summary = Summary::new(&recording.finish(1, plan("{}")));
    let check = |name: &str, passes, fails| CheckSummary { name: name.to_owned(), passes, fails };
    assert_eq!(summary.checks, [check("a", 0, 1), check("b", 2, 1)]);
}

#[test]
fn what_has_no_samples_has_values_only_where_zero_is_one() {
    let finished = Recording::new().finish(
        1,
        plan(
            r#"{ "thresholds": {
                "checks": ["rate>0.9"],
                "http_reqs{status:500}": ["count<1"],
                "unheard_of": ["avg<1"]
            } }"#,
        ),
    );
    let summary = Summary::new(&finished);
    let values: Vec<_> =
        summary.metrics.iter().map(|each| (each.name(), each.values.clone())).collect();
    assert_eq!(
        values,
        [
            ("http_reqs{status:500}".to_owned(), Values::Counter { count: 0.0, rate: 0.0 }),
            ("checks".to_owned(), Values::None),
        ]
    );
    let verdicts: Vec<_> = summary
        .thresholds
        .iter()
        .map(|each| (&*each.verdict.selector.metric, each.verdict.outcome, each.verdict.silence))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("checks", Outcome::NoData, Some(Silence::NoSamples)),
            ("http_reqs", Outcome::Passed, None),
            ("unheard_of", Outcome::NoData, Some(Silence::UnknownMetric)),
        ]
    );
}

#[test]
fn checks_stand_in_the_groups_that_they_were_made_in() {
    let recording = Recording::new();
    recording.record(builtin::CHECKS, &[("check", "up")], &[1.0]);
    recording.record(
        builtin::CHECKS,
        &[("check", "paid"), ("group", "::checkout::pay")],
        &[1.0, 0.0],
    );
    let other = [("check", "paid"), ("group", "::checkout::pay"), ("scenario", "other")];
    recording.record(builtin::CHECKS, &other, &[1.0]);
    recording.record(builtin::GROUP_DURATION, &[("group", "::browse")], &[12.0]);
    let root = Summary::new(&recording.finish(1, plan("{}"))).root_group;

    let check = |name: &str, passes, fails| CheckSummary { name: name.into(), passes, fails };
    let group = |name: &str, groups, checks| GroupSummary { name: name.into(), groups, checks };
    let pay = group("pay", vec![], vec![check("paid", 2, 1)]);
    let inner = vec![group("browse", vec![], vec![]), group("checkout", vec![pay], vec![])];
    assert_eq!(root, group("", inner, vec![check("up", 1, 0)]));
}

#[test]
fn endpoints_are_told_apart_by_method_and_name_the_busiest_first() {
    let recording = Recording::new();
    for (method, name, status, durations) in [
        ("GET", "home", "200", &[10.0, 30.0][..]),
        ("GET", "home", "500", &[50.0]),
        ("POST", "home", "200", &[7.0]),
        ("GET", "cart", "200", &[1.0; 4]),
    ] {
        let tags = [("method", method), ("name", name), ("status", status)];
        recording.record(builtin::HTTP_REQS, &tags, &vec![1.0; durations.len()]);
        let failed = if status == "500" { 1.0 } else { 0.0 };
        recording.record(builtin::HTTP_REQ_FAILED, &tags, &vec![failed; durations.len()]);
        recording.record(builtin::HTTP_REQ_DURATION, &tags, durations);
        let bytes = [("method", method), ("name", name)];
        recording.record(builtin::DATA_SENT, &bytes, &[100.0]);
        recording.record(builtin::DATA_RECEIVED, &bytes, &[2_000.0]);
    }
    recording.record(builtin::DATA_SENT, &[("scenario", "chat")], &[7.0]);
    recording.record(builtin::HTTP_REQS, &[("name", "gone"), ("method", "GET")], &[1.0]);
    let summary = Summary::new(&recording.finish(10, plan("{}")));
    let all: Vec<_> = summary
        .endpoints
        .iter()
        .map(|it| {
            (&*it.method, &*it.name, it.count, it.failed, it.duration.map(|it| (it.avg, it.max)))
        })
        .collect();
    assert_eq!(
        all,
        [
            ("GET", "cart", 4, 0, Some((1.0, 1.0))),
            ("GET", "home", 3, 1, Some((30.0, 50.0))),
            ("GET", "gone", 1, 0, None),
            ("POST", "home", 1, 0, Some((7.0, 7.0))),
        ]
    );
    let bytes: Vec<_> = summary.endpoints.iter().map(|it| (it.sent, it.received)).collect();
    assert_eq!(bytes, [(100, 2_000), (200, 4_000), (0, 0), (100, 2_000)]);
}

/// A run of so many seconds, with a request a VU in each, that takes as many milliseconds as there are VUs.
fn climbing(seconds: u64, options: &str) -> Finished {
    let mut recording = Recording::new();
    for second in 0..seconds {
        recording.record(builtin::VUS, &[], &[second as f64 + 1.0]);
        recording.answers("200", &vec![second as f64 + 1.0; second as usize + 1]);
        if second + 1 < seconds {
            recording.second();
        }
    }
    recording.finish(seconds, plan(options))
}

#[test]
fn each_stage_is_a_part_of_the_run() {
    let options = r#"{ "stages": [{ "duration": "4s", "target": 4 }, { "duration": "0s", "target": 5 },
        { "duration": "6s", "target": 10 }, { "duration": "1h", "target": 10 }] }"#;
    let summary = Summary::new(&climbing(10, options));
    let all: Vec<_> = summary
        .phases
        .iter()
        .map(|it| (&*it.name, it.time.start.as_secs(), it.time.end.as_secs(), it.vus, it.requests))
        .collect();
    assert_eq!(all, [("stage 1, to 4", 0, 4, 4.0, 10), ("stage 3, to 10", 4, 10, 10.0, 45)]);
    assert_eq!((summary.phases[0].rate, summary.phases[0].failed), (2.5, 0));
    let p95 = summary.phases[1].p95.unwrap();
    assert!((p95 - 10.0).abs() <= 10.0 / 64.0, "{p95}");
}

#[test]
fn a_long_run_without_stages_is_told_in_minutes() {
    for (minutes, parts) in [(9, 0), (10, 10), (21, 11), (60, 12), (480, 16), (100_000, 20)] {
        let mut finished = climbing(3, r#"{ "vus": 1, "duration": "10m" }"#);
        finished.elapsed = Duration::from_secs(minutes * 60);
        assert_eq!(Summary::new(&finished).phases.len(), parts, "{minutes} minutes");
    }
}

#[test]
fn each_of_several_scenarios_is_a_part_of_the_run() {
    let summary = Summary::new(&mishaps());
    let all: Vec<_> = summary
        .phases
        .iter()
        .map(|it| (&*it.name, it.time.start.as_secs(), it.vus, it.iterations))
        .collect();
    assert_eq!(all, [("browse", 0, 3.0, 505), ("buy", 5, 3.0, 0)]);
}

#[test]
fn an_injector_that_was_the_bottleneck_is_said_to_be() {
    for (cpu, lag, seconds, doubts, why) in [
        (0.5, 1.0, 60, 0, "it had time to spare"),
        (1.9, 1.0, 60, 1, "two workers took two processors"),
        (0.5, 200.0, 60, 1, "somebody else had them"),
        (1.9, 200.0, 60, 2, "both"),
        (1.9, 200.0, 9, 0, "nothing can be said of a few seconds"),
    ] {
        let recording = Recording::new();
        recording.record(builtin::INJECTOR_CPU, &[], &[cpu]);
        recording.record(builtin::INJECTOR_LAG, &[], &[lag]);
        let summary = Summary::new(&recording.finish(seconds, plan("{}")));
        assert_eq!(summary.injector.doubts.len(), doubts, "{why}");
    }
    let summary = Summary::new(&Recording::new().finish(60, plan("{}")));
    assert_eq!((summary.injector.cpu, summary.injector.doubts.len()), (None, 0), "nobody knows");
}

#[test]
fn a_trends_spread_is_told_where_it_is_asked_for() {
    let recording = Recording::new();
    // Mean 5, deviations 3, 1, 1, 1, 0, 0, 2, 4: the usual example.
    recording.answers("200", &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    let plan = plan(r#"{ "summaryTrendStats": ["avg", "stdev", "cv"] }"#);
    let summary = Summary::new(&recording.finish(1, plan));
    let find = |name: &str| summary.metrics.iter().find(|one| one.name() == name).unwrap();
    let Values::Trend(stats) = &find("http_req_duration").values else { panic!("a trend") };
    let values: Vec<_> = stats.iter().map(|(_, value)| (value * 1e3).round() / 1e3).collect();
    assert_eq!(values, [5.0, 2.0, 0.4]);
    let text = crate::summary_text::text(&summary, false);
    assert!(text.contains("avg=5ms stdev=") && text.contains(" cv=0.4"), "{text}");
}
