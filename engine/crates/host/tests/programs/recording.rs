//! Guests whose failures are recorded, and replayed without the target.

use std::path::PathBuf;

use host::{Recording, Recordings, Replayed, Replaying, Told, Verdict};
use tempfile::TempDir;

use super::*;

static RECORDING: LazyLock<Engine> = LazyLock::new(|| Engine::recording().expect("an engine"));
static REPLAYING: LazyLock<Engine> = LazyLock::new(|| Engine::replaying().expect("an engine"));

const HOW: Replaying =
    Replaying { is_lenient: false, is_verbose: false, limit: Duration::from_secs(60) };

/// A bench whose failures are recorded, and where.
fn recorded(program: &str, most: usize, set: impl FnOnce(&mut Settings)) -> (Bench, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let recordings = Recordings::create(folder.path(), most, 7).expect("it is writable");
    let bench = Bench::on(&RECORDING, program, &[], |settings| {
        settings.seed = 7;
        settings.recordings = Some(Arc::new(recordings));
        set(settings);
    });
    (bench, folder)
}

/// The files of a folder, by name.
fn files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.path()).expect("it is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it is there").path()).collect();
    files.sort();
    files
}

fn open(folder: &TempDir, name: &str) -> Recording {
    Recording::open(&folder.path().join(name)).expect("it is whole")
}

/// What comes of a recording, and what is told meanwhile.
async fn replay(recording: &Recording, program: &str, how: Replaying) -> (Replayed, Vec<String>) {
    let script = Script::load(&REPLAYING, Path::new(program)).expect("the guest loads");
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let replayed = script.replay(recording, how, move |said| {
        sink.lock().unwrap().push(match said {
            Told::Log(line) => line.message,
            Told::Call { asked, answered } => format!("{asked} = {answered}"),
        });
    });
    let replayed = replayed.await;
    let told = told.lock().unwrap().clone();
    (replayed, told)
}

