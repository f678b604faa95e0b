//! Hostile guests: each a way of trying, and what is said of it. That a run finishes and others go on is shown by
//! `tests/it/hostile.rs`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// Limits that are reached soon.
fn narrow() -> Limits {
    Limits {
        cpu_time: Duration::from_millis(400),
        cpu_between_calls: Duration::from_millis(200),
        host_calls: 10_000,
        handles: 300,
        response_bytes: 8 << 20,
        request_bytes: 8 << 20,
        ..Limits::default()
    }
}

fn bench(program: &str, env: &[(&str, &str)]) -> Bench {
    Bench::with_settings(program, env, |settings| settings.limits = narrow())
}

fn reached(bench: &Bench, limit: &str) -> f64 {
    count(&bench.totals(), builtin::LIMITS_REACHED, &[("limit", limit)])
}

fn limit_of(outcome: &Outcome) -> Option<&'static str> {
    trapped(outcome).limit
}

#[test]
pub(crate) fn loops_in_options() {
    runtime().block_on(async {
        let path = Path::new(artifacts::LOOPS_IN_OPTIONS);
        let script = Script::load(&ENGINE, path).expect("it loads");
        let error = script.options(LogGate::new(Level::Error, |_| {})).await.expect_err("none");
        // Where others use the machine, the time is up before it has computed for so long.
        let says = ["has computed for 5s", "longer than 10 s"];
        assert!(says.iter().any(|says| error.to_string().contains(says)), "{error}");
    });
}

#[test]
pub(crate) fn gives_huge_options() {
    runtime().block_on(async {
        let path = Path::new(artifacts::GIVES_HUGE_OPTIONS);
        let script = Script::load(&ENGINE, path).expect("it loads");
        let error = script.options(LogGate::new(Level::Error, |_| {})).await.expect_err("none");
        assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
    });
}

#[test]
pub(crate) fn loops_where_it_is_told() {
    const LIMIT: &str = "cpu-between-calls";
    runtime().block_on(async {
        for call in ["setup", "start", "iterate", "stop", "teardown"] {
            let bench = bench(artifacts::LOOPS_WHERE_IT_IS_TOLD, &[("IN", call)]);
            match call {
                "setup" => {
                    let outcome = bench.factory.setup().await.expect_err("it cannot return");
                    assert_eq!(limit_of(&outcome), Some(LIMIT));
                }
                "start" => {
                    let outcome = bench.vu(1).await.start(&no_data()).await;
                    assert_eq!(limit_of(&outcome), Some(LIMIT));
                }
                "iterate" => {
                    let mut vu = bench.vu(1).await;
                    let mut outcomes = Vec::new();
                    for _ in 0..2 {
                        assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
                        outcomes.push(vu.iterate(&Iteration::default()).await);
                    }
                    assert_eq!(outcomes.iter().map(limit_of).collect::<Vec<_>>(), [Some(LIMIT); 2]);
                    let trap = trapped(&outcomes[0]);
                    assert!(trap.reason.contains("`--max-cpu-between-calls` raises it"), "{trap}");
                    let at = trap.at.as_deref().unwrap_or_default();
                    assert!(at.contains("loops_where_it_is_told.rs:"), "{trap}");
                }
                "stop" => assert_eq!(bench.iterate(1).await, [Outcome::Completed]),
                _ => {
                    let outcome = bench.factory.teardown(&no_data()).await;
                    assert_eq!(limit_of(&outcome), Some(LIMIT));
                }
            }
            assert!(reached(&bench, LIMIT) >= 1.0, "{call}");
        }
    });
}

