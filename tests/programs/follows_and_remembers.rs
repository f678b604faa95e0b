//! Follows redirects, keeps cookies, packs a body, and expects a status that is usually a failure.

use wasmload_sdk::prelude::*;

script!(for Browser);

struct Browser;

impl Script for Browser {
    fn start(_data: &[u8]) -> Result<Self> {
        // Two cookies, which are there in each iteration.
        http::get(&base_url("/headers"))?.expect_status(200)?;
        Ok(Self)
    }

    fn iterate(&mut self, _flow: &str) -> Result {
        let echo = Request::post(&base_url("/redirect/2")).form(&[("a", "b c")]).send()?;
        expect(&echo.url(), &base_url("/echo"))?;
        expect(&echo.pointer_str("/method").unwrap_or_default(), "GET")?;
        expect(&cookies(&echo), "first=1; second=2")?;

        let stopped = Request::get(&base_url("/redirect/2")).redirects(1).send()?;
        expect(&stopped.status().to_string(), "302")?;
        expect(&stopped.header("location").unwrap_or_default(), "/redirect/0")?;

        let packed = Request::post(&base_url("/echo"))
            .packed_body(http::Encoding::Gzip, "tea ".repeat(1_000))
            .send()?;
        let length: usize = packed.pointer("/body_length").unwrap_or_default().parse()?;
        expect(&(length < 100).to_string(), "true")?;

        let gone = Request::get(&base_url("/status/404")).expected_statuses(&[404..=404]).send()?;
        expect(&gone.status().to_string(), "404")?;

        http::clear_cookies();
        expect(&cookies(&http::get(&base_url("/echo"))?), "")
    }
}

/// The cookies that the target was sent.
fn cookies(echo: &Response) -> String {
    let headers = echo.pointer("/headers").unwrap_or_default();
    let after = headers.split_once("[\"cookie\",\"").map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

fn expect(found: &str, expected: &str) -> Result {
    match found == expected {
        true => Ok(()),
        false => Err(format!("`{found}` is not `{expected}`").into()),
    }
}
