//! Guests that know `wasi:http`, and most of them nothing else.

use super::*;

/// One iteration of a program, as a run with `isolation` does it; how it ended.
async fn run_once(bench: &Bench) -> Outcome {
    bench.iterate(1).await.remove(0)
}

#[test]
pub(crate) fn program_gets_and_posts() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::PROGRAM_GETS_AND_POSTS);
        bench.completes().await;
        let (totals, record) = (bench.totals(), bench.demo.record());
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 6.0);
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 0.0);
        assert_eq!((record.requests, record.connections), (6, 1), "the connection is kept alive");
        for (method, url, status, requests) in [
            ("GET", "/", "200", 1.0),
            ("POST", "/echo?a=b", "200", 1.0),
            ("GET", "/redirect/1", "302", 1.0),
            ("GET", "/headers", "200", 1.0),
        ] {
            let url = format!("{}{url}", bench.demo.url());
            let tags =
                [("scenario", "default"), ("method", method), ("name", &url), ("status", status)];
            assert_eq!(count(&totals, builtin::HTTP_REQS, &tags), requests, "{url}");
            assert_eq!(count(&totals, builtin::HTTP_REQ_DURATION, &tags), requests, "{url}");
        }
        let named = [("name", "an echo"), ("url", "an echo")];
        assert_eq!(count(&totals, builtin::HTTP_REQS, &named), 1.0);
        assert_eq!(count(&totals, builtin::DATA_SENT, &[]), record.bytes_received as f64);
        assert_eq!(count(&totals, builtin::DATA_RECEIVED, &[]), record.bytes_sent as f64);
    });
}

#[test]
pub(crate) fn program_errors_are_told_apart() {
    runtime().block_on(async {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let closed = format!("http://{closed}/");
        let bench =
            Bench::with_env(artifacts::PROGRAM_ERRORS_ARE_TOLD_APART, &[("CLOSED", &closed)]);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 13.0, "each is counted once");
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 12.0);
        for (error, code, requests) in [
            ("connection refused", "1212", 1.0),
            ("name not resolved", "1101", 1.0),
            ("invalid request", "1020", 6.0),
            ("closed early", "1000", 1.0),
            ("connection reset", "1220", 1.0),
            ("timed out", "1050", 1.0),
            ("body too large", "1000", 1.0),
        ] {
            let tags = [("error", error), ("error_code", code)];
            assert_eq!(count(&totals, builtin::HTTP_REQS, &tags), requests, "{error}");
        }
        // What the standard has no words for is said to whoever runs it.
        let said = bench.messages();
        let userinfo = "it has a user name or password";
        assert!(said.iter().any(|(_, message)| message.contains(userinfo)), "{said:?}");
    });
}

#[test]
pub(crate) fn program_writes_bodies() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::PROGRAM_WRITES_BODIES);
        bench.completes().await;
        let (totals, record) = (bench.totals(), bench.demo.record());
        let refused = [("error", "invalid request"), ("error_code", "1020")];
        assert_eq!(count(&totals, builtin::HTTP_REQS, &refused), 4.0);
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 4.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 4.0 + record.requests as f64);
        // The two that nobody waited for among them: the iteration did.
        for (route, requests) in [("/echo", 2), ("/status/{code}", 2), ("/bytes/{n}", 1)] {
            assert_eq!(record.answered(route), requests, "{route}");
        }
    });
}

#[test]
pub(crate) fn program_asks_at_once() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::PROGRAM_ASKS_AT_ONCE);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", "204")]), 999.0);
        let denied = [("error", "not allowed"), ("error_code", "1111")];
        assert_eq!(count(&totals, builtin::HTTP_REQS, &denied), 1.0);
        assert_eq!(bench.demo.record().requests, 1_000);
    });
}

#[test]
pub(crate) fn program_ends_as_it_is_told() {
    let failed = |text: &str| Outcome::Failed(text.to_owned());
    for (end, expected) in [
        ("well", Outcome::Completed),
        ("exit", Outcome::Completed),
        ("error", failed(r#"the program failed: Error: "it was told to fail""#)),
        ("code", failed("the program failed: bad things happened")),
        ("silent", failed("the program failed, and wrote nothing to standard error")),
    ] {
        runtime().block_on(async {
            let bench = Bench::with_env(artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD, &[("END", end)]);
            let mut vu = bench.vu(1).await;
            for round in 0..3 {
                assert_eq!(vu.start(&no_data()).await, Outcome::Completed, "{end} {round}");
                assert_eq!(vu.iterate(&Iteration::default()).await, expected, "{end} {round}");
                vu.stop().await;
                vu.renew();
            }
            let calls = bench.messages().into_iter().filter(|(level, _)| *level == Level::Info);
            let calls: Vec<_> = calls.map(|(_, message)| message).collect();
            assert_eq!(calls, ["call 1, 0 arguments"; 3], "{end}");
            let totals = bench.totals();
            assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", "204")]), 3.0, "{end}");
            assert_eq!(count(&totals, builtin::VU_RESTARTS, &[]), 0.0, "{end}");
        });
    }
}

#[test]
fn a_program_that_panics_or_is_called_again_breaks_off_and_goes_on_afresh() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD, &[("END", "panic")]);
        let trap = run_once(&bench).await;
        assert_eq!(trapped(&trap).reason, "panicked: it was told to panic");

        // As with `"isolation": "vu"`: Rust's and C's programs do not stand a second call.
        let bench = Bench::new(artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD);
        let outcomes = bench.iterate(3).await;
        assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Completed, &Outcome::Completed));
        trapped(&outcomes[1]);
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 1.0);
    });
}

