//! What the page says, in a browser: `in_chromium`. What stands in it, here.

mod chromium;

use metrics::builtin;
use run::Finished;
use serde_json::Value;

use super::*;
use crate::stored::tests::stored;
use crate::summary::tests::{Recording, idle, mishaps, ordinary, plan, searched};

/// The names of a target that wants to be more than a name.
const NASTY: &str = "</script><img src=x onerror=document.body.dataset.owned=1><!--<script>";

/// A minute and a half of load that was raised, was too much for a while, and had something of everything.
fn busy() -> Finished {
    let plan = plan(
        r#"{ "scenarios": { "shop": { "executor": "ramping-arrival-rate", "startRate": 10, "preAllocatedVUs": 20,
            "maxVUs": 60, "stages": [
                { "duration": "30s", "target": 40 }, { "duration": "40s", "target": 40 }, { "duration": "20s", "target": 0 }] } },
            "thresholds": { "http_req_duration": ["p(95)<200", "p(99)<1000"], "http_req_failed": ["rate<0.5"],
                "http_req_duration{name:nobody}": ["p(95)<200"] } }"#,
    );
    let mut run = Recording::new();
    for second in 0..90_u32 {
        let rate = if second < 30 { 10 + second } else { 40_u32.min(2 * (90 - second)) };
        // The target is out of breath in the middle.
        let slow = if (45..60).contains(&second) { 8.0 } else { 1.0 };
        for place in 0..rate {
            let chance = f64::from((second * 7_919 + place * 104_729) % 1_000) / 1_000.0;
            let took = slow * (4.0 + 30.0 * chance + 400.0 * chance.powi(12));
            let (method, name) =
                [("GET", "/items/{id}"), ("GET", "/"), ("POST", "/basket")][place as usize % 3];
            let failed = slow > 1.0 && chance > 0.85;
            let status = if failed { "503" } else { "200" };
            let mut tags =
                vec![("method", method), ("name", name), ("status", status), ("scenario", "shop")];
            tags.push(("expected_response", if failed { "false" } else { "true" }));
            run.record(builtin::HTTP_REQS, &tags, &[1.0]);
            run.record(builtin::HTTP_REQ_FAILED, &tags, &[f64::from(u8::from(failed))]);
            run.record(builtin::HTTP_REQ_DURATION, &tags, &[took]);
            run.record(builtin::HTTP_REQ_RESPONSE, &tags, &[took + (slow - 1.0) * 100.0 * chance]);
            run.record(
                builtin::CHECKS,
                &[("check", "it is served")],
                &[f64::from(u8::from(!failed))],
            );
            run.record(builtin::CHECKS, &[("check", "it is a page")], &[1.0]);
            run.record(builtin::ITERATIONS, &[("scenario", "shop")], &[1.0]);
            run.record(builtin::ITERATION_DURATION, &[("scenario", "shop")], &[took + 1.0]);
            for metric in [builtin::DATA_SENT, builtin::DATA_RECEIVED] {
                run.record(metric, &[], &[400.0 + 100.0 * chance]);
            }
        }
        run.record(builtin::VUS, &[], &[f64::from(rate.div_ceil(4)) * slow.sqrt().ceil()]);
        run.second();
    }
    run.finish(90, plan)
}

/// What stands in a page between its data's tags.
fn data_of(page: &str) -> &str {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    rest.split_once("</script>").unwrap().0
}

fn read(page: &str) -> Value {
    serde_json::from_str(data_of(page)).unwrap()
}

