//! What must come of each guest in `tests/programs`: one VU, driven by hand, against the demo target.
//!
//! A guest without a test here does not compile.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use data::{DatasetSpec, Datasets, OnExhausted, RowFormat, RowOrder, Share};
use demo::{Demo, Faults, RunningDemo};
use host::{
    Engine, Files, Layout, Level, Limits, LogGate, LogLine, Observer, Script, ScriptFactory,
    Secrets, Settings,
};
use metrics::{MetricId, Registry, Shards, Sink, Totals, UrlGroups, builtin};
use vu::{Identity, Iteration, Outcome, Scenario, SetupData, Vu, VuFactory};

#[path = "programs/grants.rs"]
mod grants;
#[path = "programs/hostile.rs"]
mod hostile;
#[path = "programs/recording.rs"]
mod recording;
#[path = "programs/standard.rs"]
mod standard;

use grants::{injects_headers, leaves_the_grant, program_leaves_the_grant};
use hostile::{
    breaks_where_it_is_told, computes_and_calls, digs_in_json, floods, flows_of_all_kinds,
    gives_giant_texts, gives_huge_options, hoards_bodies, leaks_handles, loops_in_options,
    loops_where_it_is_told, reaches_for_the_machine, sleeps_for_ever,
};
use recording::{
    asks_in_another_order, draws_numbers, expects_a_wrong_page, expects_the_right_page,
    reads_large_pages, tells_all_it_heard,
};
use standard::{
    program_asks_at_once, program_ends_as_it_is_told, program_errors_are_told_apart,
    program_gets_and_posts, program_writes_bodies, script_asks_both_ways,
};

macro_rules! assert_test_exists {
    ($name:ident) => {
        const _: fn() = $name;
    };
}
artifacts::foreach_program!(assert_test_exists);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("an engine"));

/// A script, a target for it, and where its samples and messages go.
struct Bench {
    factory: ScriptFactory,
    demo: RunningDemo,
    shards: Shards,
    logs: Arc<Mutex<Vec<LogLine>>>,
    env: BTreeMap<String, String>,
}

impl Bench {
    fn new(program: &str) -> Self {
        Self::with_env(program, &[])
    }

    fn with_env(program: &str, env: &[(&str, &str)]) -> Self {
        Self::with_datasets(program, env, Datasets::default())
    }

    fn with_datasets(program: &str, env: &[(&str, &str)], datasets: Datasets) -> Self {
        Self::with_settings(program, env, |settings| settings.datasets = datasets)
    }

    fn with_settings(program: &str, env: &[(&str, &str)], set: impl FnOnce(&mut Settings)) -> Self {
        Self::on(&ENGINE, program, env, set)
    }

    fn on(
        engine: &Engine,
        program: &str,
        env: &[(&str, &str)],
        set: impl FnOnce(&mut Settings),
    ) -> Self {
        let demo = Demo::spawn_thread(([127, 0, 0, 1], 0).into(), Faults::default())
            .expect("a free port on loopback");
        let mut env: BTreeMap<String, String> =
            env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        env.insert("BASE_URL".into(), demo.url());

        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&logs);
        let log = LogGate::new(Level::Debug, move |line| sink.lock().unwrap().push(line));
        let shards = Shards::new(Registry::new(), 2);
        let script = Script::load(engine, Path::new(program)).expect("the guest loads");
        let mut settings = Settings {
            shards: shards.clone(),
            workers: 1,
            net: Arc::new(net::Config::default()),
            net_of_scenarios: BTreeMap::new(),
            keeps_cookies: false,
            env: env.clone(),
            tags: BTreeMap::new(),
            secrets: Secrets::default(),
            datasets: Datasets::default(),
            files: Files::default(),
            discards_bodies: false,
            url_groups: UrlGroups::default(),
            limits: Limits::default(),
            vus: 1,
            observer: Observer::default(),
            log,
            seed: 0,
            recordings: None,
        };
        set(&mut settings);
        let factory = ScriptFactory::new(script, settings);
        Self { factory, demo, shards, logs, env }
    }

    async fn vu(&self, number: u32) -> impl Vu {
        let scenario = Scenario {
            name: "default".into(),
            executor: "constant-vus",
            flows: vec!["default".into()],
            env: self.env.clone(),
            tags: BTreeMap::new(),
        };
        let identity = Identity { vu: number, worker: 0, scenario: Arc::new(scenario) };
        self.factory.make(identity).await.expect("a VU")
    }

    /// One VU through `start`, this many iterations, and `stop`; how each iteration ended.
    async fn iterate(&self, iterations: u64) -> Vec<Outcome> {
        let mut vu = self.vu(1).await;
        assert_eq!(vu.start(&no_data()).await, Outcome::Completed, "{:?}", self.messages());
        let mut outcomes = Vec::new();
        for number in 0..iterations {
            let iteration =
                Iteration { number, number_in_vu: number, flow: 0, lag: Duration::ZERO };
            outcomes.push(vu.iterate(&iteration).await);
        }
        vu.stop().await;
        outcomes
    }

    /// One iteration that must succeed.
    async fn completes(&self) {
        let outcomes = self.iterate(1).await;
        assert_eq!(outcomes, [Outcome::Completed], "{:?}", self.messages());
    }

    fn messages(&self) -> Vec<(Level, String)> {
        let logs = self.logs.lock().unwrap();
        logs.iter().map(|line| (line.level, line.message.clone())).collect()
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::new(&self.shards);
        totals.collect();
        totals
    }
}

