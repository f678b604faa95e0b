use proptest::prelude::*;

use super::*;
use crate::parse_json;

fn plan(options: &str) -> Plan {
    parse_json(options).unwrap().plan().unwrap_or_else(|problems| panic!("{options}: {problems}"))
}

fn problems(options: &str) -> String {
    parse_json(options).unwrap().plan().unwrap_err().to_string()
}

#[test]
fn the_least_vus_are_those_of_the_smallest_scenario() {
    for (options, vus, why) in [
        (r#"{"vus":5,"iterations":9}"#, 5, "iterations"),
        (r#"{"vus":5,"duration":"1s"}"#, 5, "loops"),
        (
            r#"{"vus":2,"stages":[{"duration":"1s","target":7},{"duration":"1s","target":0}]}"#,
            7,
            "a ramp",
        ),
        (r#"{"rate":500,"vus":50,"duration":"1s"}"#, 1, "arrivals may find the same VU free"),
        (
            r#"{"scenarios":{"b":{"executor":"breakpoint","raise":"vus","start":4,"max":9}},
                "thresholds":{"checks":["rate>0"]}}"#,
            4,
            "a search begins with its first load",
        ),
        (
            r#"{"scenarios":{"a":{"executor":"constant-vus","vus":5,"duration":"1s"},
                "b":{"executor":"per-vu-iterations","vus":3}}}"#,
            3,
            "of several one alone may take part",
        ),
    ] {
        assert_eq!(plan(options).least_vus(), vus, "{why}");
    }
}

#[test]
fn shortcuts_stand_for_one_scenario() {
    for (options, described, why) in [
        (
            "{}",
            "default: 1 iterations shared among 1 VUs (maxDuration: 10m0s, gracefulStop: 30s)",
            "nothing is once",
        ),
        (
            r#"{"vus":10,"duration":"10s"}"#,
            "default: 10 looping VUs for 10s (gracefulStop: 30s)",
            "VUs loop for a duration",
        ),
        (r#"{"duration":"10s"}"#, "default: 1 looping VUs for 10s (gracefulStop: 30s)", "one VU"),
        (
            r#"{"vus":10,"iterations":200}"#,
            "default: 200 iterations shared among 10 VUs (maxDuration: 10m0s, gracefulStop: 30s)",
            "VUs share iterations",
        ),
        (
            r#"{"iterations":200,"duration":"5s","gracefulStop":"0s"}"#,
            "default: 200 iterations shared among 1 VUs (maxDuration: 5s)",
            "for at most a duration",
        ),
        (
            r#"{"vus":10}"#,
            "default: 10 iterations shared among 10 VUs (maxDuration: 10m0s, gracefulStop: 30s)",
            "VUs alone run once each",
        ),
        (
            r#"{"vus":2,"stages":[{"duration":"5s","target":9}]}"#,
            "default: Up to 9 looping VUs for 5s over 1 stages (gracefulRampDown: 30s, gracefulStop: 30s)",
            "stages start from VUs",
        ),
        (
            r#"{"rate":500,"duration":"5s"}"#,
            "default: 500.00 iterations/s for 5s (maxVUs: 50-500, gracefulStop: 30s)",
            "a rate finds VUs enough",
        ),
        (
            r#"{"rate":5,"vus":20,"duration":"5s"}"#,
            "default: 5.00 iterations/s for 5s (maxVUs: 20, gracefulStop: 30s)",
            "or as many as are given",
        ),
        (
            r#"{"vus":2,"scenarios":{}}"#,
            "default: 2 iterations shared among 2 VUs (maxDuration: 10m0s, gracefulStop: 30s)",
            "no scenarios are as none given",
        ),
    ] {
        let plan = plan(options);
        assert_eq!(plan.scenarios.len(), 1);
        assert_eq!(plan.scenarios[0].describe(), described, "{why}");
        assert_eq!(plan.scenarios[0].flows.names(), ["default"]);
        assert!(plan.warnings.is_empty(), "{why}: {:?}", plan.warnings);
    }
}

#[test]
fn what_is_left_out_has_k6s_defaults() {
    let plan = plan("{}");
    let minute = Duration::from_secs(60);
    assert_eq!(
        (plan.setup_timeout, plan.teardown_timeout, plan.requests.timeout),
        (minute, minute, minute)
    );
    let labels: Vec<String> = plan.trend_stats.iter().map(TrendStat::label).collect();
    assert_eq!(labels, ["avg", "min", "med", "max", "p(90)", "p(95)"]);
    assert!(!plan.no_setup && !plan.no_teardown && plan.requests.user_agent.is_none());
}

#[test]
fn a_scenario_keeps_instances_as_it_says_or_else_the_run() {
    use crate::Isolation::{Iteration, Vu};
    let scenarios = |own: &str| {
        format!(r#""scenarios":{{"a":{{"executor":"constant-vus","duration":"1s"{own}}}}}"#)
    };
    let (of_run, of_scenario) = (r#""isolation":"iteration""#, r#","isolation":"vu""#);
    for (options, isolation) in [
        ("{}".to_owned(), Vu),
        (format!("{{{of_run}}}"), Iteration),
        (format!(r#"{{{of_run},"vus":3,"duration":"1s"}}"#), Iteration),
        (format!("{{{of_run},{}}}", scenarios("")), Iteration),
        (format!("{{{of_run},{}}}", scenarios(of_scenario)), Vu),
        (format!("{{{}}}", scenarios(&format!(",{of_run}"))), Iteration),
        (format!("{{{}}}", scenarios("")), Vu),
    ] {
        assert_eq!(plan(&options).scenarios[0].life.isolation, isolation, "{options}");
    }
}

#[test]
fn the_header_is_k6s() {
    assert_eq!(
        plan(r#"{"vus":10,"duration":"10s"}"#).describe(),
        [
            "scenarios: (100.00%) 1 scenario, 10 max VUs, 40s max duration (incl. graceful stop):",
            "* default: 10 looping VUs for 10s (gracefulStop: 30s)",
        ]
    );
    let options = r#"{"scenarios":{
        "late": {"executor":"constant-vus","vus":3,"duration":"1m","startTime":"2m","exec":"buy"},
        "b": {"executor":"constant-arrival-rate","rate":5,"duration":"1m","preAllocatedVUs":4,"maxVUs":8},
        "a": {"executor":"per-vu-iterations","vus":2,"maxDuration":"30s","gracefulStop":"0s"}
    }}"#;
    assert_eq!(
        plan(options).describe(),
        [
            "scenarios: (100.00%) 3 scenarios, 10 max VUs, 3m30s max duration (incl. graceful stop):",
            "* a: 1 iterations for each of 2 VUs (maxDuration: 30s)",
            "* b: 5.00 iterations/s for 1m0s (maxVUs: 4-8, gracefulStop: 30s)",
            "* late: 3 looping VUs for 1m0s (exec: buy, startTime: 2m0s, gracefulStop: 30s)",
        ]
    );
}

#[test]
fn vus_are_counted_at_one_time() {
    let scenarios = |second_start: &str| {
        plan(&format!(
            r#"{{"scenarios":{{
                "a": {{"executor":"constant-vus","vus":10,"duration":"10s","gracefulStop":"5s"}},
                "b": {{"executor":"constant-vus","vus":7,"duration":"10s","startTime":"{second_start}"}}
            }}}}"#
        ))
    };
    for (second_start, vus, why) in [
        ("0s", 17, "both at once"),
        ("10s", 17, "the first may still be stopping"),
        ("14.999999999s", 17, "to the nanosecond"),
        ("15s", 10, "those of the first serve the second"),
    ] {
        assert_eq!(scenarios(second_start).max_vus(), vus, "{why}");
    }
    assert_eq!(scenarios("15s").max_duration(), Some(Duration::from_secs(55)));
}

