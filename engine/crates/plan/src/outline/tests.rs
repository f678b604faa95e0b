use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::Steps;
use crate::parse_json;

fn plan(options: &str) -> Plan {
    let mut parsed = parse_json(options).unwrap();
    parsed.read_traces(|_| Ok("0\n0.25\n0.25\n7.5\n31\n".to_owned()));
    parsed.plan().unwrap_or_else(|problems| panic!("{options}: {problems}"))
}

fn outline_of(options: &str, parts: usize) -> Outline {
    plan(options).outline(NonZeroUsize::new(parts).unwrap())
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_way_to_start_iterations_has_its_sentences() {
    for (scenario, said) in [
        (
            r#""executor":"constant-vus","vus":10,"duration":"30s""#,
            "10 VUs run the flow `default`, each one iteration after the other. \
             It starts at 0s; no iteration starts after 30s, and those still running then have 30s \
             to finish.",
        ),
        (
            r#""executor":"constant-vus","duration":"30s","startTime":"1m","gracefulStop":"0s","exec":"buy""#,
            "1 VU runs the flow `buy`, one iteration after the other. It starts at \
             1m0s; no iteration starts after 1m30s, and those still running then are cut off.",
        ),
        (
            r#""executor":"shared-iterations","vus":10,"iterations":200,"gracefulStop":"5s""#,
            "10 VUs share 200 iterations of the flow `default`: whichever is free runs the next. It \
             starts at 0s and ends with its last iteration; none starts after 10m0s, and those still \
             running then have 5s to finish.",
        ),
        (
            r#""executor":"per-vu-iterations","vus":3,"iterations":20,"maxDuration":"1m""#,
            "Each of 3 VUs runs 20 iterations of the flow `default`. It starts at 0s and ends with \
             its last iteration; none starts after 1m0s, and those still running then have 30s to finish.",
        ),
        (
            r#""executor":"per-vu-iterations","maxDuration":"1m""#,
            "1 VU runs 1 iteration of the flow `default`. It starts at 0s and ends with its last \
             iteration; none starts after 1m0s, and those still running then have 30s to finish.",
        ),
        (
            r#""executor":"constant-arrival-rate","rate":20,"duration":"30s","preAllocatedVUs":5,"maxVUs":10"#,
            "20 iterations/s of the flow `default` are due, 600 in all, whether or not earlier ones have ended. \
             Each takes a VU, of 5 to begin with and 10 at most; if none is free, it is dropped. \
             It starts at 0s; no iteration starts after 30s, and those still running then \
             have 30s to finish.",
        ),
        (
            r#""executor":"constant-arrival-rate","rate":90,"timeUnit":"1h","duration":"2h","preAllocatedVUs":5"#,
            "1.5 iterations/min of the flow `default` are due, 180 in all, whether or not earlier ones have \
             ended. Each takes one of 5 VUs; if none is free, it is dropped. It starts at \
             0s; no iteration starts after 2h0m0s, and those still running then have 30s to finish.",
        ),
        (
            r#""executor":"constant-arrival-rate","rate":4,"duration":"30s","preAllocatedVUs":1,
                "distribution":"poisson","seed":7,"onBusy":"queue","maxQueue":9"#,
            "4 iterations/s of the flow `default` are due on average, about 120 in all, whether or not \
             earlier ones have ended: each at a moment of chance (Poisson), the same in every run with \
             the seed 7. Each takes the only VU; if that is busy, it waits, and is dropped where 9 wait \
             already. It starts at 0s; no iteration starts after 30s, and those still running then have \
             30s to finish.",
        ),
        (
            r#""executor":"ramping-arrival-rate","preAllocatedVUs":1,"stages":[
                {"duration":"10m","target":10},{"duration":"0s","target":500},
                {"duration":"1ms","target":500},{"duration":"0s","target":1},
                {"duration":"10m","target":5}]"#,
            "0 to 500 iterations/s of the flow `default` are due, 4801 in all, whether or not earlier \
             ones have ended. Each takes the only VU; if that is busy, it is dropped. It starts at \
             0s; no iteration starts after 20m0.001s, and those still running then have 30s to finish.",
        ),
        (
            r#""executor":"ramping-vus","startVUs":5,"gracefulRampDown":"9s","stages":[
                {"duration":"10s","target":50},{"duration":"10s","target":2}]"#,
            "Up to 50 VUs (5 at the start) run the flow `default`, each one iteration after the other. A VU that has to go has 9s to finish. It starts at 0s; no iteration starts after 20s, and \
             those still running then have 30s to finish.",
        ),
        (
            r#""executor":"externally-controlled","vus":2,"maxVUs":9,"duration":0,"startTime":"5s""#,
            "Up to 9 VUs (2 at the start) run the flow `default`, each one iteration after the other. Any number up to 9 can be set through the control API (`--address`) while it \
             runs. It starts at 5s and goes on until somebody stops it; iterations still \
             running then have 30s to finish.",
        ),
        (
            r#""executor":"constant-vus","duration":"30s","weights":{"a":1,"b":1,"c":1},
                "thinkTime":{"normal":{"mean":"2s","deviation":"1s"}},"pacing":"5s",
                "iterationTimeout":"10s","isolation":"iteration""#,
            "1 VU runs the flows `a` (33.33%), `b` (33.33%) and `c` (33.33%), one iteration after the other. After each, a VU waits 2s ± 1s (normal). A VU starts at most one in \
             5s. One that takes longer than 10s is cut off. Each has a fresh instance of the script. It \
             starts at 0s; no iteration starts after 30s, and those still running then have 30s to finish.",
        ),
    ] {
        let outline = outline_of(&format!(r#"{{"scenarios":{{"a":{{{scenario}}}}}}}"#), 1);
        assert_eq!(outline.scenarios[0].sentences.join(" "), said);
    }
}

/// As many iterations a second as seconds have passed: `n = t² / 2`, never exhausted.
#[derive(Debug)]
struct Rising;

impl Pacer for Rising {
    fn due(&self, n: u64) -> Option<Duration> {
        Duration::try_from_secs_f64((2.0 * n as f64).sqrt()).ok()
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        elapsed.as_secs_f64()
    }

    fn corners(&self) -> Vec<Duration> {
        vec![Duration::ZERO]
    }

    fn total(&self) -> f64 {
        f64::INFINITY
    }
}

#[test]
fn iterations_are_counted_as_far_as_they_are_known() {
    let looping = r#""executor":"constant-vus","duration":"1s""#;
    let shared = r#""executor":"shared-iterations","vus":2,"iterations":20"#;
    let each = r#""executor":"per-vu-iterations","vus":2,"iterations":20"#;
    let rate =
        r#""executor":"constant-arrival-rate","rate":20,"duration":"30s","preAllocatedVUs":5"#;
    let chance = r#""executor":"constant-arrival-rate","rate":20,"duration":"30s","preAllocatedVUs":5,
        "distribution":"poisson""#;
    let controlled = r#""executor":"externally-controlled","vus":2,"duration":"1s""#;
    for (a, b, said, why) in [
        (looping, looping, "as many as the VUs manage", "who loops may loop more often"),
        (looping, rate, "as many as the VUs manage", "one without bounds is enough"),
        (controlled, rate, "as many as the VUs manage", "nor has somebody's hand any"),
        (shared, shared, "at most 40", "time may run out"),
        (shared, each, "at most 60", "each of two VUs has its own"),
        (rate, rate, "exactly 1200 due", "both are due come what may"),
        (shared, rate, "at most 620", "what is not exact in one is not in both"),
        (chance, rate, "about 1200 due", "what is expected in one is in both"),
        (chance, shared, "at most about 620", "and it may be fewer"),
    ] {
        let options = format!(r#"{{"scenarios":{{"a":{{{a}}},"b":{{{b}}}}}}}"#);
        assert_eq!(outline_of(&options, 1).totals.iterations.to_string(), said, "{why}");
    }
}

#[test]
fn totals_do_not_overflow_however_many_scenarios_there_are() {
    let most = crate::MAX_ITERATIONS;
    let each = (0..3_000).map(|n| {
        format!(r#""s{n}":{{"executor":"shared-iterations","iterations":{most},"gracefulStop":0}}"#)
    });
    let options = format!(r#"{{"scenarios":{{{}}}}}"#, each.collect::<Vec<_>>().join(","));
    let totals = outline_of(&options, 1).totals;
    assert_eq!(totals.iterations.count, Some(u128::from(most) * 3_000), "more than 64 bits hold");
    assert_eq!(totals.max_vus, 3_000);
}

#[test]
fn an_endless_load_is_shown_until_a_minute_after_its_last_change() {
    let endless =
        r#"{"executor":"externally-controlled","vus":2,"maxVUs":4,"duration":0,"startTime":"30s"}"#;
    let short = r#"{"executor":"constant-vus","duration":"1m","gracefulStop":"0s"}"#;
    let outline = outline_of(&format!(r#"{{"scenarios":{{"a":{endless},"b":{short}}}}}"#), 4);
    assert_eq!(outline.totals.max_duration, None);
    assert_eq!(outline.length, SECOND * 120);
    let controlled = &outline.scenarios[1].vus;
    assert_eq!(controlled.values, [0.0, 2.0, 2.0, 2.0]);
    assert_eq!(controlled.at_most, [0.0, 4.0, 4.0, 4.0]);
    assert_eq!(controlled.beyond, "as asked for");
}

#[test]
fn a_preset_is_told() {
    let preset = crate::Preset::Spike;
    let options = preset.options(crate::Options::default()).unwrap();
    let over_others = options.over(parse_json(r#"{"iterations":5}"#).unwrap());
    let one = NonZeroUsize::MIN;
    assert_eq!(over_others.clone().plan().unwrap().outline(one).preset, Some(preset));
    let under_others = parse_json(r#"{"iterations":5}"#).unwrap().over(over_others);
    assert_eq!(under_others.plan().unwrap().outline(one).preset, None, "it is decided against");
}

#[test]
fn totals_are_the_plans() {
    let outline = outline_of(
        r#"{"scenarios":{
            "a":{"executor":"constant-vus","vus":10,"duration":"30s"},
            "b":{"executor":"constant-vus","vus":3,"duration":"30s","startTime":"50s"}
        }}"#,
        1,
    );
    let Totals { max_vus, max_duration, .. } = outline.totals;
    assert_eq!(max_vus, 13, "the first still finishes when the second starts");
    assert_eq!(max_duration, Some(SECOND * 110));
    assert_eq!(outline.length, SECOND * 110);
}

#[test]
fn iterations_due_are_those_before_the_end() {
    for (duration, count, why) in [
        (Duration::ZERO, 0, "none in no time"),
        (Duration::from_nanos(1), 1, "the first is due at once"),
        (SECOND * 2, 2, "the third is due at the end, which is too late"),
        (SECOND * 10, 50, "half the square of the time"),
        (SECOND * 1_000_000, 500_000_000_000, "however many there are"),
    ] {
        assert_eq!(due_within(&Rising, duration), count, "{why}");
    }
    assert_eq!(due_within(&Always, SECOND), u64::MAX, "and if there is no end to them");
}

#[derive(Debug)]
struct Always;

impl Pacer for Always {
    fn due(&self, _: u64) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn rate(&self, _: Duration) -> f64 {
        f64::INFINITY
    }

    fn corners(&self) -> Vec<Duration> {
        Vec::new()
    }

    fn total(&self) -> f64 {
        f64::INFINITY
    }
}

#[test]
fn vus_are_told_part_by_part_with_those_that_may_be_there_beside_them() {
    for (scenario, parts, values, at_most, why) in [
        (
            r#""executor":"constant-vus","vus":10,"duration":"30s""#,
            4,
            &[10.0, 10.0, 0.0, 0.0][..],
            &[10.0, 10.0, 10.0, 10.0][..],
            "the second half is the graceful stop",
        ),
        (
            r#""executor":"constant-vus","vus":10,"duration":"30s","gracefulStop":"0s""#,
            2,
            &[10.0, 10.0],
            &[10.0, 10.0],
            "there is none",
        ),
        (
            r#""executor":"constant-vus","vus":2,"duration":"10s","startTime":"20s","gracefulStop":"10s""#,
            4,
            &[0.0, 0.0, 2.0, 0.0],
            &[0.0, 0.0, 2.0, 2.0],
            "nothing before the start",
        ),
        (
            r#""executor":"constant-vus","vus":2,"duration":"10s","startTime":"25s","gracefulStop":"5s""#,
            2,
            &[0.0, 2.0],
            &[0.0, 2.0],
            "a part that is begun has its most",
        ),
        (
            r#""executor":"ramping-vus","startVUs":4,"gracefulRampDown":"10s","gracefulStop":"0s",
                "stages":[{"duration":"10s","target":4},{"duration":"0s","target":1},
                    {"duration":"20s","target":1}]"#,
            3,
            &[4.0, 1.0, 1.0],
            &[4.0, 4.0, 1.0],
            "VUs that have to go finish",
        ),
        (
            r#""executor":"constant-arrival-rate","rate":1,"duration":"20s","preAllocatedVUs":2,
                "maxVUs":5,"gracefulStop":"10s""#,
            3,
            &[2.0, 2.0, 0.0],
            &[5.0, 5.0, 5.0],
            "more are made when they are needed",
        ),
        (
            r#""executor":"shared-iterations","vus":3,"iterations":5,"maxDuration":"10s","gracefulStop":"10s""#,
            2,
            &[3.0, 0.0],
            &[3.0, 3.0],
            "as long as it may take",
        ),
    ] {
        let outline = outline_of(&format!(r#"{{"scenarios":{{"a":{{{scenario}}}}}}}"#), parts);
        let Series { unit, values: told, at_most: most, .. } = &outline.scenarios[0].vus;
        assert_eq!(*unit, "VUs");
        assert_eq!((told.as_slice(), most.as_slice()), (values, at_most), "{why}");
    }
}

#[test]
fn rates_are_told_part_by_part_in_a_unit_that_reads() {
    for (rate, unit, parts, told_unit, values, why) in [
        (
            20,
            "1s",
            4,
            "iterations/s",
            &[20.0, 20.0, 0.0, 0.0][..],
            "none is due when others finish",
        ),
        (20, "1s", 1, "iterations/s", &[20.0], "one part is as high as its highest"),
        (6, "1m", 2, "iterations/min", &[6.0, 0.0], "few in a second are some in a minute"),
        (6, "1h", 2, "iterations/h", &[6.0, 0.0], "or in an hour"),
        (6, "1d", 2, "iterations/h", &[0.25, 0.0], "which is the longest"),
    ] {
        let options = format!(
            r#"{{"scenarios":{{"a":{{"executor":"constant-arrival-rate","rate":{rate},
                "timeUnit":"{unit}","duration":"30s","preAllocatedVUs":1}}}}}}"#
        );
        let arrivals = outline_of(&options, parts).scenarios.remove(0).arrivals.unwrap();
        assert_eq!(arrivals.unit, told_unit, "{why}");
        assert_eq!(arrivals.values.len(), values.len(), "{why}");
        for (told, value) in arrivals.values.iter().zip(values) {
            assert!((told - value).abs() < 1e-9, "{why}: {told} instead of {value}");
        }
    }
}

#[test]
fn a_moment_of_load_in_hours_of_it_is_not_lost() {
    let outline = outline_of(
        r#"{"scenarios":{
            "a":{"executor":"constant-vus","duration":"5h"},
            "b":{"executor":"constant-arrival-rate","rate":50,"duration":"1ms","preAllocatedVUs":7,
                "startTime":"2h29m","gracefulStop":"0s"}
        }}"#,
        5,
    );
    let spike = &outline.scenarios[1];
    assert_eq!(spike.vus.values, [0.0, 0.0, 7.0, 0.0, 0.0]);
    assert_eq!(spike.arrivals.as_ref().unwrap().values, [0.0, 0.0, 50.0, 0.0, 0.0]);
}

#[test]
fn a_rate_that_rises_is_told_up_to_its_highest() {
    let axis = Axis { length: SECOND * 10, parts: NonZeroUsize::new(5).unwrap() };
    let told = rates(&Rising, SECOND * 2, SECOND * 4, axis);
    for (told, value) in told.values.iter().zip([0.0, 2.0, 4.0, 0.0, 0.0]) {
        assert!((told - value).abs() < 1e-6, "{told} instead of {value}");
    }
    assert!(!told.has_beyond(), "what is due is due");
}

/// Options of a scenario of any executor, from numbers that mean what they can in each.
fn scenario_of(executor: &str, [a, b, c]: [u64; 3], seconds: [u64; 3]) -> Value {
    let [long, short, grace] = seconds.map(|seconds| format!("{seconds}s"));
    let arrivals = json!({ "executor": executor, "preAllocatedVUs": a, "maxVUs": a + b });
    let stages = json!([
        { "duration": long, "target": b }, { "duration": "0s", "target": c },
        { "duration": short, "target": c }, { "duration": "1s", "target": a }
    ]);
    let own = match executor {
        "constant-vus" => json!({ "vus": a, "duration": long }),
        "per-vu-iterations" => json!({ "vus": a, "iterations": b, "maxDuration": long }),
        "shared-iterations" => json!({ "vus": a, "iterations": a + b, "maxDuration": long }),
        "ramping-vus" => json!({ "startVUs": c, "stages": stages, "gracefulRampDown": grace }),
        "constant-arrival-rate" => json!({ "rate": c, "timeUnit": short, "duration": long }),
        "ramping-arrival-rate" => json!({ "startRate": b, "timeUnit": short, "stages": stages }),
        "arrival-trace" => json!({ "file": "a.txt" }),
        "externally-controlled" => json!({ "vus": a, "maxVUs": a + b, "duration": long }),
        "breakpoint" => match a % 2 {
            0 => json!({ "raise": "vus", "start": a, "max": a + b, "stepDuration": long }),
            _ => {
                json!({ "raise": "rate", "start": a, "max": a + c, "add": 1, "stepDuration": short,
                "preAllocatedVUs": a, "maxVUs": a + b })
            }
        },
        other => panic!("the executor {other} has no example here"),
    };
    let mut scenario = json!({ "executor": executor, "startTime": short, "gracefulStop": grace });
    let shared = if executor.contains("arrival") { arrivals } else { json!({}) };
    for fields in [shared, own] {
        scenario.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    }
    scenario
}

prop_compose! {
    /// Up to four scenarios of any executors.
    fn plans()(
        scenarios in proptest::collection::vec(
            (
                proptest::sample::select(crate::EXECUTORS),
                proptest::array::uniform3(1..30_u64),
                proptest::array::uniform3(1..60_u64),
            ),
            1..5,
        ),
    ) -> Plan {
        // Only one scenario can search.
        let search = scenarios.iter().position(|(executor, ..)| *executor == "breakpoint");
        let each = scenarios.into_iter().enumerate();
        let each = each.filter(|(n, (executor, ..))| {
            *executor != "breakpoint" || search == Some(*n)
        });
        let scenarios: serde_json::Map<_, _> = each
            .map(|(n, (executor, numbers, seconds))| {
                (format!("s{n}"), scenario_of(executor, numbers, seconds))
            })
            .collect();
        let thresholds = json!({ "checks": ["rate>0.9"] });
        plan(&json!({ "scenarios": scenarios, "thresholds": thresholds }).to_string())
    }
}

/// The most VUs that a schedule can have at a moment from its start: worked out anew, from what the loops of
/// `run` do with it.
fn vus_of(schedule: &Schedule, graceful_stop: Duration, moment: Duration) -> u32 {
    if moment >= schedule.duration() + graceful_stop {
        return 0;
    }
    match schedule {
        Schedule::Looping { steps, graceful_ramp_down } => {
            // Who has lost a place goes on until then, and nobody loses one by the end of all.
            let lost = |end: &VuStep| end.at + *graceful_ramp_down;
            let held = steps.windows(2).enumerate().filter(|(place, two)| {
                let is_last = place + 2 == steps.len();
                two[0].at <= moment && (is_last || moment < lost(&two[1]))
            });
            held.map(|(_, two)| two[0].vus).max().unwrap_or(0)
        }
        Schedule::Iterations { vus, .. } => vus.get(),
        Schedule::Controlled { max_vus, .. } | Schedule::Arrivals { max_vus, .. } => *max_vus,
        Schedule::Search(search) => search.max_vus(),
    }
}

/// The iterations that a schedule can start, where they can be counted one by one.
fn started_by(schedule: &Schedule) -> Option<u128> {
    match schedule {
        Schedule::Looping { .. } | Schedule::Controlled { .. } => None,
        Schedule::Search(search) => (search.raise != Raise::Vus).then(|| {
            let tried = (0..=search.max).map(|capacity| {
                let mut steps = Steps::new(*search);
                let mut started = 0;
                while let Some(load) = steps.next() {
                    started += u128::from(load) * search.step.as_nanos();
                    steps.record(load <= capacity);
                }
                started / 1_000_000_000
            });
            tried.max().unwrap_or(0)
        }),
        Schedule::Iterations { vus, budget: Budget::PerVu(each), .. } => {
            Some((0..vus.get()).map(|_| u128::from(*each)).sum())
        }
        Schedule::Iterations { budget: Budget::Shared(all), .. } => Some((*all).into()),
        Schedule::Arrivals { pacer, duration, .. } => {
            Some(pacer.arrivals(0, 1).filter(|(_, due)| due < duration).count() as u128)
        }
    }
}

proptest! {
    #[test]
    fn no_schedule_ever_asks_for_more_than_was_told(
        plan in plans(),
        moments in proptest::collection::vec(0.0..1.0_f64, 20),
    ) {
        let parts = 40;
        let outline = plan.outline(NonZeroUsize::new(parts).unwrap());
        let totals = outline.totals;
        prop_assert_eq!(totals.max_duration, Some(outline.length));
        for share in moments {
            let moment = outline.length.mul_f64(share);
            let part = ((share * parts as f64) as usize).min(parts - 1);
            let mut all = 0;
            for (scenario, told) in plan.scenarios.iter().zip(&outline.scenarios) {
                let Some(moment) = moment.checked_sub(scenario.start_time) else { continue };
                let vus = vus_of(&scenario.schedule, scenario.graceful_stop, moment);
                prop_assert!(f64::from(vus) <= told.vus.at_most[part], "{} at {:?}", told.name, moment);
                all += vus;
            }
            prop_assert!(all <= totals.max_vus, "{} of {}", all, totals.max_vus);
        }
        for scenario in &plan.scenarios {
            let at_the_end = outline.length - scenario.start_time;
            prop_assert_eq!(vus_of(&scenario.schedule, scenario.graceful_stop, at_the_end), 0);
        }
        let started = plan.scenarios.iter().map(|scenario| started_by(&scenario.schedule));
        let started: Option<u128> = started.sum();
        let searches = plan.scenarios.iter().any(|it| matches!(it.schedule, Schedule::Search(_)));
        if searches {
            prop_assert_eq!(totals.iterations.count.is_some(), started.is_some());
            prop_assert!(totals.iterations.count >= started, "{:?} for {:?}", totals, started);
        } else {
            prop_assert_eq!(totals.iterations.count, started, "neither more than was told nor fewer");
        }
    }

    #[test]
    fn chance_gives_about_as_many_iterations_as_was_told(
        seed in 0..100_u64,
        rate in 1..50_u32,
        seconds in 1..50_u32,
    ) {
        let options = json!({ "scenarios": { "a": { "executor": "constant-arrival-rate", "rate": rate,
            "duration": format!("{seconds}s"), "preAllocatedVUs": 1, "distribution": "poisson",
            "seed": seed } } });
        let plan = plan(&options.to_string());
        let told = plan.outline(NonZeroUsize::MIN).totals.iterations;
        let about = told.count.unwrap() as f64;
        let started = started_by(&plan.scenarios[0].schedule).unwrap() as f64;
        // Eight standard deviations, and a few more where there are next to none.
        prop_assert!((started - about).abs() <= 8.0 * about.sqrt() + 8.0, "{} for {}", started, about);
        prop_assert!(told.about);
    }

    #[test]
    fn the_highest_part_is_the_highest_of_all(
        changes in proptest::collection::vec((0..1_000_u64, 0..100_u32), 1..20),
        parts in 1..50_usize,
    ) {
        let mut at = 0;
        let steps: Vec<_> = changes
            .into_iter()
            .map(|(after, vus)| {
                // Times that differ, as nothing can be shown that lasts no time.
                at += after + 1;
                VuStep { at: Duration::from_millis(at), vus }
            })
            .collect();
        let axis = Axis {
            length: Duration::from_millis(at + 1),
            parts: NonZeroUsize::new(parts).unwrap(),
        };
        let values = axis.values(|from, to| most_within(&steps, from, to).into());
        let highest = steps.iter().map(|step| step.vus).max().unwrap_or(0);
        prop_assert_eq!(values.iter().copied().fold(0.0, f64::max), f64::from(highest));
    }

    #[test]
    fn parts_cover_all_of_the_time_in_order(nanoseconds: u64, parts in 1..300_usize) {
        let length = Duration::from_nanos(nanoseconds);
        let axis = Axis { length, parts: NonZeroUsize::new(parts).unwrap() };
        prop_assert_eq!(axis.start(0), Duration::ZERO);
        prop_assert_eq!(axis.start(parts), length);
        prop_assert!((0..parts).all(|n| axis.start(n) <= axis.start(n + 1)));
    }
}