#[test]
pub(crate) fn breaks_where_it_is_told() {
    runtime().block_on(async {
        let breaks = |call| bench(artifacts::BREAKS_WHERE_IT_IS_TOLD, &[("IN", call)]);
        let bench = breaks("start");
        let mut vu = bench.vu(1).await;
        for _ in 0..3 {
            let outcome = vu.start(&no_data()).await;
            assert_eq!(trapped(&outcome).reason, "panicked: no way through start");
        }
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 2.0);
        let bench = breaks("iterate");
        let mut vu = bench.vu(1).await;
        for _ in 0..3 {
            assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
            let outcome = vu.iterate(&Iteration::default()).await;
            assert_eq!(trapped(&outcome).reason, "panicked: no way through iterate");
        }
        assert_eq!(breaks("stop").iterate(1).await, [Outcome::Completed]);
        trapped(&breaks("setup").factory.setup().await.expect_err("it breaks"));
        trapped(&breaks("teardown").factory.teardown(&no_data()).await);
    });
}

#[test]
pub(crate) fn computes_and_calls() {
    runtime().block_on(async {
        let bench = Bench::with_settings(artifacts::COMPUTES_AND_CALLS, &[], |settings| {
            settings.limits = Limits { host_calls: u32::MAX, ..narrow() };
        });
        let outcomes = bench.iterate(1).await;
        assert_eq!(limit_of(&outcomes[0]), Some("cpu-time"));
        assert_eq!(reached(&bench, "cpu-time"), 1.0);
    });
}

#[test]
pub(crate) fn floods() {
    runtime().block_on(async {
        for (with, limit) in [("calls", "host-calls"), ("metrics", "metrics")] {
            let bench = bench(artifacts::FLOODS, &[("WITH", with)]);
            let outcomes = bench.iterate(1).await;
            assert_eq!(limit_of(&outcomes[0]), Some(limit), "{with}");
            assert_eq!(reached(&bench, limit), 1.0, "{with}");
        }
        // These are thinned out, and the script goes on.
        for (with, limit) in
            [("log", "log-lines"), ("stdout", "log-lines"), ("stderr", "log-lines")]
        {
            let env = [("WITH", with), ("TIMES", "3000")];
            let bench = Bench::with_env(artifacts::FLOODS, &env);
            bench.completes().await;
            assert!(reached(&bench, limit) >= 1_000.0, "{with}: {}", reached(&bench, limit));
            assert!(bench.messages().len() < 2_000, "{with}");
        }
        for (with, times) in [("tags", "20000"), ("checks", "20000"), ("names", "3000")] {
            let env = [("WITH", with), ("TIMES", times)];
            let bench = Bench::with_env(artifacts::FLOODS, &env);
            bench.completes().await;
            assert!(bench.totals().registry().overflowed() >= 9_000, "{with}");
        }
        for with in ["a line without an end", "addresses"] {
            let bench = Bench::with_env(artifacts::FLOODS, &[("WITH", with), ("TIMES", "5000")]);
            bench.completes().await;
            assert!(bench.messages().len() < 2, "{with}");
        }
    });
}

