//! Does one thing as often as it can, and a million times at most: what `WITH` names.

use std::io::Write as _;

use wasmload_sdk::{prelude::*, timing};

script!(iterate);

const TIMES: u32 = 1_000_000;

fn iterate() -> Result {
    let with = context::env("WITH").ok_or("with what?")?;
    let times = context::env("TIMES").map_or(Ok(TIMES), |times| times.parse())?;
    let counter = Counter::new("floods");
    for n in 0..times {
        let text = || format!("number {n}");
        match with.as_str() {
            "calls" => drop(std::hint::black_box(timing::now())),
            "log" => log::info(&text()),
            "stdout" => writeln!(std::io::stdout(), "{n}")?,
            "stderr" => writeln!(std::io::stderr(), "{n}")?,
            "a line without an end" => write!(std::io::stderr(), "{n} ")?,
            "metrics" => drop(Counter::new(&format!("floods_{n}"))),
            "tags" => counter.add_tagged(1.0, &[("id", &text())]),
            "checks" => drop(check(&text(), true)),
            "names" => drop(Request::get("http://127.0.0.1:1/").name(&text()).start()),
            "addresses" => drop(http::get(&format!("nowhere://{}/{n}", "x".repeat(10_000)))),
            other => return Err(format!("with {other}?").into()),
        }
    }
    Ok(())
}
