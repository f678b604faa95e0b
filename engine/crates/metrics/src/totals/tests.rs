use std::thread;

use proptest::prelude::*;

use super::*;
use crate::{Contains, Counter, Kind, Rate, builtin};

fn filter(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn counter(totals: &Totals, metric: MetricId, tags: &[(&str, &str)]) -> Option<Counter> {
    match totals.select(metric, &filter(tags))? {
        Sink::Counter(counter) => Some(counter),
        other => panic!("{other:?}"),
    }
}

#[test]
fn samples_are_there_once_collected_and_only_once() {
    let shards = Shards::new(Registry::new(), 1);
    let mut totals = Totals::new(&shards);
    let series = shards.registry().series(builtin::HTTP_REQS, &Tags::new());
    let recorder = shards.recorder(0);
    recorder.record(series, 2.0);
    assert_eq!(counter(&totals, builtin::HTTP_REQS, &[]), None, "not collected yet");
    for _ in 0..3 {
        totals.collect();
        let expected = Some(Counter { sum: 2.0, count: 1 });
        assert_eq!(counter(&totals, builtin::HTTP_REQS, &[]), expected);
    }
    // The third swap gives the shard back the sinks of the first.
    for _ in 0..3 {
        recorder.record(series, 1.0);
        totals.collect();
    }
    let expected = Some(Counter { sum: 5.0, count: 4 });
    assert_eq!(counter(&totals, builtin::HTTP_REQS, &[]), expected);
}

#[test]
fn a_selection_merges_the_series_that_have_its_tags() {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 2);
    let mut totals = Totals::new(&shards);
    for (shard, status, name, value) in [
        (0, "200", "home", 1.0),
        (1, "200", "home", 10.0),
        (0, "200", "login", 100.0),
        (1, "500", "login", 1000.0),
    ] {
        let tags = Tags::new().with("status", status).with("name", name);
        shards.recorder(shard).record(registry.series(builtin::HTTP_REQS, &tags), value);
    }
    totals.collect();
    for (tags, sum) in [
        (&[][..], Some(1111.0)),
        (&[("status", "200")], Some(111.0)),
        (&[("name", "login")], Some(1100.0)),
        (&[("name", "login"), ("status", "200")], Some(100.0)),
        (&[("name", "home"), ("status", "500")], None),
        (&[("scenario", "x")], None),
    ] {
        let found = counter(&totals, builtin::HTTP_REQS, tags).map(|counter| counter.sum);
        assert_eq!(found, sum, "{tags:?}");
    }
    assert!(totals.select(builtin::TRAPS, &[]).is_none(), "a metric nobody recorded");
}

#[test]
fn series_come_sorted_by_tags_whoever_was_first() {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 1);
    let mut totals = Totals::new(&shards);
    for name in ["c", "a", "d", "b"] {
        let series = registry.series(builtin::CHECKS, &Tags::new().with("check", name));
        shards.recorder(0).record(series, 1.0);
        totals.collect();
    }
    // Known, but without a sample.
    registry.series(builtin::CHECKS, &Tags::new().with("check", "e"));
    totals.collect();
    let names: Vec<_> = totals
        .series(builtin::CHECKS)
        .map(|(tags, sink)| {
            assert!(matches!(sink, Sink::Rate(Rate { trues: 1, total: 1 })));
            tags.get("check").unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!(totals.series(builtin::VUS).count(), 0);
}

#[test]
fn the_latest_gauge_is_the_one_collected_last() {
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), 2);
    let mut totals = Totals::new(&shards);
    let [a, b] = ["a", "b"].map(|s| registry.series(builtin::VUS, &Tags::new().with("s", s)));
    let last = |totals: &Totals| match totals.select(builtin::VUS, &[]) {
        Some(Sink::Gauge(gauge)) => (gauge.last, gauge.min, gauge.max),
        other => panic!("{other:?}"),
    };
    shards.recorder(1).record(b, 5.0);
    totals.collect();
    shards.recorder(0).record(a, 9.0);
    shards.recorder(0).record(a, 3.0);
    totals.collect();
    assert_eq!(last(&totals), (3.0, 3.0, 9.0), "though `b` comes after `a`");
    shards.recorder(1).record(a, 4.0);
    shards.recorder(0).record(a, 6.0);
    totals.collect();
    assert_eq!(last(&totals), (4.0, 3.0, 9.0), "in one tick, the shard of the higher number");
}