#[test]
pub(crate) fn gives_giant_texts() {
    runtime().block_on(async {
        for (asked, limit) in [
            ("check", "tag-length"),
            ("tag name", "tag-length"),
            ("tag value", "tag-length"),
            ("tag of a request", "tag-length"),
            ("name of a request", "tag-length"),
            ("tags", "tags"),
            ("tags of a request", "tags"),
            ("one call", "call-bytes"),
        ] {
            let bench = Bench::with_env(artifacts::GIVES_GIANT_TEXTS, &[("AS", asked)]);
            let outcomes = bench.iterate(1).await;
            assert_eq!(limit_of(&outcomes[0]), Some(limit), "{asked}");
            assert_eq!(reached(&bench, limit), 1.0, "{asked}");
        }
        for (asked, says) in [
            ("address", "the URL `"),
            ("method", "too long for a method"),
            ("header", "too many headers"),
            ("headers", "too many headers"),
            ("statuses", "too many ranges of statuses"),
            ("batch", "1000 were too many"),
            ("failure", "xxx"),
        ] {
            let bench = Bench::with_env(artifacts::GIVES_GIANT_TEXTS, &[("AS", asked)]);
            match &bench.iterate(1).await[..] {
                [Outcome::Failed(why)] => {
                    let start = &why[..why.floor_char_boundary(200)];
                    assert!(why.contains(says), "{asked}: {start}");
                    assert!(
                        asked == "failure" || why.len() < 3_000,
                        "{asked}: {} bytes",
                        why.len()
                    );
                }
                other => panic!("{asked}: {other:?}"),
            }
        }
        let bench = Bench::with_env(artifacts::GIVES_GIANT_TEXTS, &[("AS", "message")]);
        bench.completes().await;
        assert!(bench.messages()[0].1.len() < 20_000, "its beginning is shown");
        let bench = Bench::with_env(artifacts::GIVES_GIANT_TEXTS, &[("AS", "metric")]);
        assert!(trapped(&bench.iterate(1).await[0]).reason.len() < 1_000);
        let bench = Bench::with_env(artifacts::GIVES_GIANT_TEXTS, &[("AS", "reason")]);
        assert!(matches!(&bench.iterate(1).await[0], Outcome::Aborted(_)));
    });
}

#[test]
pub(crate) fn leaks_handles() {
    runtime().block_on(async {
        for of in ["requests", "pending", "metrics", "uploads", "responses", "fields", "pollables"]
        {
            let bench = bench(artifacts::LEAKS_HANDLES, &[("OF", of)]);
            let outcomes = bench.iterate(1).await;
            let trap = trapped(&outcomes[0]);
            assert_eq!(trap.limit, Some("handles"), "{of}: {trap}");
            assert_eq!(
                trap.reason,
                "the script has more than 300 handles (`--max-handles` raises it)"
            );
        }
    });
}

#[test]
pub(crate) fn hoards_bodies() {
    runtime().block_on(async {
        for (of, limit) in [
            ("responses", "response-bytes"),
            ("requests", "request-bytes"),
            ("uploads", "request-bytes"),
        ] {
            let bench = bench(artifacts::HOARDS_BODIES, &[("OF", of)]);
            let outcomes = bench.iterate(1).await;
            let trap = trapped(&outcomes[0]);
            assert_eq!(trap.limit, Some(limit), "{of}: {trap}");
            assert!(trap.reason.starts_with("the script holds more than 8 MiB of "), "{trap}");
        }
    });
}

#[test]
pub(crate) fn sleeps_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime");
    runtime.block_on(async {
        for (length, ends) in [
            ("NaN", true),
            ("-1", true),
            ("-inf", true),
            ("inf", false),
            ("1e300", false),
            ("wasi", false),
        ] {
            let bench = Bench::with_env(artifacts::SLEEPS_FOR_EVER, &[("FOR", length)]);
            let mut vu = bench.vu(1).await;
            assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
            let iteration = Iteration::default();
            let slept = tokio::time::timeout(Duration::from_secs(3_600), vu.iterate(&iteration));
            assert_eq!(slept.await.ok(), ends.then_some(Outcome::Completed), "{length}");
            // Whoever cut it off meets a fresh instance.
            assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
        }
    });
}

#[test]
pub(crate) fn reaches_for_the_machine() {
    runtime().block_on(async {
        for what in [
            "a file",
            "a folder",
            "a new file",
            "the environment",
            "the arguments",
            "standard input",
            "a socket",
            "a listener",
            "a datagram",
            "a name",
        ] {
            let bench = Bench::with_env(artifacts::REACHES_FOR_THE_MACHINE, &[("FOR", what)]);
            assert_eq!(bench.iterate(1).await, [Outcome::Completed], "{what}");
            assert_eq!(bench.demo.record().connections, 0, "{what}");
        }
        for (what, limit) in [("randomness", "call-bytes"), ("a poll", "handles")] {
            let bench = Bench::with_env(artifacts::REACHES_FOR_THE_MACHINE, &[("FOR", what)]);
            assert_eq!(limit_of(&bench.iterate(1).await[0]), Some(limit), "{what}");
        }
    });
}

