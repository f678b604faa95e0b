use insta::assert_snapshot;
use metrics::{Contains, Kind};
use run::{CallError, Failure, Finished, StopReason};

use super::*;
use crate::summary::tests::{Recording, idle, mishaps, ordinary, plan, searched, windowed};

fn plain(finished: &Finished) -> String {
    text(&Summary::new(finished), false)
}

#[test]
fn an_ordinary_run_reads_as_k6s() {
    assert_snapshot!(plain(&ordinary()));
}

#[test]
fn thresholds_that_are_held_each_second_say_how_bad_it_was_and_when() {
    let text = plain(&windowed());
    let (block, _) = text.split_once("  █ TOTAL RESULTS").unwrap();
    assert_snapshot!(block);
}

#[test]
fn a_full_summary_has_each_metric_and_none_is_none() {
    let recording = Recording::new();
    let builtin = metrics::Registry::new();
    let all: Vec<_> = builtin.metrics().into_iter().collect();
    all.iter().for_each(|metric| recording.record(metric.id, &[], &[1.0]));
    let summary = Summary::new(&recording.finish(10, plan("{}")));
    let written = |mode| {
        let mut written = Vec::new();
        let mut output = SummaryText::new(&mut written, false).in_mode(mode);
        output.on_summary(&summary);
        output.finish().unwrap();
        String::from_utf8(written).unwrap()
    };
    let (full, compact) = (written(SummaryMode::Full), written(SummaryMode::Compact));
    for metric in all.iter().filter(|metric| &*metric.name != "checks") {
        assert!(full.contains(&format!(" {}.", metric.name)), "{}: {full}", metric.name);
    }
    assert!(full.contains("checks_total"));
    assert!(full.contains(" http_req_waiting.") && !compact.contains("http_req_waiting"));
    assert_eq!(compact, text(&summary, false));
    assert_eq!(written(SummaryMode::Disabled), "");
}

#[test]
fn a_run_with_mishaps_says_each_of_them() {
    assert_snapshot!(plain(&mishaps()));
}

#[test]
fn a_run_without_a_request_says_so() {
    assert_snapshot!(plain(&idle()));
}

#[test]
fn websockets_have_a_block_of_their_own_when_there_were_any() {
    let recording = Recording::new();
    let session = [("name", "chat"), ("status", "101")];
    for (metric, samples) in [
        (builtin::WS_SESSIONS, &[1.0; 3][..]),
        (builtin::WS_CONNECTING, &[1.0, 2.0, 3.0]),
        (builtin::WS_CONNECT_FAILED, &[0.0; 3]),
        (builtin::WS_MSGS_SENT, &[20.0]),
        (builtin::WS_MSGS_RECEIVED, &[40.0]),
        (builtin::WS_PING, &[0.5]),
        (builtin::WS_MSG_RTT, &[5.0, 7.0]),
        (builtin::WS_SESSION_DURATION, &[1_000.0; 3]),
        (builtin::WS_SESSIONS_INTERRUPTED, &[1.0]),
    ] {
        recording.record(metric, &session, samples);
    }
    let refused = [("error", "handshake refused"), ("error_code", "1403"), ("name", "chat")];
    recording.record(builtin::WS_CONNECT_FAILED, &refused, &[1.0]);
    assert_snapshot!(plain(&recording.finish(10, plan("{}"))));
}

#[test]
fn event_streams_have_a_block_of_their_own_when_there_were_any() {
    let recording = Recording::new();
    for (metric, samples) in [
        (builtin::SSE_STREAMS, &[1.0; 3][..]),
        (builtin::SSE_CONNECT_FAILED, &[0.0, 0.0, 0.0, 1.0]),
        (builtin::SSE_EVENTS, &[600.0]),
        (builtin::SSE_TIME_TO_FIRST_EVENT, &[30.0, 40.0, 50.0]),
        (builtin::SSE_EVENT_GAP, &[10.0; 9]),
        (builtin::SSE_TOKENS, &[580.0]),
        (builtin::SSE_TIME_TO_FIRST_TOKEN, &[60.0, 70.0, 80.0]),
        (builtin::SSE_TOKENS_PER_SECOND, &[98.0, 101.0]),
        (builtin::SSE_STREAM_DURATION, &[2_000.0; 3]),
        (builtin::SSE_DROPS, &[1.0]),
    ] {
        recording.record(metric, &[("name", "chat")], samples);
    }
    assert_snapshot!(plain(&recording.finish(10, plan("{}"))));
}

#[test]
fn a_run_whose_setup_failed_says_that_there_was_no_load() {
    let finished =
        Finished { setup_error: Some(CallError::Failed("no such shop".to_owned())), ..idle() };
    assert_snapshot!(plain(&finished));
}

#[test]
fn a_search_shows_what_it_found_and_each_step_by_load() {
    let text = plain(&searched());
    let (block, _) = text.split_once("  █ THRESHOLDS").unwrap();
    assert_snapshot!(block);
}

