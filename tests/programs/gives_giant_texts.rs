//! Hands the host a text or a list as long as it can, where `AS` says.

use wasmload_sdk::prelude::*;

script!(iterate);

const LENGTH: usize = 50 << 20;

fn iterate() -> Result {
    let asked = context::env("AS").ok_or("as what?")?;
    let giant = || "x".repeat(LENGTH);
    let request = || Request::get(&base_url("/"));
    match asked.as_str() {
        "message" => log::info(&giant()),
        "check" => drop(check(&giant(), true)),
        "metric" => drop(Counter::new(&giant())),
        "tag name" => Counter::new("orders").add_tagged(1.0, &[(&giant(), "1")]),
        "tag value" => Counter::new("orders").add_tagged(1.0, &[("id", &giant())]),
        "tag of a request" => drop(request().tag("id", &giant())),
        "name of a request" => drop(request().name(&giant())),
        "tags" => {
            let tags: Vec<_> = (0..1_000).map(|n| (n.to_string(), "1")).collect();
            let tags: Vec<_> = tags.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            Counter::new("orders").add_tagged(1.0, &tags);
        }
        "tags of a request" => {
            (0..1_000).fold(request(), |request, n| request.tag(&n.to_string(), "1"));
        }
        "address" => drop(http::get(&format!("{}{}", base_url("/"), giant()))?),
        "method" => drop(Request::new(&giant(), &base_url("/")).send()?),
        "header" => drop(request().header("x-long", giant()).send()?),
        "headers" => {
            let value = "x".repeat(1_000);
            drop((0..1_000).fold(request(), |request, _| request.header("x-long", &value)).send()?);
        }
        "statuses" => {
            let ranges: Vec<_> = (0..100_000).map(|_| 200..=200).collect();
            drop(request().expected_statuses(&ranges).send()?);
        }
        "batch" => {
            let requests: Vec<_> =
                (0..2_000).map(|_| Request::get("http://127.0.0.1:1/")).collect();
            let refused = http::batch(&requests).into_iter().filter_map(Result::err);
            let too_many = refused.filter(|error| error.kind() == http::ErrorKind::NotAllowed);
            return Err(format!("{} were too many", too_many.count()).into());
        }
        "failure" => return Err(giant().into()),
        "one call" => drop(request().body(vec![0; 150 << 20])),
        "reason" => context::abort(&giant()),
        other => return Err(format!("as {other}?").into()),
    }
    Ok(())
}