#[test]
fn each_scenario_gets_its_share_of_the_vus_there_may_be_and_keeps_its_rate_and_iterations() {
    let text = r#"{"scenarios":{
        "a": {"executor":"constant-vus","vus":10,"duration":"10s"},
        "b": {"executor":"per-vu-iterations","vus":10,"iterations":3},
        "c": {"executor":"shared-iterations","vus":10,"iterations":30},
        "d": {"executor":"ramping-vus","startVUs":1,"stages":[{"duration":"1s","target":10},{"duration":"1s","target":0}]},
        "e": {"executor":"constant-arrival-rate","rate":50,"duration":"1s","preAllocatedVUs":5,"maxVUs":10},
        "f": {"executor":"ramping-arrival-rate","startRate":50,"stages":[{"duration":"1s","target":90}],"preAllocatedVUs":10},
        "g": {"executor":"externally-controlled","vus":4,"maxVUs":10,"duration":"1s"},
        "h": {"executor":"breakpoint","raise":"vus","start":2,"max":10,"stepDuration":"1s"}
    },"thresholds":{"http_req_failed":["rate<0.1"]}}"#;
    let mut whole = plan(text);
    assert_eq!(whole.vus_in_all(), 80);
    whole.clamp(80);
    assert_eq!(whole.vus_in_all(), 80, "there are enough");
    let described = |plan: &Plan| -> Vec<String> {
        plan.scenarios
            .iter()
            .map(|it| [vec![it.executor.describe()], it.executor.facts()].concat().join(", "))
            .collect()
    };
    let before = described(&whole);
    whole.clamp(40);
    assert_eq!(whole.vus_in_all(), 40);
    let changed: Vec<_> = before.into_iter().zip(described(&whole)).collect();
    let expected = [
        ("10 looping VUs for 10s", "5 looping VUs for 10s"),
        (
            "3 iterations for each of 10 VUs, maxDuration: 10m0s",
            "3 iterations for each of 5 VUs, maxDuration: 10m0s",
        ),
        (
            "30 iterations shared among 10 VUs, maxDuration: 10m0s",
            "30 iterations shared among 5 VUs, maxDuration: 10m0s",
        ),
        (
            "Up to 10 looping VUs for 2s over 2 stages, gracefulRampDown: 30s",
            "Up to 5 looping VUs for 2s over 2 stages, gracefulRampDown: 30s",
        ),
        ("50.00 iterations/s for 1s, maxVUs: 5-10", "50.00 iterations/s for 1s, maxVUs: 2-5"),
        (
            "Up to 90.00 iterations/s for 1s over 1 stages, maxVUs: 10",
            "Up to 90.00 iterations/s for 1s over 1 stages, maxVUs: 5",
        ),
        (
            "Externally controlled execution with 4 VUs, 10 max VUs, for 1s",
            "Externally controlled execution with 2 VUs, 5 max VUs, for 1s",
        ),
        (
            "Search for the breakpoint from 2 to 10 VUs (×2 every 1s), tolerance: 5%",
            "Search for the breakpoint from 1 to 5 VUs (×2 every 1s), tolerance: 5%",
        ),
    ];
    assert_eq!(changed, expected.map(|(before, after)| (before.to_owned(), after.to_owned())));
    whole.clamp(1);
    assert_eq!(whole.vus_in_all(), 8, "each has one at least");
}