/// A target that says this to each who asks, and to the end if it has one.
fn peer(say: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(1) => head.push(byte[0]),
                    _ => break,
                }
            }
            // Whoever has heard enough closes.
            let _ = say(&mut stream);
        }
    });
    format!("http://{address}")
}

fn answer(stream: &mut TcpStream, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n")?;
    stream.write_all(body)
}

fn for_ever(stream: &mut TcpStream, head: &str, again: &[u8]) -> std::io::Result<()> {
    stream.write_all(head.as_bytes())?;
    loop {
        stream.write_all(again)?;
    }
}

#[test]
pub(crate) fn digs_in_json() {
    runtime().block_on(async {
        let deep = peer(|stream| answer(stream, "", "[".repeat(1 << 20).as_bytes()));
        let wide = format!("[{}0]", "0,".repeat(4 << 20));
        let wide = peer(move |stream| answer(stream, "", wide.as_bytes()));
        let keys = format!("{{{}\"last\":[1]}}", "\"a\":0,".repeat(1 << 20));
        let keys = peer(move |stream| answer(stream, "", keys.as_bytes()));
        for (target, told) in [
            (deep, ["/0: 0 bytes", "/0/0/0/0: 0 bytes", "/last: 0 bytes", ": 0 bytes"]),
            (wide, ["/0: 1 bytes", "/0/0/0/0: 0 bytes", "/last: 0 bytes", ": 8388611 bytes"]),
            (keys, ["/0: 0 bytes", "/0/0/0/0: 0 bytes", "/last: 3 bytes", ": 6291468 bytes"]),
        ] {
            let bench = bench_against(&target);
            // Its own copy of the whole is the script's affair.
            bench.completes().await;
            let said: Vec<_> = bench.messages().into_iter().map(|(_, said)| said).collect();
            assert_eq!(said, told);
        }
    });
}

/// A script that asks such a target once.
fn bench_against(target: &str) -> Bench {
    let mut bench = Bench::new(artifacts::DIGS_IN_JSON);
    bench.env.insert("BASE_URL".into(), target.to_owned());
    bench
}

#[test]
fn a_response_that_never_ends_or_swells_ends_its_request_and_nothing_else() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..100 {
        packed.write_all(&[0; 1 << 20]).expect("memory");
    }
    let packed = packed.finish().expect("memory");
    runtime().block_on(async {
        let packs = "content-encoding: gzip\r\n";
        for (target, says, why) in [
            (peer(move |stream| answer(stream, packs, &packed)), "large", "100 MiB in 100 KB"),
            (
                peer(|stream| {
                    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                    for_ever(stream, head, &[b"10000\r\n", &[7; 0x10000][..], b"\r\n"].concat())
                }),
                "large",
                "a body without an end",
            ),
            (
                peer(|stream| {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n")
                }),
                "large",
                "a body that is announced",
            ),
            (
                peer(|stream| for_ever(stream, "HTTP/1.1 200 OK\r\n", b"x-more: of the same\r\n")),
                "head",
                "headers without an end",
            ),
            (
                peer(|stream| for_ever(stream, "", b"HTTP/1.1 100 Continue\r\n\r\n")),
                "response",
                "interim responses without an end",
            ),
        ] {
            let bench = bench_against(&target);
            match &bench.iterate(1).await[..] {
                [Outcome::Failed(said)] => assert!(said.contains(says), "{why}: {said}"),
                other => panic!("{why}: {other:?}"),
            }
            assert_eq!(count(&bench.totals(), builtin::HTTP_REQS, &[]), 1.0, "{why}");
        }
    });
}