/// As [`Bench::iterate`], with starts and fresh instances where a run has them.
async fn iterate(bench: &Bench, iterations: u64) -> Vec<Outcome> {
    let mut vu = bench.vu(3).await;
    let data = bench.factory.setup().await.expect("it has data");
    vu.start(&data).await;
    let mut outcomes = Vec::new();
    for number_in_vu in 0..iterations {
        let number = number_in_vu + 40;
        let iteration = Iteration { number, number_in_vu, flow: 0, lag: Duration::ZERO };
        let outcome = vu.iterate(&iteration).await;
        if vu.wants_renewal() {
            vu.stop().await;
            vu.renew();
            vu.start(&data).await;
        } else if let Outcome::Trapped(_) = outcome {
            vu.start(&data).await;
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn users(folder: &TempDir) -> Datasets {
    let file = folder.path().join("users.csv");
    std::fs::write(&file, "name\nada\nbob\neve\n").expect("it is writable");
    let format = RowFormat::Csv { delimiter: b',' };
    let spec = DatasetSpec { file, format, order: RowOrder::Random { seed: 1 } };
    let specs = [("users".to_owned(), spec)].into();
    Datasets::open(&specs, 1, Share::WHOLE).expect("nothing is wrong with it")
}

#[test]
pub(crate) fn tells_all_it_heard() {
    runtime().block_on(async {
        let rows = tempfile::tempdir().expect("a folder");
        let (bench, folder) = recorded(artifacts::TELLS_ALL_IT_HEARD, 3, |settings| {
            settings.datasets = users(&rows);
        });
        let outcomes = iterate(&bench, 3).await;
        let Outcome::Failed(why) = &outcomes[2] else { panic!("{outcomes:?}") };
        assert_eq!(outcomes[..2], [Outcome::Completed, Outcome::Completed]);
        for heard in ["page: (200", "soon: [1]", "chunk: ", "tick: ", "refused: ", "row: (3"] {
            assert!(why.matches(heard).count() >= 3, "{heard}: {why}");
        }
        drop((bench, rows));

        let recording = open(&folder, "default-vu3-iteration2.replay");
        assert_eq!(files(&folder).len(), 1);
        assert_eq!(recording.failure(), format!("it failed: {why}"));
        let (replayed, told) = replay(&recording, artifacts::TELLS_ALL_IT_HEARD, HOW).await;
        assert_eq!(replayed.verdict, Verdict::Same, "the target is gone");
        assert!(replayed.answered > 50, "{}", replayed.answered);
        assert_eq!(told, ["iteration 2 is over", "printed in iteration 2"]);

        let how = Replaying { is_verbose: true, ..HOW };
        let (replayed, told) = replay(&recording, artifacts::TELLS_ALL_IT_HEARD, how).await;
        assert_eq!(replayed.verdict, Verdict::Same);
        assert!(told.contains(&"iteration 0 is over".to_owned()));
        let get = "wasmload:script/http@0.1.0#[method]response.status(#";
        assert!(told.iter().any(|told| told.starts_with(get) && told.ends_with(" = (200)")));
    });
}

/// The recording of the failure of `expects_a_wrong_page`.
async fn wrong_page() -> (Recording, String) {
    let (bench, folder) = recorded(artifacts::EXPECTS_A_WRONG_PAGE, 1, |_| {});
    let outcomes = iterate(&bench, 1).await;
    let trap = trapped(&outcomes[0]).to_string();
    (open(&folder, "default-vu3-iteration0.replay"), trap)
}

#[test]
pub(crate) fn expects_a_wrong_page() {
    runtime().block_on(async {
        let (recording, trap) = wrong_page().await;
        assert!(trap.contains("the page is there") && trap.contains("_wrong_page.rs:"), "{trap}");
        assert_eq!(recording.failure(), format!("it trapped: {trap}"));
        let (replayed, told) = replay(&recording, artifacts::EXPECTS_A_WRONG_PAGE, HOW).await;
        assert_eq!(replayed.verdict, Verdict::Same, "with the line of the source");
        assert_eq!(told[0], "it is to be missing");
    });
}

#[test]
pub(crate) fn expects_the_right_page() {
    runtime().block_on(async {
        let (recording, _) = wrong_page().await;
        let how = Replaying { is_lenient: true, ..HOW };
        let (replayed, told) = replay(&recording, artifacts::EXPECTS_THE_RIGHT_PAGE, how).await;
        assert_eq!(replayed.verdict, Verdict::EndedOtherwise("it completed".into()));
        assert_eq!(told, ["it is there"]);
        let (replayed, _) = replay(&recording, artifacts::EXPECTS_THE_RIGHT_PAGE, HOW).await;
        let Verdict::Diverged(divergence) = replayed.verdict else { panic!("{replayed:?}") };
        assert!(divergence.came.contains("[constructor]counter(\"pages_seen\")"), "{divergence}");
    });
}

#[test]
pub(crate) fn asks_in_another_order() {
    runtime().block_on(async {
        let (recording, _) = wrong_page().await;
        for is_lenient in [false, true] {
            let how = Replaying { is_lenient, ..HOW };
            let (replayed, _) = replay(&recording, artifacts::ASKS_IN_ANOTHER_ORDER, how).await;
            let Verdict::Diverged(divergence) = replayed.verdict else { panic!("{replayed:?}") };
            // Before, it asked where the target is.
            assert_eq!(divergence.after, 1);
            assert!(divergence.expected.ends_with("/\")"), "{divergence}");
            assert!(divergence.came.ends_with("/catalogue\")"), "{divergence}");
        }
    });
}

#[test]
pub(crate) fn reads_large_pages() {
    runtime().block_on(async {
        let (mut bench, folder) = recorded(artifacts::READS_LARGE_PAGES, 9, |_| {});
        bench.env.insert("BYTES".into(), "600000".into());
        let outcomes = iterate(&bench, 5).await;
        let of = |n| Outcome::Failed(format!("600000 bytes in iteration {n} of its instance"));
        assert_eq!(outcomes, [of(1), of(2), of(1), of(2), of(1)], "its log is full after two");
        assert_eq!(bench.messages().len(), 3, "it was started as often");
        assert_eq!(count(&bench.totals(), builtin::VU_RESTARTS, &[]), 0.0, "nothing went wrong");
        for (place, file) in files(&folder).iter().enumerate() {
            let recording = Recording::open(file).expect("it is whole");
            assert!(std::fs::metadata(file).expect("it is there").len() < 2 << 20);
            let (replayed, _) = replay(&recording, artifacts::READS_LARGE_PAGES, HOW).await;
            assert_eq!(replayed.verdict, Verdict::Same, "iteration {place}");
        }

        // What no log has room for is not recorded, and the next is.
        let recordings = Recordings::create(folder.path(), 9, 7).expect("it is writable");
        let recordings = Arc::new(recordings);
        let mut bench = Bench::on(&RECORDING, artifacts::READS_LARGE_PAGES, &[], |settings| {
            settings.recordings = Some(Arc::clone(&recordings));
        });
        bench.env.insert("BYTES".into(), "20000000".into());
        iterate(&bench, 2).await;
        assert_eq!(recordings.files(), [] as [PathBuf; 0]);
        assert_eq!(
            recordings.remarks(),
            [
                "logs of host calls reached 1 MiB, and VUs were given fresh instances then, and started anew: 2 times",
                "failures whose iterations were told more than 16 MiB by the host were not recorded: 2",
            ]
        );
    });
}

#[test]
pub(crate) fn draws_numbers() {
    /// What two iterations of a VU, and all around them, draw.
    async fn drawn(seed: u64, vu: u32) -> Vec<String> {
        let bench = Bench::on(&ENGINE, artifacts::DRAWS_NUMBERS, &[], |settings| {
            settings.seed = seed;
        });
        let data = bench.factory.setup().await.expect("it has data");
        let mut vu = bench.vu(vu).await;
        vu.start(&data).await;
        for number_in_vu in 0..2 {
            vu.iterate(&Iteration { number_in_vu, ..Iteration::default() }).await;
        }
        vu.stop().await;
        vu.renew();
        vu.start(&data).await;
        bench.factory.teardown(&data).await;
        bench.messages().into_iter().map(|(_, message)| message).collect()
    }
    runtime().block_on(async {
        let first = drawn(7, 1).await;
        let called: Vec<_> = first.iter().filter_map(|line| line.split(':').next()).collect();
        let calls = ["setup", "start", "iterate", "iterate", "stop", "start", "teardown"];
        assert_eq!(called, calls);
        assert_eq!(first, drawn(7, 1).await, "a seed has its numbers");
        let mut all = [first, drawn(8, 1).await, drawn(7, 2).await].concat();
        // `setup` and `teardown` are on no VU: they draw the same with the same seed.
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count - 2, "{all:#?}");
    });
}

#[test]
fn an_iteration_that_is_cut_off_is_recorded_as_far_as_it_came() {
    runtime().block_on(async {
        let (bench, folder) = recorded(artifacts::SLEEPS, 1, |_| {});
        let mut vu = bench.vu(3).await;
        vu.start(&no_data()).await;
        let iteration = Iteration::default();
        let short = tokio::time::timeout(Duration::from_millis(20), vu.iterate(&iteration));
        assert!(short.await.is_err(), "it sleeps for a second");
        vu.timed_out("the iteration took longer than 20ms");
        let recording = open(&folder, "default-vu3-iteration0.replay");
        assert_eq!(recording.failure(), "it was cut off: the iteration took longer than 20ms");
        let (replayed, _) = replay(&recording, artifacts::SLEEPS, HOW).await;
        let call = "wasmload:script/timing@0.1.0#sleep(1000)".to_owned();
        assert_eq!(replayed.verdict, Verdict::WaitsToo(call));

        let (bench, folder) = recorded(artifacts::COMPUTES_FOR_EVER, 1, |_| {});
        let mut vu = bench.vu(3).await;
        vu.start(&no_data()).await;
        let short = tokio::time::timeout(Duration::from_millis(50), vu.iterate(&iteration));
        assert!(short.await.is_err(), "it computes for ever");
        vu.timed_out("the iteration took longer than 50ms");
        let recording = open(&folder, "default-vu3-iteration0.replay");
        let how = Replaying { limit: Duration::from_millis(200), ..HOW };
        let (replayed, _) = replay(&recording, artifacts::COMPUTES_FOR_EVER, how).await;
        assert_eq!(replayed.verdict, Verdict::ComputesToo);
    });
}

#[test]
fn a_start_that_fails_is_recorded_and_replayed() {
    runtime().block_on(async {
        let (bench, folder) = recorded(artifacts::FAILS_TO_START, 1, |_| {});
        let mut vu = bench.vu(3).await;
        let outcome = vu.start(&no_data()).await;
        let recording = open(&folder, "default-vu3-start.replay");
        let Outcome::Failed(why) = outcome else { panic!("{outcome:?}") };
        assert_eq!(recording.failure(), format!("it failed: {why}"));
        assert_eq!(recording.to_string(), "the start of VU 3 in scenario `default`");
        let (replayed, _) = replay(&recording, artifacts::FAILS_TO_START, HOW).await;
        assert_eq!(replayed.verdict, Verdict::Same);
    });
}

#[test]
fn a_log_begins_anew_with_each_instance() {
    runtime().block_on(async {
        let (bench, folder) = recorded(artifacts::PANICS, 9, |_| {});
        let outcomes = iterate(&bench, 4).await;
        trapped(&outcomes[1]);
        trapped(&outcomes[3]);
        assert_eq!(outcomes[2], Outcome::Completed);
        for name in ["default-vu3-iteration1.replay", "default-vu3-iteration3.replay"] {
            let recording = open(&folder, name);
            let (replayed, _) = replay(&recording, artifacts::PANICS, HOW).await;
            assert_eq!(replayed.verdict, Verdict::Same, "{name}");
        }
        assert_eq!(files(&folder).len(), 2);
    });
}