fn no_data() -> SetupData {
    Arc::from([])
}

fn count(totals: &Totals, metric: MetricId, tags: &[(&str, &str)]) -> f64 {
    let filter: Vec<_> =
        tags.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    match totals.select(metric, &filter) {
        None => 0.0,
        Some(Sink::Counter(counter)) => counter.sum,
        Some(Sink::Gauge(gauge)) => gauge.last,
        Some(Sink::Rate(rate)) => rate.trues as f64,
        Some(Sink::Trend(trend)) => trend.count() as f64,
    }
}

fn runtime() -> tokio::runtime::LocalRuntime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime")
}

fn trapped(outcome: &Outcome) -> &vu::Trap {
    match outcome {
        Outcome::Trapped(trap) => trap,
        other => panic!("not a trap: {other:?}"),
    }
}

#[test]
fn aborts_the_run() {
    runtime().block_on(async {
        let outcomes = Bench::new(artifacts::ABORTS_THE_RUN).iterate(1).await;
        assert_eq!(outcomes, [Outcome::Aborted("the target is on fire".into())]);
    });
}

#[test]
fn batches() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::BATCHES);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 4.0);
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 2.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", "503")]), 1.0);
    });
}

#[test]
fn checks_a_page() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::CHECKS_A_PAGE);
        let outcomes = bench.iterate(5).await;
        assert_eq!(outcomes, vec![Outcome::Completed; 5], "{:?}", bench.messages());
        let totals = bench.totals();
        let home = format!("{}/", bench.demo.url());
        let tags = [
            ("scenario", "default"),
            ("method", "GET"),
            ("name", &home),
            ("status", "200"),
            ("expected_response", "true"),
        ];
        for metric in [
            builtin::HTTP_REQS,
            builtin::HTTP_REQ_DURATION,
            builtin::HTTP_REQ_RESPONSE,
            builtin::HTTP_REQ_BLOCKED,
            builtin::HTTP_REQ_CONNECTING,
            builtin::HTTP_REQ_SENDING,
            builtin::HTTP_REQ_WAITING,
            builtin::HTTP_REQ_RECEIVING,
        ] {
            assert_eq!(count(&totals, metric, &tags), 5.0, "{metric:?}");
        }
        assert_eq!(count(&totals, builtin::CHECKS, &[("check", "status is 200")]), 5.0);
        assert_eq!(count(&totals, builtin::CHECKS, &[("check", "body is empty")]), 0.0);
        assert_eq!(bench.demo.record().requests, 5);
        assert_eq!(bench.demo.record().connections, 1, "the connection is kept alive");
    });
}

#[test]
fn computes_for_ever() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::COMPUTES_FOR_EVER);
        let mut vu = bench.vu(1).await;
        assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
        let mut turns = 0;
        let iteration = Iteration::default();
        tokio::select! {
            biased;
            outcome = vu.iterate(&iteration) => panic!("it ended: {outcome:?}"),
            // Others have their turn while it computes; after a few, it is interrupted.
            () = async { while turns < 5 { turns += 1; tokio::task::yield_now().await } } => {}
        }
        // The next call meets a fresh instance.
        assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 1.0);
    });
}

#[test]
fn context_is_told() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::CONTEXT_IS_TOLD, &[("COLOR", "blue")]);
        let mut vu = bench.vu(7).await;
        vu.start(&no_data()).await;
        let iteration = Iteration { number: 41, number_in_vu: 3, flow: 0, lag: Duration::ZERO };
        assert_eq!(vu.iterate(&iteration).await, Outcome::Completed);
        let told = "vu=7 iteration=3 in_scenario=41 scenario=default executor=constant-vus \
            color=Some(\"blue\") missing=None";
        assert_eq!(bench.messages(), [(Level::Info, told.to_owned())]);
    });
}

#[test]
fn eats_memory() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::EATS_MEMORY);
        let outcomes = bench.iterate(1).await;
        let trap = trapped(&outcomes[0]);
        assert_eq!(
            trap.reason,
            "the script needs more than 256 MiB of memory (`--max-memory-per-vu` raises it)"
        );
        assert_eq!(trap.limit, Some("memory-per-vu"));
        assert!(trap.at.as_deref().unwrap_or_default().contains("eats_memory.rs:"), "{trap}");
        let reached =
            count(&bench.totals(), builtin::LIMITS_REACHED, &[("limit", "memory-per-vu")]);
        assert_eq!(reached, 1.0);
    });
}

#[test]
fn errors_are_told_apart() {
    runtime().block_on(async {
        // A port that was free a moment ago, and that nobody listens at now.
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let closed = format!("http://{closed}/");
        let bench = Bench::with_env(artifacts::ERRORS_ARE_TOLD_APART, &[("CLOSED", &closed)]);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 10.0, "each is counted once");
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 10.0);
        for (error, code, requests) in [
            ("connection refused", "1212", 1.0),
            ("invalid request", "1020", 6.0),
            ("timed out", "1050", 1.0),
        ] {
            let tags = [("error", error), ("error_code", code)];
            assert_eq!(count(&totals, builtin::HTTP_REQS, &tags), requests, "{error}");
        }
        // Only what reached the wire has a duration: the one that timed out, and the one cut short.
        assert_eq!(count(&totals, builtin::HTTP_REQ_DURATION, &[]), 2.0);
    });
}

