use metrics::{Recorder, Shards, Thresholds, Totals};
use run::{Measured, Tick};
use serde_json::Value;

use super::*;
use crate::stored::tests::stored;
use crate::summary::tests::{ordinary, plan};

/// A run that is said second by second.
struct Going {
    totals: Totals,
    recorder: Recorder,
    seconds: u64,
    live: Live,
}

impl Going {
    fn new() -> Self {
        let shards = Shards::new(Registry::new(), 1);
        let mut totals = Totals::new(&shards);
        totals.keep_series();
        let setting = Setting { script: "shop.wasm".to_owned(), ..Setting::default() };
        let mut live = Live::new(setting, Redactor::new(["hunter22"]));
        let plan = plan(
            r#"{ "vus": 3, "duration": "1m", "thresholds": { "http_req_duration": ["p(95)<5"] } }"#,
        );
        live.on_event(&Event {
            elapsed: Duration::ZERO,
            kind: EventKind::RunStarted { plan, workers: 2 },
        });
        Self { totals, recorder: shards.recorder(0), seconds: 0, live }
    }

    fn record(&self, metric: MetricId, tags: &[(&str, &str)], samples: &[f64]) {
        let series = self.recorder.registry().series(metric, &tags.iter().copied().collect());
        samples.iter().for_each(|sample| self.recorder.record(series, *sample));
    }

    /// A request, and how long it took.
    fn request(&self, name: &str, status: &str, took: f64) {
        let expected = if status == "200" { "true" } else { "false" };
        let tags = [
            ("method", "GET"),
            ("name", name),
            ("status", status),
            ("expected_response", expected),
        ];
        self.record(builtin::HTTP_REQS, &tags, &[1.0]);
        self.record(builtin::HTTP_REQ_FAILED, &tags, &[f64::from(u8::from(status != "200"))]);
        self.record(builtin::HTTP_REQ_DURATION, &tags, &[took]);
        self.record(builtin::DATA_SENT, &tags, &[100.0]);
        self.record(builtin::DATA_RECEIVED, &tags, &[700.0]);
    }

    fn second(&mut self) {
        self.totals.collect();
        let mut collected = self.totals.collected();
        self.totals.hand_over(&mut collected);
        let from = Duration::from_secs(self.seconds);
        self.seconds += 1;
        let elapsed = Duration::from_secs(self.seconds);
        let measured = Box::new(Measured { time: from..elapsed, collected });
        self.live.on_event(&Event { elapsed, kind: EventKind::Measured(measured) });
    }

    fn data(&self) -> Value {
        serde_json::from_str(&self.live.data()).unwrap()
    }
}

#[test]
fn while_a_run_goes_on_its_page_shows_what_was_measured_so_far() {
    let mut going = Going::new();
    let data = going.data();
    assert_eq!((&data["live"], &data["complete"]), (&true.into(), &false.into()));
    assert_eq!(data["verdict"]["text"], "The run goes on.");
    assert!(data["plan"].as_str().unwrap().contains("1m0s"), "{}", data["plan"]);

    for _ in 0..3 {
        going.request("home", "200", 10.0);
        going.request("home", "503", 30.0);
        going.request("item", "200", 20.0);
        going.record(builtin::CHECKS, &[("check", "of hunter22")], &[1.0, 0.0]);
        going.record(builtin::VUS, &[], &[3.0]);
        going.second();
    }
    let thresholds = Thresholds::new(
        plan(
            r#"{ "vus": 1, "duration": "1m", "thresholds": { "http_req_duration": ["p(95)<5"] } }"#,
        )
        .thresholds
        .clone(),
    );
    let elapsed = Duration::from_secs(3);
    let verdicts = thresholds.evaluate(&going.totals, elapsed).into();
    let tick = Tick {
        elapsed,
        vus: 3,
        vus_max: 3,
        iterations: 0,
        interrupted: 0,
        dropped: 0,
        requests: 9,
        scenarios: Vec::new(),
        verdicts,
    };
    going.live.on_event(&Event { elapsed, kind: EventKind::Tick(tick) });

    let data = going.data();
    assert_eq!(data["elapsedMs"], 3_000.0);
    assert_eq!(data["thresholds"][0]["outcome"], "crossed");
    let home = &data["endpoints"][0];
    assert_eq!(
        (&home["name"], &home["count"], &home["failed"]),
        (&"home".into(), &6.into(), &3.into())
    );
    assert_eq!((&home["duration"]["min"], &home["duration"]["max"]), (&10.into(), &30.into()));
    assert_eq!((&home["sent"], &home["received"]), (&600.into(), &4_200.into()));
    assert_eq!(data["errors"][0]["error"], "status 503");
    assert_eq!(data["errors"][0]["example"], "GET home");
    assert_eq!(data["checks"][0]["passes"], 3);
    assert_eq!(data["checks"][0]["name"], "of [redacted]");
    assert_eq!(data["timeline"]["slots"], 3);
    assert_eq!(data["trends"][0]["p99"].as_array().unwrap().len(), 3);
    let tiles = data["tiles"].as_array().unwrap();
    let requests = tiles.iter().find(|tile| tile["label"] == "Requests a second").unwrap();
    assert_eq!((&requests["value"], &requests["note"][0]), (&3.0.into(), &9.0.into()));
}

#[test]
fn when_a_run_is_over_its_page_shows_the_whole_result() {
    let mut going = Going::new();
    going.second();
    let result = stored(&ordinary());
    going.live.on_result(&result);
    assert_eq!(going.live.data(), data(&result, false, &Redactor::default()));
    assert!(going.live.page().contains(&going.live.data()));
    assert!(!going.live.data().contains('\n'), "one line, which is one message");
}

#[test]
fn a_long_run_of_many_names_stays_small() {
    let mut going = Going::new();
    for second in 0..700 {
        for of in 0..3 {
            going.request(&format!("item {second} {of}"), "200", f64::from(second % 9 + 1));
        }
        going.second();
    }
    assert_eq!(going.live.endpoints.len(), NAMES);
    let data = going.data();
    assert_eq!(data["endpoints"].as_array().unwrap().len(), ROWS);
    assert_eq!(data["endpointsLeftOut"], NAMES - ROWS);
    assert_eq!((&data["timeline"]["width"], &data["timeline"]["slots"]), (&3.into(), &234.into()));
    // Requests of names that are told apart no more are counted with the others all the same.
    assert_eq!(data["trends"][0]["count"], 2_100);
}