#[test]
fn a_scenario_inherits_what_it_does_not_give() {
    let plan = plan(
        r#"{
            "env": {"A": "run", "B": "run"}, "tags": {"a": "run", "b": "run"},
            "scenarios": {"s": {
                "executor": "shared-iterations", "env": {"B": "own"}, "tags": {"b": "own"}
            }}
        }"#,
    );
    let map = |pairs: [(&str, &str); 2]| BTreeMap::from(pairs.map(|(k, v)| (k.into(), v.into())));
    assert_eq!(plan.scenarios[0].env, map([("A", "run"), ("B", "own")]));
    assert_eq!(plan.scenarios[0].tags, map([("a", "run"), ("b", "own")]));
    assert_eq!(plan.env, map([("A", "run"), ("B", "run")]));
}

#[test]
fn thresholds_are_read() {
    let plan = plan(
        r#"{"thresholds": {
            "http_req_duration{name:home}": ["p(95)<500"],
            "checks": [{"threshold": "rate>0.9", "abortOnFail": true, "delayAbortEval": "10s"}]
        }}"#,
    );
    let [(checks, rules), (duration, expressions)] = plan.thresholds.as_slice() else {
        panic!("two selectors: {:?}", plan.thresholds)
    };
    assert_eq!(checks.to_string(), "checks");
    assert!(rules[0].abort_on_fail);
    assert_eq!(rules[0].delay_abort_eval, Some(Duration::from_secs(10)));
    assert_eq!(duration.to_string(), "http_req_duration{name:home}");
    assert_eq!(expressions[0].source, "p(95)<500");
    assert!(!expressions[0].abort_on_fail);
}

#[test]
fn what_makes_no_sense_is_said_with_its_place() {
    for (options, said) in [
        (
            r#"{"vus":10,"iterations":9}"#,
            "iterations: must be at least the number of VUs, which is 10, but is 9",
        ),
        (
            r#"{"duration":"1s","iterations":1,"scenarios":{"a":{"executor":"shared-iterations"}}}"#,
            "duration: cannot be given together with `scenarios`\n\
             iterations: cannot be given together with `scenarios`",
        ),
        (
            r#"{"scenarios":{
                "a":{"executor":"shared-iterations","vus":5},
                "b":{"executor":"constant-arrival-rate","rate":1,"duration":"1s","preAllocatedVUs":5,"maxVUs":4}
            }}"#,
            "scenarios.a.iterations: must be at least the number of VUs, which is 5, but is 1\n\
             scenarios.b.maxVUs: must be at least preAllocatedVUs, which is 5, but is 4",
        ),
        (
            r#"{"scenarios":{
                "a":{"executor":"constant-vus","duration":"1s","vus":1000000},
                "b":{"executor":"constant-vus","duration":"1s","vus":1}
            }}"#,
            "scenarios: must have at most 1000000 VUs together, but have 1000001",
        ),
        (
            r#"{"summaryTrendStats":["avg","p(101)","mode"]}"#,
            "summaryTrendStats[1]: must be a percentile from 0 to 100, such as `p(95)`, but is `p(101)`\n\
             summaryTrendStats[2]: must be `avg`, `min`, `med`, `max`, `count`, `stdev`, `cv` or a percentile such as \
             `p(95)`, but is `mode`",
        ),
    ] {
        assert_eq!(problems(options), said, "{options}");
    }
}