#[test]
fn fails_an_iteration() {
    runtime().block_on(async {
        let outcomes = Bench::new(artifacts::FAILS_AN_ITERATION).iterate(4).await;
        let failed = Outcome::Failed("odd iterations fail".into());
        assert_eq!(outcomes, [Outcome::Completed, failed.clone(), Outcome::Completed, failed]);
    });
}

#[test]
fn fails_to_start() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::FAILS_TO_START);
        let outcome = bench.vu(1).await.start(&no_data()).await;
        assert_eq!(outcome, Outcome::Failed("nobody knows this user".into()));
    });
}

#[test]
fn fails_to_set_up() {
    runtime().block_on(async {
        let outcome = Bench::new(artifacts::FAILS_TO_SET_UP).factory.setup().await;
        assert_eq!(outcome, Err(Outcome::Failed("the database is empty".into())));
    });
}

#[test]
fn gives_options() {
    runtime().block_on(async {
        let script = Script::load(&ENGINE, Path::new(artifacts::GIVES_OPTIONS)).expect("it loads");
        let options = script.options(LogGate::new(Level::Error, |_| {})).await;
        assert_eq!(
            options.expect("options"),
            r#"{"flows":["default"], "vus": 3, "iterations": 12 }"#
        );
    });
}

#[test]
fn logs_and_prints() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::LOGS_AND_PRINTS);
        bench.completes().await;
        let said = |level, message: &str| (level, message.to_owned());
        assert_eq!(
            bench.messages(),
            [
                said(Level::Debug, "a debug message"),
                said(Level::Info, "an info message"),
                said(Level::Warn, "a warning"),
                said(Level::Error, "an error message"),
                said(Level::Info, "printed to standard output"),
                said(Level::Warn, "printed to standard error"),
            ]
        );
    });
}

#[test]
fn measures_its_own() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::MEASURES_ITS_OWN);
        bench.completes().await;
        let totals = bench.totals();
        let of = |name: &str| totals.registry().find(name).expect("it was defined").id;
        assert_eq!(count(&totals, of("orders"), &[]), 5.0);
        assert_eq!(count(&totals, of("orders"), &[("kind", "express")]), 3.0);
        assert_eq!(count(&totals, of("queue"), &[]), 7.0);
        assert_eq!(count(&totals, of("won"), &[]), 1.0);
        let Some(Sink::Trend(think)) = totals.select(of("think"), &[]) else { panic!("no trend") };
        assert_eq!(think.max(), 1_000.0, "one second of the script is a thousand milliseconds");
        assert_eq!(count(&totals, of("items"), &[]), 1.0);
    });
}

#[test]
fn misuses_a_metric() {
    runtime().block_on(async {
        let outcomes = Bench::new(artifacts::MISUSES_A_METRIC).iterate(1).await;
        let trap = trapped(&outcomes[0]);
        assert!(trap.reason.contains("http_req_duration"), "{trap}");
    });
}

#[test]
fn names_a_file() {
    runtime().block_on(async {
        let script = Script::load(&ENGINE, Path::new(artifacts::NAMES_A_FILE)).expect("it loads");
        let options = script.options(LogGate::new(Level::Error, |_| {})).await.expect("options");
        assert!(options.contains("/etc/passwd"), "what becomes of it is for the plan: {options}");
        // Whatever a script says in its options, it has the datasets that the run gives it.
        let bench = Bench::new(artifacts::NAMES_A_FILE);
        let outcome = bench.iterate(1).await.remove(0);
        let said = "there is no dataset `users`; the run has none";
        assert_eq!(outcome, Outcome::Failed(said.into()));
    });
}

#[test]
fn options_need_a_target() {
    runtime().block_on(async {
        let path = Path::new(artifacts::OPTIONS_NEED_A_TARGET);
        let script = Script::load(&ENGINE, path).expect("it loads");
        let options = script.options(LogGate::new(Level::Error, |_| {})).await;
        assert_eq!(
            options.expect("options"),
            r#"Some("not allowed: requests in `options`") and Some("ErrorCode::HttpRequestDenied")"#
        );
    });
}

#[test]
fn panics() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::PANICS);
        let mut vu = bench.vu(1).await;
        for round in 0..3 {
            assert_eq!(vu.start(&no_data()).await, Outcome::Completed, "round {round}");
            assert_eq!(vu.iterate(&Iteration::default()).await, Outcome::Completed);
            let outcome = vu.iterate(&Iteration::default()).await;
            let trap = trapped(&outcome);
            assert_eq!(trap.reason, "panicked: two runs in one instance, and 0 left");
            let at = trap.at.as_deref().unwrap_or_default();
            assert!(at.contains("panics.rs:14:"), "the source line is named: {trap}");
        }
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 2.0);
    });
}

