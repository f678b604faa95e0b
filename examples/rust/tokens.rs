//! A language model that streams its answer: time to the first token, tokens per second, and streams that break.
//!
//! Against a real one: `wasmload run tokens.rs -e BASE_URL=https://… -e API_KEY=… -e MODEL=…`.

use wasmload_sdk::prelude::*;
use wasmload_sdk::sse::Source;

script!(
    iterate,
    options = r#"{
        "vus": 10,
        "iterations": 50,
        "thresholds": {
            "sse_time_to_first_token": ["p(95)<500"],
            "sse_tokens_per_second": ["p(5)>20"],
            "sse_drops": ["count==0"]
        }
    }"#
);

fn iterate() -> Result {
    let mut question = Request::post(&base_url("/v1/chat/completions"))
        .json(&json!({
            "model": context::env("MODEL").unwrap_or("demo".into()),
            "stream": true,
            "max_tokens": 50,
            "messages": [{ "role": "user", "content": "What are models good for?" }],
        }))
        // The longest silence, before the answer and within it.
        .timeout(Duration::from_secs(30))
        .name("chat");
    if let Some(key) = context::env("API_KEY") {
        question = question.bearer(&key);
    }
    let mut answer = String::new();
    for token in Source::new(&question).tokens().connect()?.texts() {
        answer += &token?;
    }
    check("there is an answer", !answer.is_empty());
    Ok(())
}
