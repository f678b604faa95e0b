//! One stream of events a user, each with the moment at which the target sent it: how much later it is here.

use std::time::SystemTime;

use wasmload_sdk::prelude::*;
use wasmload_sdk::timing;

script!(iterate);

fn iterate() -> Result {
    // What the run's clock showed at the beginning of 1970.
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let origin = since_1970.as_secs_f64() * 1e3 - timing::now().as_secs_f64() * 1e3;
    let (first, later) = (Trend::of_time("first_event_latency"), Trend::of_time("event_latency"));
    let request = Request::get(&base_url("/events/1000?count=10")).name("events");
    let events = sse::Source::new(&request).connect()?;
    for event in events.events() {
        let event = event?;
        let sent: f64 = event.json::<Sent>()?.sent;
        let latency = origin + event.arrived.as_secs_f64() * 1e3 - sent;
        if event.id == "1" { first.add(latency) } else { later.add(latency) }
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Sent {
    sent: f64,
}