#[test]
fn groups_its_work() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::GROUPS_ITS_WORK);
        let outcomes = bench.iterate(3).await;
        assert_eq!(outcomes, vec![Outcome::Completed; 3], "{:?}", bench.messages());
        let totals = bench.totals();
        let trend = |group: &str| {
            let filter = [("group".to_owned(), group.to_owned())];
            match totals.select(builtin::GROUP_DURATION, &filter) {
                Some(Sink::Trend(trend)) => trend.count(),
                _ => 0,
            }
        };
        // What was left open, too, and nothing besides.
        let groups = ["::start::login", "::outer", "::outer::inner", "::left open"];
        assert_eq!(groups.map(trend), [1, 3, 3, 3]);
        assert_eq!(totals.series(builtin::GROUP_DURATION).count(), groups.len());

        let requests = |group: &str, name: &str| {
            count(&totals, builtin::HTTP_REQS, &[("group", group), ("name", name)])
        };
        assert_eq!(requests("::start::login", "login"), 1.0);
        assert_eq!(requests("::outer", "before inner"), 3.0);
        assert_eq!(requests("::outer::inner", "taken outside"), 3.0);
        assert_eq!(requests("::outer", "prepared"), 3.0, "the same request, twice");
        assert_eq!(requests("::outer::inner", "prepared"), 3.0);
        let untold =
            totals.series(builtin::HTTP_REQS).filter(|(tags, _)| tags.get("group").is_none());
        let untold: Vec<_> = untold.map(|(tags, _)| tags.get("name").map(str::to_owned)).collect();
        assert_eq!(untold, [Some("outside".to_owned())]);

        let checks = totals.series(builtin::CHECKS).map(|(tags, _)| {
            (
                tags.get("group").unwrap_or_default().to_owned(),
                tags.get("check").unwrap_or_default().to_owned(),
            )
        });
        let mut checks: Vec<_> = checks.collect();
        checks.sort();
        let expected = [("", "there"), ("::outer", "there"), ("::outer::inner", "there")];
        assert_eq!(checks, expected.map(|(group, check)| (group.to_owned(), check.to_owned())));
        let own = totals.registry().find("work_done").unwrap().id;
        assert_eq!(count(&totals, own, &[("group", "::outer::inner"), ("step", "2")]), 3.0);
        assert_eq!(count(&totals, own, &[("step", "1")]), 3.0);
        assert_eq!(count(&totals, own, &[]), 6.0);
    });
}

#[test]
fn hoards_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("users.csv");
    std::fs::write(&file, format!("name\n{}\n", "x".repeat(1 << 20))).expect("it is ours");
    let format = RowFormat::Csv { delimiter: b',' };
    let spec = DatasetSpec { file, format, order: RowOrder::Sequential };
    let specs = [("users".to_owned(), spec)].into();
    let datasets = Datasets::open(&specs, 1, Share::WHOLE).expect("nothing is wrong with it");
    runtime().block_on(async {
        let hoards = Bench::with_datasets(artifacts::HOARDS_ROWS, &[], datasets.clone());
        let trap = trapped(&hoards.iterate(1).await[0]).clone();
        assert_eq!(
            trap.reason,
            "the script holds more than 64 MiB of rows (`--max-row-bytes` raises it)"
        );
        let drops = Bench::with_datasets(artifacts::HOARDS_ROWS, &[("DROP", "1")], datasets);
        drops.completes().await;
    });
}

#[test]
fn reads_a_dataset() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let users = folder.path().join("users.csv");
    std::fs::write(&users, "name,pet\r\nada,\"a \"\"cat\"\"\"\r\n\"al\nan\",\r\n")
        .expect("it is ours");
    let lines = folder.path().join("users.jsonl");
    std::fs::write(&lines, "{\"name\":\"ada\",\"pet\":\"cat\"}\n").expect("it is ours");
    let open = |order| {
        let csv = RowFormat::Csv { delimiter: b',' };
        let specs = [("users", &users, csv), ("lines", &lines, RowFormat::JsonLines)];
        let specs = specs.map(|(name, file, format)| {
            (name.to_owned(), DatasetSpec { file: file.clone(), format, order })
        });
        Datasets::open(&specs.into(), 1, Share::WHOLE).expect("nothing is wrong with them")
    };
    runtime().block_on(async {
        for (read, expected) in [
            (
                [("READ", "all"), ("DATASET", "users")],
                vec![
                    r#"0 Some("ada") None {"name": "ada", "pet": "a \"cat\""}"#,
                    r#"1 Some("al\nan") None {"name": "al\nan", "pet": ""}"#,
                ],
            ),
            (
                [("READ", "all"), ("DATASET", "lines")],
                vec![r#"0 Some("ada") None {"name": "ada", "pet": "cat"}"#],
            ),
            (
                [("READ", "wrong"), ("DATASET", "users")],
                vec![
                    "the dataset has no such row",
                    "there is no dataset `passwords`; the run has `lines`, `users`",
                ],
            ),
        ] {
            let datasets = open(RowOrder::Sequential);
            let bench = Bench::with_datasets(artifacts::READS_A_DATASET, &read, datasets);
            bench.completes().await;
            let said: Vec<String> = bench.messages().into_iter().map(|(_, said)| said).collect();
            assert_eq!(said, expected);
        }

        // All VUs take from the same order, and what happens at its end is a choice.
        let exhausted = "each row of the dataset has been handed out";
        for (on_exhausted, end) in [
            (
                OnExhausted::Stop,
                Outcome::Exhausted("each row of the dataset `users` has been handed out".into()),
            ),
            (OnExhausted::Fail, Outcome::Failed(exhausted.into())),
            (OnExhausted::Wrap, Outcome::Completed),
        ] {
            let datasets = open(RowOrder::Unique { on_exhausted });
            let bench = Bench::with_datasets(artifacts::READS_A_DATASET, &[], datasets);
            let (mut one, mut other) = (bench.vu(1).await, bench.vu(2).await);
            let iteration = Iteration::default();
            for vu in [&mut one, &mut other] {
                assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
                assert_eq!(vu.iterate(&iteration).await, Outcome::Completed);
            }
            assert_eq!(one.iterate(&iteration).await, end);
            let said: Vec<String> = bench.messages().into_iter().map(|(_, said)| said).collect();
            assert_eq!(said[..2], ["0 ada", "1 al\nan"]);
        }
    });
}