#[test]
fn every_part_stands_in_the_page() {
    let page = page(&stored(&ordinary()), &Redactor::default());
    for (place, content) in PARTS {
        assert!(page.contains(content) && !page.contains(place), "{place}");
        assert!(!content.contains("</script") && !content.contains("<!--"), "{place}");
    }
    assert!(!page.contains(DATA));
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn the_page_names_no_place_to_load_anything_from() {
    let page = page(&StoredResult::default(), &Redactor::default());
    for names in [" src=", "@import", "url(", "<link", "import(", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(names), "{names}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_figures_of_a_run_are_in_its_data() {
    let result = stored(&ordinary());
    let data = read(&page(&result, &Redactor::default()));
    assert_eq!((&data["complete"], &data["live"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(data["script"], "shop.wasm");
    let tile = |label: &str| {
        let tiles = data["tiles"].as_array().unwrap();
        tiles.iter().find(|tile| tile["label"] == label).map(|tile| tile["value"].clone())
    };
    let requests = result.summary.metrics["http_reqs"].values["count"].0;
    let seconds = result.summary.state.test_run_duration_ms.0 / 1e3;
    assert_eq!(tile("Requests a second").unwrap().as_f64(), Some(requests / seconds));
    let durations = &data["trends"][0];
    assert_eq!(durations["name"], "http_req_duration");
    assert_eq!(durations["figures"]["p95"], tile("Response, p95").unwrap());
    let track = data["timeline"]["tracks"].as_array().unwrap();
    assert!(track.iter().any(|track| track["name"] == "http_reqs"), "{track:?}");
    let lengths =
        ["p50", "p90", "p95", "p99", "max"].map(|it| durations[it].as_array().unwrap().len());
    assert_eq!(lengths, [result.timeline.measured.len(); 5]);
}

#[test]
fn whatever_came_of_a_run_there_is_a_page_that_says_it() {
    for (finished, sort, text) in [
        (mishaps(), "bad", "crossed"),
        (idle(), "plain", "no thresholds"),
        (searched(), "good", "held"),
    ] {
        let data = read(&page(&stored(&finished), &Redactor::default()));
        let verdict = &data["verdict"];
        let said = verdict["text"].as_str().unwrap();
        assert!(verdict["sort"] == sort && said.contains(text), "{verdict} for {sort} {text}");
    }
}

#[test]
fn a_run_that_was_killed_leaves_a_page_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let mut file = HtmlFile::create(&path, Redactor::default()).unwrap();
    let first = std::fs::read_to_string(&path).unwrap();
    assert!(read(&first)["verdict"]["text"].as_str().unwrap().contains("not come to its end"));

    file.on_result(&stored(&ordinary()));
    file.finish().unwrap();
    let last = std::fs::read_to_string(&path).unwrap();
    assert_eq!(read(&last)["complete"], true);
    assert_eq!(last, page(&stored(&ordinary()), &Redactor::default()));
}

/// A run in which every name that somebody else chose is this one.
fn named(name: &str) -> StoredResult {
    let mut result = stored(&mishaps());
    let text = || name.to_owned();
    result.environment.script = text();
    result.environment.tags.insert(text(), text());
    result.plan.text = text();
    result.endpoints.push(crate::stored::form::Endpoint {
        method: text(),
        name: text(),
        count: 1,
        ..Default::default()
    });
    result.phases.push(crate::stored::form::Phase { name: text(), ..Default::default() });
    result.injector.doubts.push(text());
    let summary = &mut result.summary;
    summary.checks.iter_mut().for_each(|check| check.name = text());
    summary.scenarios.iter_mut().for_each(|scenario| scenario.name = text());
    for error in &mut summary.errors {
        (error.error, error.example) = (text(), Some(text()));
    }
    summary.failures.iter_mut().for_each(|failure| failure.message = text());
    for threshold in &mut summary.thresholds {
        (threshold.metric, threshold.threshold) = (text(), text());
    }
    summary.setup_error = Some(text());
    let metric = summary.metrics["http_reqs"].clone();
    summary.metrics.insert(text(), metric);
    for of in ["http_req_duration", "http_reqs"] {
        let track = result.timeline.metrics[of].clone();
        // One of each sort.
        result.timeline.metrics.insert(format!("{name}{}", track.kind), track);
    }
    let histogram = result.histograms["http_req_duration"].clone();
    result.histograms.insert(format!("{name}trend"), histogram);
    result
}

#[test]
fn no_name_is_anything_but_a_text_in_the_data() {
    let page = page(&named(NASTY), &Redactor::default());
    let data = data_of(&page);
    assert!(!data.contains('<'), "a `<` of a name stands in the page");
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["script"], NASTY, "and the name is whole all the same");
    assert!(!page.contains("<img"));
}

#[test]
fn a_secret_is_taken_out_whatever_is_in_it() {
    // One that an escape would disguise, and one that the page's own script is full of.
    for secret in ["pw<</script>\"\u{2028}1", "return"] {
        let page = page(&named(&format!("before {secret} after")), &Redactor::new([secret]));
        let data = read(&page);
        let mut texts = Vec::new();
        collect(&data, &mut texts);
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret}");
        assert!(texts.contains(&"before [redacted] after".to_owned()), "{secret}: {texts:?}");
        assert!(page.contains(PARTS[2].1), "the library was changed for {secret}");
    }
}

#[test]
fn a_secret_that_is_a_word_of_the_page_leaves_it_what_it_goes_by() {
    let words = ["function", "trend", "time", "share", "crossed", "default", "live", "values"];
    let plain = read(&page(&stored(&busy()), &Redactor::default()));
    let data = read(&page(&stored(&busy()), &Redactor::new(words)));
    assert_eq!(data["trends"][0]["contains"], "time");
    assert_eq!((&data["tiles"], &data["timeline"]), (&plain["tiles"], &plain["timeline"]));
    assert_eq!(data["thresholds"][0]["outcome"], "crossed");
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.push(name.clone());
                collect(value, texts);
            }
        }
        _ => {}
    }
}

#[test]
fn figures_keep_four_digits() {
    for (value, expected) in [
        (0.0, 0.0),
        (12_345.678, 12_350.0),
        (0.000_123_456, 0.000_123_5),
        (-2.345_67, -2.346),
        (7.0, 7.0),
    ] {
        assert!(
            (rounded(value) - expected).abs() <= expected.abs() * 1e-12,
            "{value}: {}",
            rounded(value)
        );
    }
    assert_eq!(rounded(f64::MAX), f64::MAX);
}

/// A colour's relative luminance (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn whatever_is_written_can_be_told_from_its_ground_by_day_and_by_night() {
    let style = include_str!("style.css");
    let themes: Vec<_> =
        style.split(":root").skip(1).map(|it| it.split_once('}').unwrap().0).collect();
    assert_eq!(themes.len(), 2, "light and dark");
    for theme in themes {
        let colour = |name: &str| {
            let (_, rest) = theme.split_once(&format!("--{name}: ")).unwrap();
            luminance(rest.split_once(';').unwrap().0)
        };
        for ground in ["ground", "card"] {
            // 4.5 of texts (1.4.3), 3 of what is drawn (1.4.11).
            let texts = ["text", "muted", "accent", "good", "bad", "doubtful"].map(|it| (it, 4.5));
            let lines = ["c1", "c2", "c3", "c4", "c5"].map(|it| (it, 3.0));
            for (name, least) in texts.into_iter().chain(lines) {
                let (a, b) = (colour(name), colour(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(
                    contrast >= least,
                    "{name} on {ground}: {contrast:.2}, and {least} is the least"
                );
            }
        }
    }
}
