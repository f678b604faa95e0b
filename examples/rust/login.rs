//! Users of a CSV file, each of whom logs in once: `--dataset users=examples/rust/users.csv`.

use wasmload_sdk::prelude::*;

// Every user takes the next row that nobody had. When there is none left the run is over, however long it
// was to take; `"onExhausted": "wrap"` would begin again with the first. What it `wants` is shown by `wasmload
// inspect`, and it gets no more: no place but the target that it is given, no other methods, no other rows.
script!(
    iterate,
    options = r#"{
        "vus": 5,
        "duration": "1m",
        "datasets": { "users": { "order": "unique" } },
        "thresholds": { "checks": ["rate==1"] },
        "wants": { "methods": ["GET", "POST"], "datasets": ["users"] }
    }"#
);

fn iterate() -> Result {
    let user = dataset::open("users")?.next()?;
    let login = Request::post(&base_url("/login"))
        .json(&json!({ "user": user.field("name")?, "password": user.field("password")? }))
        .send()?;
    if check("logged in", login.status() == 200) {
        let token = login.pointer_str("/token").ok_or("the login gave no token")?;
        let cart = Request::get(&base_url("/cart")).bearer(&token).send()?;
        check("cart is there", cart.status() == 200);
    }
    sleep(Duration::from_millis(100));
    Ok(())
}