#[test]
fn reads_a_secret() {
    runtime().block_on(async {
        let env = &[("OTHER", "of the environment")];
        let bench = Bench::with_settings(artifacts::READS_A_SECRET, env, |settings| {
            settings.secrets = Arc::new([("API_KEY".to_owned(), "hunter22".to_owned())].into());
        });
        let failed = Outcome::Failed("no luck with hunter22".to_owned());
        assert_eq!(bench.iterate(1).await, [failed]);
        let told = ["the key is hunter22", "others are [None, None, Some(\"of the environment\")]"];
        assert_eq!(bench.messages(), told.map(|told| (Level::Info, told.to_owned())));
    });
}

#[test]
fn recurses_for_ever() {
    runtime().block_on(async {
        let outcomes = Bench::new(artifacts::RECURSES_FOR_EVER).iterate(1).await;
        let trap = trapped(&outcomes[0]);
        assert_eq!(
            trap.reason,
            "the call stack is exhausted: too deep a recursion (`--max-stack` raises it)"
        );
        assert_eq!(trap.limit, Some("stack"));
    });
}

#[test]
fn vus_that_lie_compactly_do_and_suffer_the_same() {
    runtime().block_on(async {
        let engine = Engine::with_stack(256 << 10, Layout::Compact).expect("an engine");
        let on = |program| Bench::on(&engine, program, &[], |_| {});
        let page = on(artifacts::CHECKS_A_PAGE).iterate(5).await;
        assert_eq!(page, vec![Outcome::Completed; 5]);
        for (program, limit) in
            [(artifacts::RECURSES_FOR_EVER, "stack"), (artifacts::EATS_MEMORY, "memory-per-vu")]
        {
            assert_eq!(trapped(&on(program).iterate(1).await[0]).limit, Some(limit));
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn vus_that_lie_compactly_take_no_maps_of_their_own() {
    let maps = || std::fs::read_to_string("/proc/self/maps").expect("Linux tells").lines().count();
    runtime().block_on(async {
        let engine = Engine::with_stack(256 << 10, Layout::Compact).expect("an engine");
        let script = Script::load(&engine, Path::new(artifacts::SLEEPS)).expect("it loads");
        assert_eq!(script.maps_per_vu(), 0.0);
        let before = maps();
        let idle = script.idle(900).await.expect("there is room");
        // Tests beside this one take some meanwhile; 900 VUs apart would take nearly 6,000.
        assert!(maps() < before + 900, "{before} maps became {}", maps());
        drop(idle);
    });
}

#[test]
fn follows_and_remembers() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::FOLLOWS_AND_REMEMBERS);
        let outcomes = bench.iterate(2).await;
        let completed = [Outcome::Completed, Outcome::Completed];
        assert_eq!(outcomes, completed, "{:?}", bench.messages());
        let totals = bench.totals();
        // Each hop is a request of its own, under the name of the first.
        let name = format!("{}/redirect/2", bench.demo.url());
        let hops = |status| [("name", name.as_str()), ("status", status), ("method", "POST")];
        assert_eq!(count(&totals, builtin::HTTP_REQS, &hops("302")), 6.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &hops("200")), 2.0);
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 0.0, "404 was expected");
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", "404")]), 2.0);
    });
}

#[test]
fn request_is_set_up() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::REQUEST_IS_SET_UP);
        bench.completes().await;
        let tags = [("name", "echo"), ("url", "echo"), ("flavour", "bitter"), ("method", "PUT")];
        assert_eq!(count(&bench.totals(), builtin::HTTP_REQS, &tags), 2.0);
    });
}

#[test]
fn requests_run_beside_it() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::REQUESTS_RUN_BESIDE_IT);
        bench.completes().await;
        // The one that nobody asked for was waited for and counted too.
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 3.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[("status", "202")]), 1.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS_INTERRUPTED, &[]), 0.0);
    });
}

#[test]
fn response_has_parts() {
    runtime().block_on(Bench::new(artifacts::RESPONSE_HAS_PARTS).completes());
}

#[test]
fn setup_data_travels() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::SETUP_DATA_TRAVELS);
        let data = bench.factory.setup().await.expect("setup succeeds");
        let mut vu = bench.vu(1).await;
        assert_eq!(vu.start(&data).await, Outcome::Completed);
        assert_eq!(vu.iterate(&Iteration::default()).await, Outcome::Completed);
        vu.stop().await;
        assert_eq!(bench.messages(), [(Level::Info, "stopped".to_owned())]);
        assert_eq!(bench.factory.teardown(&data).await, Outcome::Completed);
    });
}

