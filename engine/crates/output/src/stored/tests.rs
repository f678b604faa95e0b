use std::fs;
use std::io::Write as _;

use metrics::builtin;
use serde_json::Value;

use super::*;
use crate::summary::tests::{idle, mishaps, ordinary, searched};
use crate::summary_json::tests::problems;

pub(crate) fn stored(finished: &Finished) -> StoredResult {
    let setting = Setting {
        script: "shop.wasm".to_owned(),
        digest: "c0ffee".to_owned(),
        contract: "wasmload:script@0.1.0".to_owned(),
        machine: form::Machine { os: "linux".to_owned(), processors: 2, ..Default::default() },
    };
    let mut stored =
        StoredResult::new(finished, &Summary::new(finished), &setting, "2026-11-21T10:00:00Z");
    stored.environment.engine = "VERSION".to_owned();
    stored
}

#[test]
fn what_is_written_is_read_again_and_fits_the_schema() {
    let schema = schema();
    for finished in [ordinary(), mishaps(), idle(), searched()] {
        let result = stored(&finished);
        let read = StoredResult::parse(result.json().as_bytes()).unwrap();
        assert_eq!(read.json(), result.json());
        let document: Value = serde_json::from_str(&result.json()).unwrap();
        assert_eq!(problems(&document, &schema, &schema, "$"), Vec::<String>::new());
    }
    let empty: Value = serde_json::from_str(&StoredResult::default().json()).unwrap();
    assert_eq!(problems(&empty, &schema, &schema, "$"), Vec::<String>::new());
}

#[test]
fn the_schema_beside_the_crate_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("result.schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "result.schema.json is stale: set UPDATE_SCHEMA=1 and test again"
    );
}

#[test]
fn the_timeline_comes_back_as_it_was() {
    let finished = ordinary();
    let read = StoredResult::parse(stored(&finished).json().as_bytes()).unwrap();
    assert_eq!((read.timeline.slot_seconds, read.timeline.measured.len()), (1, 1));
    for metric in [builtin::HTTP_REQS, builtin::HTTP_REQ_DURATION, builtin::VUS, builtin::CHECKS] {
        let name = metric.builtin().unwrap().name;
        let slots = read.timeline.slots(name);
        assert_eq!(slots.len(), 1);
        let (slot, known) = (&slots[0], &finished.timeline.track(metric)[0]);
        assert_eq!((slot.count, &slot.sketch), (known.count, &known.sketch), "{name}");
        for (read, known) in [
            (slot.sum, known.sum),
            (slot.min, known.min),
            (slot.max, known.max),
            (slot.last, known.last),
        ] {
            assert!((read - known).abs() < 1e-6, "{name}: {read}, {known}");
        }
    }
    assert_eq!(read.timeline.slots("nothing"), [metrics::Slot::default()]);
    let histogram = &read.histograms["http_req_duration"];
    assert_eq!((histogram.count, histogram.buckets.0.count()), (45, 45));
}

#[test]
fn what_is_no_complete_result_of_this_version_is_refused_with_a_sentence() {
    let whole = stored(&ordinary()).json();
    let newer = whole.replacen("\"1.0.0\"", "\"2.0.0\"", 1);
    let later = whole.replacen("\"1.0.0\"", "\"1.7.0\"", 1).replacen('{', "{\"more\":1,", 1);
    assert!(StoredResult::parse(later.as_bytes()).is_ok(), "what was added is passed over");
    for (text, expected) in [
        (&whole[..whole.len() / 2], "it is damaged: EOF"),
        ("", "it is damaged: EOF"),
        ("{}", "it is no result"),
        ("[1]", "it is damaged"),
        (r#"{ "version": "1.2.0", "complete": true }"#, "it is no result"),
        (&newer, "its version is `2.0.0`"),
        (&whole.replacen("\"buckets\":[", "\"buckets\":[7,", 1), "not numbers and counts in turn"),
        (&whole.replacen("\"passes\":44", "\"passes\":-44", 1), "it is damaged: invalid value"),
        (&StoredResult::default().json(), "its run did not come to its end"),
    ] {
        let error = StoredResult::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}

#[test]
fn a_packed_file_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.json.gz");
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), Default::default());
    packed.write_all(stored(&ordinary()).json().as_bytes()).unwrap();
    packed.finish().unwrap();
    assert_eq!(StoredResult::read(&path).unwrap().environment.script, "shop.wasm");
    let half = fs::read(&path).unwrap();
    fs::write(&path, &half[..half.len() / 2]).unwrap();
    let error = StoredResult::read(&path).unwrap_err();
    assert!(error.fault.to_string().starts_with("it is damaged"), "{}", error.fault);
    assert!(StoredResult::read(Path::new("/no/such/file")).is_err());
}