#[test]
fn samples_that_are_not_finite_are_counted_as_refused() {
    let shards = Shards::new(Registry::new(), 2);
    let mut totals = Totals::new(&shards);
    let series = shards.registry().series(builtin::HTTP_REQ_WAITING, &Tags::new());
    shards.recorder(0).record(series, f64::NAN);
    shards.recorder(1).record(series, f64::INFINITY);
    totals.collect();
    totals.collect();
    assert_eq!(totals.refused(), 2);
    assert!(totals.select(builtin::HTTP_REQ_WAITING, &[]).is_none());
}

#[test]
fn threads_recording_while_it_is_collected_lose_no_sample() {
    const THREADS: usize = 4;
    const SAMPLES: u32 = 20_000;
    let registry = Registry::new();
    let shards = Shards::new(registry.clone(), THREADS);
    let mut totals = Totals::new(&shards);
    let custom = registry.define("basket", Kind::Trend, Contains::Default).unwrap();
    let workers: Vec<_> = (0..THREADS)
        .map(|shard| {
            let recorder = shards.recorder(shard);
            thread::spawn(move || {
                let registry = recorder.registry().clone();
                let mine = registry.series(custom, &Tags::new().with("t", shard.to_string()));
                let requests = registry.series(builtin::HTTP_REQS, &Tags::new());
                for n in 0..SAMPLES {
                    let mut batch = recorder.batch();
                    batch.record(requests, 1.0);
                    batch.record(mine, f64::from(n));
                }
            })
        })
        .collect();
    while workers.iter().any(|worker| !worker.is_finished()) {
        totals.collect();
    }
    for worker in workers {
        worker.join().unwrap();
    }
    totals.collect();
    let all = u64::from(SAMPLES) * THREADS as u64;
    assert_eq!(counter(&totals, builtin::HTTP_REQS, &[]).unwrap().count, all);
    let Some(Sink::Trend(baskets)) = totals.select(custom, &[]) else { panic!() };
    assert_eq!(baskets.count(), all);
    assert_eq!((baskets.min(), baskets.max()), (0.0, f64::from(SAMPLES - 1)));
    assert_eq!(totals.series(custom).count(), THREADS);
}

#[test]
fn recording_makes_no_new_sink_once_both_of_a_shards_sets_have_it() {
    let shards = Shards::new(Registry::new(), 1);
    let mut totals = Totals::new(&shards);
    let series = shards.registry().series(builtin::HTTP_REQ_WAITING, &Tags::new());
    let mut addresses = Vec::new();
    for _ in 0..6 {
        let recorder = shards.recorder(0);
        recorder.record(series, 1.0);
        let shard = shards.cells()[0].0.lock();
        addresses.push(shard.sinks[series.index()].as_deref().map(std::ptr::from_ref).unwrap());
        drop(shard);
        totals.collect();
    }
    assert_eq!(addresses[..2], addresses[2..4]);
    assert_eq!(addresses[..2], addresses[4..]);
}

#[test]
fn a_window_has_what_was_collected_since_it_was_opened() {
    let shards = Shards::new(Registry::new(), 1);
    let mut totals = Totals::new(&shards);
    let series = shards.registry().series(builtin::DATA_SENT, &Tags::new());
    let sum = |totals: &Totals| counter(totals, builtin::DATA_SENT, &[]).map(|it| it.sum);
    assert!(totals.window().is_none());
    for (value, whole, window) in [(1.0, 1.0, 1.0), (2.0, 3.0, 2.0)] {
        totals.open_window();
        assert_eq!(totals.window().and_then(sum), None);
        shards.recorder(0).record(series, value);
        totals.collect();
        assert_eq!(sum(&totals), Some(whole));
        assert_eq!(totals.window().and_then(sum), Some(window));
    }
}

proptest! {
    #[test]
    fn however_samples_are_spread_over_shards_and_ticks_they_sum_to_the_whole(
        samples in proptest::collection::vec((0_usize..3, 0_usize..4, 0_u32..100, any::<bool>()), 0..80),
    ) {
        let registry = Registry::new();
        let shards = Shards::new(registry.clone(), 3);
        let mut totals = Totals::new(&shards);
        for (shard, name, value, tick) in &samples {
            let tags = Tags::new().with("name", name.to_string());
            shards.recorder(*shard).record(registry.series(builtin::DATA_SENT, &tags), f64::from(*value));
            if *tick {
                totals.collect();
            }
        }
        totals.collect();
        for name in 0..4 {
            let mine = samples.iter().filter(|sample| sample.1 == name);
            let expected = mine.clone().map(|sample| f64::from(sample.2)).sum::<f64>();
            let found = counter(&totals, builtin::DATA_SENT, &[("name", &name.to_string())]);
            prop_assert_eq!(found.map_or(0.0, |counter| counter.sum), expected);
            prop_assert_eq!(found.map_or(0, |counter| counter.count), mine.count() as u64);
        }
    }
}