#[test]
fn sleeps() {
    // The clock is the test's: a second passes at once.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime")
        .block_on(async {
            let bench = Bench::new(artifacts::SLEEPS);
            bench.completes().await;
            assert_eq!(bench.messages(), [(Level::Info, "slept 1".to_owned())]);
        });
}

/// How many samples a rate has.
fn asked(totals: &Totals, metric: MetricId) -> u64 {
    match totals.select(metric, &[]) {
        Some(Sink::Rate(rate)) => rate.total,
        _ => 0,
    }
}

/// What the target has seen once all its connections are closed.
async fn settled(bench: &Bench) -> demo::Record {
    loop {
        let record = bench.demo.record();
        if record.connections_open == 0 {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn hoards_websockets() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::HOARDS_WEBSOCKETS);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(asked(&totals, builtin::WS_CONNECT_FAILED), 257);
        assert_eq!(count(&totals, builtin::WS_CONNECT_FAILED, &[("error", "not allowed")]), 1.0);
        assert_eq!(count(&totals, builtin::WS_SESSIONS, &[]), 256.0);
        assert_eq!(count(&totals, builtin::WS_SESSION_DURATION, &[]), 256.0);
        assert_eq!(count(&totals, builtin::WS_SESSIONS_FAILED, &[]), 0.0, "all were closed");
        assert_eq!(settled(&bench).await.connections, 256);
    });
}

#[test]
fn keeps_a_websocket() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::KEEPS_A_WEBSOCKET);
        assert_eq!(bench.iterate(3).await, vec![Outcome::Completed; 3], "{:?}", bench.messages());
        let totals = bench.totals();
        for (metric, expected) in [
            (builtin::WS_SESSIONS, 1.0),
            (builtin::WS_MSGS_SENT, 3.0),
            (builtin::WS_MSGS_RECEIVED, 3.0),
            (builtin::WS_SESSION_DURATION, 1.0),
            // The end of the user is the end of what it held: its socket was closed as it should be.
            (builtin::WS_SESSIONS_INTERRUPTED, 0.0),
            (builtin::WS_SESSIONS_FAILED, 0.0),
        ] {
            assert_eq!(count(&totals, metric, &[("status", "101")]), expected, "{metric:?}");
        }
        settled(&bench).await;
    });
}

#[test]
fn a_session_cut_off_with_its_iteration_has_its_duration_all_the_same() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::KEEPS_A_WEBSOCKET, &[("WAIT", "1")]);
        let mut vu = bench.vu(1).await;
        assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
        let received = async {
            let mut totals = Totals::new(&bench.shards);
            while count(&totals, builtin::WS_MSGS_RECEIVED, &[]) < 1.0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                totals.collect();
            }
        };
        let iteration = Iteration::default();
        tokio::select! {
            outcome = vu.iterate(&iteration) => panic!("it ended: {outcome:?}"),
            () = received => {}
        }
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::WS_SESSION_DURATION, &[]), 1.0);
        assert_eq!(count(&totals, builtin::WS_SESSIONS_INTERRUPTED, &[]), 1.0);
        settled(&bench).await;
        // The next call meets a fresh instance, which has a session of its own.
        assert_eq!(vu.start(&no_data()).await, Outcome::Completed);
        assert_eq!(count(&bench.totals(), builtin::WS_SESSIONS, &[]), 1.0);
    });
}

#[test]
fn talks_by_websocket() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::TALKS_BY_WEBSOCKET);
        bench.completes().await;
        let totals = bench.totals();
        let tags = [
            ("scenario", "default"),
            ("name", "echo"),
            ("url", "echo"),
            ("status", "101"),
            ("subproto", "first"),
            ("room", "one"),
        ];
        for (metric, expected) in [
            (builtin::WS_SESSIONS, 1.0),
            (builtin::WS_CONNECTING, 1.0),
            (builtin::WS_MSGS_SENT, 2.0),
            (builtin::WS_MSGS_RECEIVED, 2.0),
            (builtin::WS_PING, 2.0),
            (builtin::WS_MSG_RTT, 1.0),
            (builtin::WS_MSGS_UNANSWERED, 1.0),
            (builtin::WS_SESSION_DURATION, 1.0),
            (builtin::WS_SESSIONS_FAILED, 0.0),
            (builtin::WS_SESSIONS_INTERRUPTED, 0.0),
        ] {
            assert_eq!(count(&totals, metric, &tags), expected, "{metric:?}");
        }
        assert_eq!(asked(&totals, builtin::WS_CONNECT_FAILED), 1);
        let record = settled(&bench).await;
        assert_eq!((record.messages_received, record.messages_sent), (2, 2));
        assert_eq!(count(&totals, builtin::DATA_SENT, &[]), record.bytes_received as f64);
        assert_eq!(count(&totals, builtin::DATA_RECEIVED, &[]), record.bytes_sent as f64);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 0.0, "a handshake is no request");
    });
}

