//! Measures parts of its iterations: some inside others, one whose request is taken outside, and one that it never
//! ends. Its tags, its cookies and its checks are looked at on the way.

use wasmload_sdk::prelude::*;
use wasmload_sdk::spans::Span;

struct Groups {
    prepared: Request,
    done: Counter,
    /// Nothing of it is dropped before the engine takes the script away.
    kept: Vec<Span>,
}

script!(for Groups);

impl Script for Groups {
    fn start(_: &[u8]) -> Result<Self> {
        group("login", || get("login"))?;
        let prepared = Request::get(&base_url("/")).name("prepared");
        Ok(Self { prepared, done: Counter::new("work_done"), kept: Vec::new() })
    }

    fn iterate(&mut self, _: &str) -> Result {
        let pending = group("outer", || -> Result<_> {
            get("before inner")?;
            self.prepared.send()?;
            check("there", true);
            context::set_tag("step", "1");
            self.done.add(1.0);
            let inner = span("inner");
            context::set_tag("step", "2");
            self.done.add(1.0);
            context::remove_tag("step");
            check("there", true);
            self.prepared.send()?;
            let pending = Request::get(&base_url("/")).name("taken outside").start();
            drop(inner);
            Ok(pending)
        })?;
        pending.get()?;
        get("outside")?;
        check("there", true);

        http::set_cookie(&base_url("/shop"), "kept=1; Path=/shop");
        let kept = http::cookies(&base_url("/shop/cart"));
        if kept != [("kept".to_owned(), "1".to_owned())]
            || !http::cookies(&base_url("/")).is_empty()
        {
            return Err(format!("another cookie is kept: {kept:?}").into());
        }
        self.kept.push(span("left open"));
        Ok(())
    }
}

fn get(name: &str) -> Result {
    let response = Request::get(&base_url("/")).name(name).send()?;
    match response.protocol().as_str() {
        "HTTP/1.1" => Ok(()),
        other => Err(format!("it came by {other}").into()),
    }
}