#[test]
fn a_search_that_found_nothing_says_so() {
    let mut finished = searched();
    let search = finished.search.as_mut().unwrap();
    (search.held, search.broke, search.complete) = (None, None, false);
    search.steps.clear();
    let text = plain(&finished);
    assert!(
        text.starts_with(
            "\n  █ BREAKPOINT\n\n    no load was kept up for its whole step (the search did not come \
             to its end)\n\n  █"
        ),
        "{text}"
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let summary = Summary::new(&mishaps());
    let coloured = text(&summary, true);
    let mut stripped = String::new();
    let mut parts = coloured.split('\u{1b}');
    stripped.push_str(parts.next().unwrap());
    for part in parts {
        let (_, rest) = part.split_once('m').unwrap();
        stripped.push_str(rest);
    }
    // Spaces that a style ends with are kept where there is colour.
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&stripped), trimmed(&text(&summary, false)));
    assert!(coloured.contains("\u{1b}[31m✗\u{1b}[0m 'rate<0.01' "), "{coloured}");
    assert!(!text(&summary, false).contains('\u{1b}'));
}

#[test]
fn a_long_name_moves_the_column_of_names() {
    let recording = Recording::new();
    let long = recording.define(&"x".repeat(60), Kind::Counter, Contains::Data);
    recording.record(long, &[], &[1_000_000.0]);
    recording.record(builtin::HTTP_REQS, &[], &[1.0]);
    let text = plain(&recording.finish(1, plan("{}")));
    let columns: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once("..: ").map(|(name, _)| name.chars().count()))
        .collect();
    assert_eq!(columns, [65, 65], "{text}");
}

#[test]
fn a_list_of_errors_ends_and_says_what_it_left_out() {
    let recording = Recording::new();
    for n in 0..30 {
        recording.errors(&format!("error {n:02}"), "1000", 30 - n);
    }
    let failures = (0..25)
        .map(|n| Failure { kind: FailureKind::Failed, message: format!("order {n}"), count: 1 })
        .collect();
    let finished = Finished { failures, ..recording.finish(1, plan("{}")) };
    let text = plain(&finished);
    assert!(text.contains("✗ error 19 (1000): 11 requests\n    … 10 more kinds: 55 requests\n"));
    assert!(text.contains("✗ order 19\n      ↳  1 iteration\n    … 5 more kinds: 5 failures\n"));
}

#[test]
fn an_interrupted_run_says_so_first() {
    let text = plain(&Finished { stop: Some(StopReason::Interrupted), ..ordinary() });
    assert!(
        text.starts_with("\n  █ STOPPED EARLY\n\n    interrupted\n\n  █ THRESHOLDS\n"),
        "{text}"
    );
}

#[test]
fn an_output_that_cannot_be_written_to_is_an_error() {
    /// Has no room.
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let summary = Summary::new(&ordinary());
    let mut full = SummaryText::new(Full, false);
    full.on_summary(&summary);
    assert_eq!(full.finish().unwrap_err().to_string(), "write the summary");

    let mut written = Vec::new();
    let mut output = SummaryText::new(&mut written, false);
    output.on_summary(&summary);
    output.finish().unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), text(&summary, false));
}

#[test]
fn endpoints_phases_and_the_injector_are_told_where_there_is_something_to_tell() {
    let mut recording = Recording::new();
    for (second, name) in
        ["home", "a page whose name is longer than anybody would read it"].iter().enumerate()
    {
        let tags = [("method", "GET"), ("name", name), ("expected_response", "true")];
        recording.record(builtin::HTTP_REQS, &tags, &[1.0; 3]);
        recording.record(builtin::HTTP_REQ_FAILED, &tags, &[0.0, second as f64, 0.0]);
        recording.record(builtin::HTTP_REQ_DURATION, &tags, &[1.0, 20.5, 300.0]);
        recording.record(builtin::VUS, &[], &[second as f64 + 1.0]);
        recording.record(builtin::INJECTOR_CPU, &[], &[1.95]);
        recording.record(builtin::INJECTOR_MEMORY, &[], &[45e6]);
        recording.record(builtin::INJECTOR_LAG, &[], &[60.0]);
        if second == 0 {
            recording.second();
        }
    }
    let stages =
        r#"{ "stages": [{ "duration": "1s", "target": 1 }, { "duration": "19s", "target": 2 }] }"#;
    assert_snapshot!(plain(&recording.finish(20, plan(stages))));
}

#[test]
fn of_many_endpoints_the_busiest_are_shown_and_the_others_counted() {
    let recording = Recording::new();
    for n in 0..LISTED + 3 {
        let name = format!("page {n}");
        recording.record(builtin::HTTP_REQS, &[("method", "GET"), ("name", &name)], &[1.0]);
    }
    let text = plain(&recording.finish(1, plan("{}")));
    assert!(text.contains("… 3 more endpoints: 3 requests"), "{text}");
}