#[test]
fn websocket_errors_are_told_apart() {
    runtime().block_on(async {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let closed = format!("ws://{closed}/");
        let env = [("CLOSED", closed.as_str())];
        let bench = Bench::with_env(artifacts::WEBSOCKET_ERRORS_ARE_TOLD_APART, &env);
        bench.completes().await;
        let totals = bench.totals();
        assert_eq!(asked(&totals, builtin::WS_CONNECT_FAILED), 20, "each is counted once");
        for (error, code, status, attempts) in [
            ("connection refused", "1212", "0", 1.0),
            ("name not resolved", "1101", "0", 1.0),
            ("invalid request", "1020", "0", 12.0),
            ("handshake refused", "1403", "403", 2.0),
            ("closed early", "1000", "0", 1.0),
            ("timed out", "1050", "0", 1.0),
        ] {
            let tags = [("error", error), ("error_code", code), ("status", status)];
            assert_eq!(count(&totals, builtin::WS_CONNECT_FAILED, &tags), attempts, "{error}");
        }
        // Only what reached the wire took a while.
        assert_eq!(count(&totals, builtin::WS_CONNECTING, &[]), 6.0);
        assert_eq!(count(&totals, builtin::WS_SESSIONS, &[]), 2.0);
        assert_eq!(count(&totals, builtin::WS_SESSION_DURATION, &[]), 2.0);
        assert_eq!(count(&totals, builtin::WS_SESSIONS_FAILED, &[]), 0.0);
    });
}

#[test]
fn websocket_handshakes_are_seen() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::WEBSOCKET_HANDSHAKES_ARE_SEEN);
        bench.completes().await;
        let totals = bench.totals();
        let refused = [("status", "200"), ("error", "handshake refused"), ("error_code", "1200")];
        assert_eq!(count(&totals, builtin::WS_CONNECT_FAILED, &refused), 4.0);
        assert_eq!(count(&totals, builtin::WS_CONNECTING, &refused), 4.0);
        assert_eq!(asked(&totals, builtin::WS_CONNECT_FAILED), 6);
        assert_eq!(count(&totals, builtin::WS_SESSIONS, &[]), 2.0);
        let record = settled(&bench).await;
        assert_eq!(count(&totals, builtin::DATA_SENT, &[]), record.bytes_received as f64);
        assert_eq!(count(&totals, builtin::DATA_RECEIVED, &[]), record.bytes_sent as f64);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 1.0, "a handshake is no request");
    });
}

#[test]
fn websockets_are_waited_for() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::WEBSOCKETS_ARE_WAITED_FOR);
        bench.completes().await;
        let totals = bench.totals();
        let record = settled(&bench).await;
        for (metric, expected) in [
            (builtin::WS_SESSIONS, 6),
            (builtin::WS_SESSION_DURATION, 6),
            (builtin::WS_SESSIONS_FAILED, 0),
            (builtin::WS_MSG_RTT, 1),
            (builtin::WS_MSGS_UNANSWERED, 0),
            (builtin::WS_MSGS_SENT, record.messages_received),
            (builtin::WS_MSGS_RECEIVED, record.messages_sent),
        ] {
            assert_eq!(count(&totals, metric, &[]), expected as f64, "{metric:?}");
        }
    });
}

#[test]
fn a_request_cut_off_with_its_iteration_is_counted_as_interrupted_only() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::REQUESTS_RUN_BESIDE_IT);
        let mut vu = bench.vu(1).await;
        vu.start(&no_data()).await;
        let seen = async {
            // Until the target has both requests of the first step, the slow one among them.
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
        let counted = count(&totals, builtin::HTTP_REQS, &[]);
        let interrupted = count(&totals, builtin::HTTP_REQS_INTERRUPTED, &[]);
        assert_eq!(counted + interrupted, bench.demo.record().requests as f64);
        assert!(interrupted >= 1.0, "the slow one was on its way");
    });
}

#[test]
fn moves_large_bodies() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = folder.path().join("letter");
    std::fs::write(&letter, "Dear Ada,\n").expect("it is written");
    for discards in [false, true] {
        let letter = net::FileSource::open(letter.clone()).expect("it is there");
        let files: Files = Arc::new(BTreeMap::from([("letter".to_owned(), Arc::new(letter))]));
        let env: &[(&str, &str)] = if discards { &[("DISCARDS", "1")] } else { &[] };
        runtime().block_on(async {
            let bench = Bench::with_settings(artifacts::MOVES_LARGE_BODIES, env, |settings| {
                settings.files = files;
                settings.discards_bodies = discards;
            });
            bench.completes().await;
            let totals = bench.totals();
            assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 12.0);
            assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 1.0, "nobody was there");
            assert_eq!(count(&totals, builtin::HTTP_REQ_DURATION, &[]), 11.0);
            let sent = count(&totals, builtin::DATA_SENT, &[]);
            assert!((15_000_021.0..15_010_000.0).contains(&sent), "{sent}");
        });
    }
}

