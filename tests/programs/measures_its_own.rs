//! Records metrics of its own, of each kind, with and without tags.

use wasmload_sdk::prelude::*;

script!(iterate);

fn iterate() -> Result {
    let orders = Counter::new("orders");
    orders.add(2.0);
    orders.add_tagged(3.0, &[("kind", "express")]);
    Gauge::new("queue").set(7.0);
    let won = Rate::new("won");
    won.add(true);
    won.add(false);
    Trend::of_time("think").add_time(Duration::from_secs(1));
    Trend::new("items").add(4.0);
    Ok(())
}