/// A component that is a program with this core module, of which there are so many.
fn program(module: &str, instances: usize) -> String {
    let others: String = (1..instances).map(|_| "(core instance (instantiate $m))").collect();
    format!(
        "(component
            (core module $m {module})
            (core instance $i (instantiate $m))
            {others}
            (func $run (result (result)) (canon lift (core func $i \"run\")))
            (instance $inst (export \"run\" (func $run)))
            (export \"wasi:cli/run@0.2.6\" (instance $inst)))"
    )
}

/// A bench with a component in the text format.
fn bench_of(text: &str, limits: Limits) -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("script.wat");
    std::fs::write(&file, text).expect("it is ours");
    Bench::with_settings(&file.to_string_lossy(), &[], |settings| settings.limits = limits)
}

#[test]
fn what_a_component_takes_without_asking_is_limited_as_what_it_asks_for() {
    const RUN: &str = "(func (export \"run\") (result i32) (i32.const 0))";
    runtime().block_on(async {
        for (module, instances, limit, why) in [
            (
                "(table $t 1 funcref)
                 (func (export \"run\") (result i32)
                   (loop $l (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l)) (unreachable))"
                    .to_owned(),
                1,
                "table-elements",
                "a table that grows",
            ),
            (
                "(memory 0)
                 (func (export \"run\") (result i32)
                   (loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable))"
                    .to_owned(),
                1,
                "memory-per-vu",
                "a memory that grows page by page",
            ),
            (
                format!("(memory 1 1) {RUN}
                 (func $s (loop $l (br $l))) (start $s)"),
                1,
                "cpu-between-calls",
                "a start function that never ends",
            ),
            (format!("(memory 5000) {RUN}"), 1, "memory-per-vu", "a memory that is large from the start"),
            (format!("(memory 500) {RUN}"), 10, "memory-per-vu", "memories that are large together"),
            (format!("(memory 1) {RUN}"), 250, "instances", "very many small memories"),
            (format!("(table 200000 funcref) {RUN}"), 1, "table-elements", "a table that is large from the start"),
        ] {
            let bench = bench_of(&program(&module, instances), narrow());
            let scenario = Arc::new(Scenario { name: "default".into(), ..Scenario::default() });
            let identity = Identity { vu: 1, worker: 0, scenario };
            let said = match bench.factory.make(identity).await {
                Err(said) => said,
                Ok(mut vu) => {
                    let outcome = vu.iterate(&Iteration::default()).await;
                    assert_eq!(limit_of(&outcome), Some(limit), "{why}");
                    trapped(&outcome).reason.clone()
                }
            };
            assert!(said.contains(&format!("`--max-{limit}` raises it")), "{why}: {said}");
            assert_eq!(reached(&bench, limit), 1.0, "{why}");
        }
    });
}

#[test]
fn memory_that_all_want_together_is_refused_to_who_wants_too_much() {
    const MIB: u64 = 1 << 20;
    let grows = "(memory 0)
        (func (export \"run\") (result i32)
          (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (i32.const 0))";
    runtime().block_on(async {
        let bench = Bench::with_settings(artifacts::CHECKS_A_PAGE, &[], |settings| {
            settings.limits.memory = 100 * MIB;
            settings.vus = 10;
        });
        // Honest, and beside a hog that has all there is for who asks first.
        bench.completes().await;
        let limits = Limits { memory: 100 * MIB, ..narrow() };
        let bench = bench_of(&program(grows, 1), limits);
        let scenario = Arc::new(Scenario { name: "default".into(), ..Scenario::default() });
        let identity = |vu| Identity { vu, worker: 0, scenario: Arc::clone(&scenario) };
        let mut hog = bench.factory.make(identity(1)).await.expect("a VU");
        let outcome = hog.iterate(&Iteration::default()).await;
        assert_eq!(limit_of(&outcome), Some("memory"));
        let reason = &trapped(&outcome).reason;
        assert_eq!(
            reason,
            "all VUs together need more than 100 MiB of memory (`--max-memory` raises it)"
        );
    });
}

#[test]
fn components_that_make_no_sense_are_refused_and_nothing_breaks() {
    let sound =
        wat::parse_str(program("(memory 1) (func (export \"run\") (result i32) (i32.const 0))", 2));
    let sound = sound.expect("it is sound");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("script.wasm");
    let load = |bytes: &[u8]| {
        std::fs::write(&file, bytes).expect("it is ours");
        Script::load(&ENGINE, &file).map(drop)
    };
    load(&sound).expect("it loads");
    for length in 0..sound.len() {
        // What a component ends with may be left out: names of its parts.
        let _ = load(&sound[..length]);
    }
    let mut refused = 0;
    for place in 0..sound.len() {
        for bit in [0, 3, 7] {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << bit;
            refused += usize::from(load(&flipped).is_err());
        }
    }
    assert!(refused > sound.len(), "{refused} of {}", sound.len() * 3);
    assert!(load(&[]).is_err() && load(b"\0asm").is_err() && load(&[0xff; 100_000]).is_err());

    let functions = "(func)".repeat(100_000);
    let many =
        program(&format!("{functions} (func (export \"run\") (result i32) (i32.const 0))"), 1);
    load(many.as_bytes()).expect("large, and sound");
    let types: String =
        (0..100_000).map(|n| format!("(type $t{n} (record (field \"a\" u32)))")).collect();
    let _ = load(format!("(component {types})").as_bytes());
    let unknown =
        "(component (import \"evil:things/here@1.0.0\" (instance (export \"f\" (func)))))";
    let error = load(unknown.as_bytes()).expect_err("nobody has it");
    assert!(error.fault.to_string().contains("evil:things/here"), "{:?}", error.fault);
}

#[test]
pub(crate) fn flows_of_all_kinds() {
    const HOGS: u32 = 20;
    const ITERATIONS: u32 = 100;
    runtime().block_on(async {
        let bench = Bench::new(artifacts::FLOWS_OF_ALL_KINDS);
        let vu = |vu: u32, flow: &str| {
            let scenario = Scenario {
                name: flow.into(),
                executor: "constant-vus",
                flows: vec![flow.into()],
                env: bench.env.clone(),
                tags: BTreeMap::new(),
            };
            bench.factory.make(Identity { vu, worker: 0, scenario: Arc::new(scenario) })
        };
        // Twenty who compute for 5 ms and call, again and again, and one who waits for a target.
        let turns = std::rc::Rc::new(std::cell::Cell::new(0));
        let mut hogs = Vec::new();
        for n in 0..HOGS {
            let mut hog = vu(n + 2, "computes").await.expect("a VU");
            let turns = std::rc::Rc::clone(&turns);
            hogs.push(tokio::task::spawn_local(async move {
                assert_eq!(hog.start(&no_data()).await, Outcome::Completed);
                loop {
                    assert_eq!(hog.iterate(&Iteration::default()).await, Outcome::Completed);
                    turns.set(turns.get() + 1);
                }
            }));
        }
        // Who they are shows after some turns of each.
        while turns.get() < HOGS * 10 {
            tokio::task::yield_now().await;
        }
        let before = turns.get();
        let mut honest = vu(1, "honest").await.expect("a VU");
        let honest = tokio::task::spawn_local(async move {
            assert_eq!(honest.start(&no_data()).await, Outcome::Completed);
            for _ in 0..ITERATIONS {
                assert_eq!(honest.iterate(&Iteration::default()).await, Outcome::Completed);
            }
        });
        honest.await.expect("it comes to its end");
        let meanwhile = turns.get() - before;
        for hog in hogs {
            hog.abort();
        }
        // Were each of them let in whenever this one waits, they would have had twenty turns a request and more.
        assert!(
            meanwhile < ITERATIONS * 10,
            "{meanwhile} turns while {ITERATIONS} requests were made"
        );
    });
}
