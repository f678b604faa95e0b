//! Takes rows of the datasets that it is told to, and says what they are.

use wasmload_sdk::dataset::ErrorKind;
use wasmload_sdk::prelude::*;

script!(iterate);

/// `DATASET` names the dataset; `READ` says what to do with it instead of taking its next row.
fn iterate() -> Result {
    let name = context::env("DATASET").unwrap_or_else(|| "users".into());
    match context::env("READ").as_deref() {
        Some("all") => read_all(&name),
        Some("wrong") => read_wrong(&name),
        _ => take(&name),
    }
}

/// The next row.
fn take(name: &str) -> Result {
    let row = dataset::open(name)?.next()?;
    log::info(&format!("{} {}", row.number(), row.field("name")?));
    Ok(())
}

/// Each row in each way.
fn read_all(name: &str) -> Result {
    let dataset = dataset::open(name)?;
    for number in 0..dataset.len() {
        let row = dataset.row(number)?;
        let parsed: std::collections::BTreeMap<String, String> = row.json()?;
        log::info(&format!("{number} {:?} {:?} {parsed:?}", row.get("name"), row.get("shoe_size")));
    }
    Ok(())
}

/// What is not there.
fn read_wrong(name: &str) -> Result {
    let dataset = dataset::open(name)?;
    let past = dataset.row(dataset.len()).map(drop).unwrap_err();
    let unknown = dataset::open("passwords").map(drop).unwrap_err();
    log::info(&past.to_string());
    log::info(&unknown.to_string());
    let as_expected =
        (past.kind(), unknown.kind()) == (ErrorKind::NoSuchRow, ErrorKind::NotDeclared);
    if as_expected { Ok(()) } else { Err("other errors came".into()) }
}