#[test]
fn a_program_that_exits_is_no_restart_for_whoever_keeps_instances() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD, &[("END", "exit")]);
        assert_eq!(bench.iterate(3).await, vec![Outcome::Completed; 3], "{:?}", bench.messages());
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 0.0);
    });
}

#[test]
pub(crate) fn script_asks_both_ways() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::SCRIPT_ASKS_BOTH_WAYS);
        let outcomes = bench.iterate(3).await;
        assert_eq!(outcomes, vec![Outcome::Completed; 3], "{:?}", bench.messages());
        let totals = bench.totals();
        for (status, requests) in [("202", 3.0), ("203", 3.0), ("204", 3.0)] {
            assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", status)]), requests);
        }
        for (check, passed) in [
            ("kept from the iteration before", 2.0),
            ("by the standard", 3.0),
            ("by the contract", 3.0),
            ("no environment", 3.0),
        ] {
            assert_eq!(count(&totals, builtin::CHECKS, &[("check", check)]), passed, "{check}");
        }
    });
}

#[test]
fn a_program_has_what_a_run_asks_for_once_and_says_nothing_else() {
    runtime().block_on(async {
        let path = Path::new(artifacts::PROGRAM_GETS_AND_POSTS);
        let script = Script::load(&ENGINE, path).expect("it loads");
        let options = script.options(LogGate::new(Level::Error, |_| {})).await;
        assert_eq!(options.expect("options"), r#"{"flows":["default"],"isolation":"iteration"}"#);
        let bench = Bench::new(artifacts::PROGRAM_GETS_AND_POSTS);
        let data = bench.factory.setup().await.expect("there is nothing to set up");
        assert!(data.is_empty());
        assert_eq!(bench.factory.teardown(&data).await, Outcome::Completed);
        assert_eq!(bench.demo.record().requests, 0);
    });
}

#[test]
fn programs_of_every_version_of_the_standard_run() {
    let program = std::fs::read(artifacts::PROGRAM_GETS_AND_POSTS).expect("it is there");
    let text = wasmprinter::print_bytes(program).expect("it is a component");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for version in ["0.2.0", "0.2.3", "0.2.12", "0.2.99"] {
        let file = folder.path().join("program.wat");
        let text = with_version(&text, version);
        assert!(text.contains(&format!("(import \"wasi:http/types@{version}\" (instance ")));
        std::fs::write(&file, text).expect("the folder is ours");
        runtime().block_on(async {
            let bench = Bench::new(file.to_str().expect("its name is text"));
            bench.completes().await;
            assert_eq!(bench.demo.record().requests, 6, "{version}");
        });
    }
}

/// The text of a component that asks for another version of the standard: in its own imports and exports, and not in
/// those of the modules in it, whose names are nobody else's.
fn with_version(text: &str, version: &str) -> String {
    let renamed = |line: &str| {
        let asks = line.contains("(import \"wasi:") && line.contains("\" (instance ");
        let (before, after) = match line.split_once("@0.2.") {
            Some(parts) if asks || line.contains(" \"wasi:cli/run@") => parts,
            _ => return line.to_owned(),
        };
        let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        format!("{before}@{version}{after}")
    };
    text.lines().map(renamed).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_program_cut_off_while_it_waits_leaves_its_request_counted_as_interrupted() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::PROGRAM_ENDS_AS_IT_IS_TOLD, &[("END", "never")]);
        let mut vu = bench.vu(1).await;
        vu.start(&no_data()).await;
        let seen = async {
            // Until the target has the late one.
            while bench.demo.record().requests < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let iteration = Iteration::default();
        tokio::select! {
            outcome = vu.iterate(&iteration) => panic!("it ended: {outcome:?}"),
            () = seen => {}
        }
        drop(vu);
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 1.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS_INTERRUPTED, &[]), 1.0);
        assert_eq!(bench.demo.record().requests, 2);
    });
}