#[test]
fn thresholds_that_are_none_are_told_by_their_place() {
    let problems = parse_json(
        r#"{"thresholds":{
            "http-reqs":["count>1"],
            "checks":["rate>0.9", "rate", {"threshold":"p(101)<5"}]
        }}"#,
    )
    .unwrap()
    .plan()
    .unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["thresholds.checks[1]", "thresholds.checks[2].threshold", "thresholds.http-reqs"]
    );
    for problem in &problems {
        assert!(problem.message.starts_with("expected "), "{problem}");
    }
}

#[test]
fn values_no_checker_has_seen_are_checked() {
    let options = Options {
        vus: Some(0),
        iterations: Some(0),
        duration: Some(Length::default()),
        user_agent: Some("a\nb".to_owned()),
        env: Some(BTreeMap::from([("A=B".to_owned(), String::new())])),
        summary_trend_stats: Some(vec!["mode".to_owned()]),
        ..Options::default()
    };
    let problems = options.plan().unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["duration", "env.\"A=B\"", "iterations", "userAgent", "vus", "summaryTrendStats[0]"]
    );
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let plan =
        plan(r#"{"vus":3,"gracefulStop":"1s","scenarios":{"a":{"executor":"shared-iterations"}}}"#);
    assert_eq!(
        plan.warnings,
        [
            "`vus` has no effect beside `scenarios`: each of them has its own",
            "`gracefulStop` has no effect beside `scenarios`: each of them has its own",
        ]
    );
}

proptest! {
    /// By counting at each moment at which anything changes.
    #[test]
    fn most_at_once_is_the_highest_point(
        scenarios in proptest::collection::vec((0..20_u64, 1..20_u64, 0..5_u64, 1..50_u32), 1..6)
    ) {
        let text: Vec<String> = scenarios
            .iter()
            .enumerate()
            .map(|(n, (start, duration, graceful, vus))| {
                format!(
                    r#""{n}":{{"executor":"constant-vus","vus":{vus},"duration":"{duration}s",
                    "startTime":"{start}s","gracefulStop":"{graceful}s"}}"#
                )
            })
            .collect();
        let plan = plan(&format!(r#"{{"scenarios":{{{}}}}}"#, text.join(",")));
        let at = |moment: u64| -> u32 {
            let runs = |(start, duration, graceful, _): &&(u64, u64, u64, u32)| {
                (*start..start + duration + graceful).contains(&moment)
            };
            scenarios.iter().filter(runs).map(|(.., vus)| vus).sum()
        };
        prop_assert_eq!(plan.max_vus(), (0..50).map(at).max().unwrap());
    }
}

#[test]
fn a_search_is_the_only_one_and_has_something_that_can_break() {
    let search = r#"{ "executor": "breakpoint", "raise": "vus", "start": 1, "max": 9 }"#;
    let two = format!(r#"{{ "scenarios": {{ "a": {search}, "b": {search} }} }}"#);
    let problems = crate::parse_json(&two).unwrap().plan().unwrap_err();
    assert_eq!(
        problems.to_string(),
        "scenarios.b: searches for the breakpoint as `a` does; only one scenario can\n\
         thresholds: must be given where a scenario searches for the breakpoint: it is where one of \
         them breaks"
    );
}

#[test]
fn a_scenario_can_make_requests_its_own_way() {
    let options = r#"{ "userAgent": "run", "requestTimeout": "9s", "scenarios": {
        "a": { "executor": "constant-vus", "duration": "1s", "options": { "requestTimeout": "2s" } },
        "b": { "executor": "constant-vus", "duration": "1s", "options": { "userAgent": "b" } },
        "c": { "executor": "constant-vus", "duration": "1s" } } }"#;
    let plan = crate::parse_json(options).unwrap().plan().unwrap();
    let told: Vec<_> = plan
        .scenarios
        .iter()
        .map(|scenario| scenario.requests.as_ref())
        .map(|own| own.map(|own| (own.timeout.as_secs(), own.user_agent.as_deref())))
        .collect();
    assert_eq!(told, [Some((2, Some("run"))), Some((9, Some("b"))), None]);
    let unknown = options.replace("\"userAgent\": \"b\"", "\"browser\": {}");
    let problems = crate::parse_json(&unknown).unwrap_err().to_string();
    assert_eq!(problems, "scenarios.b.options: unknown key `browser`");
}