#[test]
fn reads_event_streams() {
    runtime().block_on(async {
        let bench = Bench::new(artifacts::READS_EVENT_STREAMS);
        bench.completes().await;
        let totals = bench.totals();
        for (metric, name, expected) in [
            (builtin::SSE_STREAMS, "ticks", 3.0),
            (builtin::SSE_STREAMS, "slow", 1.0),
            (builtin::SSE_STREAMS, "chat", 1.0),
            (builtin::SSE_STREAM_DURATION, "ticks", 3.0),
            (builtin::SSE_STREAM_DURATION, "slow", 1.0),
            (builtin::SSE_TIME_TO_FIRST_EVENT, "ticks", 3.0),
            (builtin::SSE_TIME_TO_FIRST_EVENT, "slow", 0.0),
            (builtin::SSE_DROPS, "ticks", 1.0),
            (builtin::SSE_DROPS, "chat", 0.0),
            // `[DONE]` is an event too.
            (builtin::SSE_EVENTS, "chat", 6.0),
            (builtin::SSE_EVENT_GAP, "chat", 5.0),
            (builtin::SSE_TOKENS, "chat", 5.0),
            (builtin::SSE_TIME_TO_FIRST_TOKEN, "chat", 1.0),
            (builtin::SSE_TOKENS_PER_SECOND, "chat", 1.0),
            (builtin::SSE_CONNECT_FAILED, "ticks", 0.0),
            (builtin::HTTP_REQS, "ticks", 3.0),
            (builtin::HTTP_REQS, "chat", 1.0),
        ] {
            assert_eq!(count(&totals, metric, &[("name", name)]), expected, "{metric:?} {name}");
        }
        let gaps = count(&totals, builtin::SSE_EVENT_GAP, &[("name", "ticks")]);
        assert_eq!(count(&totals, builtin::SSE_EVENTS, &[("name", "ticks")]), gaps + 3.0);
        assert_eq!(count(&totals, builtin::SSE_CONNECT_FAILED, &[]), 3.0);
        assert_eq!(count(&totals, builtin::SSE_CONNECT_FAILED, &[("status", "404")]), 1.0);
        assert_eq!(count(&totals, builtin::SSE_CONNECT_FAILED, &[("status", "0")]), 1.0);
        // The stream that broke, the page that is not there, and nobody.
        assert_eq!(count(&totals, builtin::HTTP_REQ_FAILED, &[]), 3.0);
        settled(&bench).await;
    });
}

#[test]
fn keeps_an_event_stream() {
    let stream = [("STREAM", "/events/5?count=2&break=1")];
    runtime().block_on(async {
        let bench = Bench::new(artifacts::KEEPS_AN_EVENT_STREAM);
        assert_eq!(bench.iterate(5).await, vec![Outcome::Completed; 5], "{:?}", bench.messages());
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::SSE_STREAMS, &[]), 1.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 1.0, "it ends with its user");
        let ids: Vec<_> = bench.messages().into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5"]);

        // After the second event it breaks; asked from there on, the target says that this was all.
        let bench = Bench::with_env(artifacts::KEEPS_AN_EVENT_STREAM, &stream);
        let outcomes = bench.iterate(3).await;
        assert_eq!(outcomes[..2], [Outcome::Completed, Outcome::Completed]);
        assert!(
            matches!(&outcomes[2], Outcome::Failed(why) if why.contains("204")),
            "{outcomes:?}"
        );
        let totals = bench.totals();
        assert_eq!(count(&totals, builtin::SSE_STREAMS, &[]), 1.0);
        assert_eq!(count(&totals, builtin::SSE_DROPS, &[]), 1.0);
        assert_eq!(count(&totals, builtin::HTTP_REQS, &[]), 2.0);
    });
}

#[test]
fn wants_what_it_needs() {
    runtime().block_on(async {
        let bench = Bench::with_env(artifacts::WANTS_WHAT_IT_NEEDS, &[("TOKEN", "secret")]);
        let script = Script::load(&ENGINE, Path::new(artifacts::WANTS_WHAT_IT_NEEDS));
        let script = script.expect("the guest loads");
        let silent = LogGate::new(Level::Error, |_| {});
        let options = script.options(silent).await.expect("it says them");
        assert!(options.contains(r#""net": ["api.example.com:443"]"#), "{options}");
        assert_eq!(script.inspection().wants, None, "it was not built by us");
        // What is wanted is held against grants elsewhere: here everything goes.
        assert_eq!(bench.vu(1).await.start(&no_data()).await, Outcome::Completed);
    });
}

#[test]
fn a_component_is_read_with_what_it_carries_of_what_it_wants() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    let bytes = std::fs::read(artifacts::SLEEPS).unwrap();
    let carrying = host::with_wants(bytes, r#"{"rps":5}"#);
    std::fs::write(&path, &carrying).unwrap();
    let script = Script::load(&ENGINE, &path).expect("it still loads");
    assert_eq!(script.inspection().wants.as_deref(), Some(r#"{"rps":5}"#));
    std::fs::write(&path, host::with_wants(carrying, "{}")).unwrap();
    let Err(refused) = Script::load(&ENGINE, &path) else { panic!("it carries two") };
    let why = refused.fault.to_string();
    assert_eq!(why, "its section `wasmload:wants` is invalid: there are two of them");
}

#[test]
fn brings_its_own_places() {
    // What its options say is the binary's to judge: `tests/it/grants.rs`. Alone it does what it says.
    let bench = Bench::new(artifacts::BRINGS_ITS_OWN_PLACES);
    runtime().block_on(async {
        assert!(matches!(bench.iterate(1).await[0], Outcome::Failed(_)), "there is no such host");
    });
}

#[test]
fn names_rows_beside_it() {
    // Without the files that its options name it has none.
    let bench = Bench::new(artifacts::NAMES_ROWS_BESIDE_IT);
    runtime().block_on(async {
        assert!(matches!(bench.iterate(1).await[0], Outcome::Failed(_)), "it has no files");
    });
}
