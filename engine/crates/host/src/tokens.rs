//! The text of a language model in a stream of events: where it stands, and how fast it comes.

use serde_json::Value;
use tokio::time::Instant;

/// Where interfaces in use have the text that an event adds: OpenAI's chat completions, completions and responses,
/// and Anthropic's messages. Those compatible with them have it there too.
const USUAL: [&str; 4] = ["/choices/0/delta/content", "/choices/0/text", "/delta", "/delta/text"];
/// The data of the event that is the last, as OpenAI's interface has it.
const DONE: &str = "[DONE]";

/// The tokens of one stream.
#[derive(Debug)]
pub(crate) struct Tokens {
    pointers: Vec<String>,
    first: Option<Instant>,
    last: Option<Instant>,
    count: u32,
}

/// What an event is to them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It adds this text.
    Token(String),
    /// It is the last.
    Done,
    /// Neither.
    Other,
}

impl Tokens {
    /// Looks for them where these JSON Pointers point; where interfaces in use have them if there are none.
    pub(crate) fn at(pointers: &[String]) -> Self {
        let pointers = match pointers {
            [] => USUAL.map(str::to_owned).to_vec(),
            pointers => pointers.to_vec(),
        };
        Self { pointers, first: None, last: None, count: 0 }
    }

    /// Finds out what the data of an event is.
    pub(crate) fn meaning(&self, data: &str) -> Meaning {
        if data.trim() == DONE {
            return Meaning::Done;
        }
        let Ok(json) = serde_json::from_str::<Value>(data) else { return Meaning::Other };
        let texts = self.pointers.iter().filter_map(|pointer| json.pointer(pointer)?.as_str());
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or(Meaning::Other, |text| Meaning::Token(text.to_owned()))
    }

    /// Counts one that arrived at this moment. Whether it is the first.
    pub(crate) fn arrived(&mut self, at: Instant) -> bool {
        let is_first = self.first.is_none();
        self.first.get_or_insert(at);
        self.last = Some(at);
        self.count += 1;
        is_first
    }

    /// How many came per second after the first. None if fewer than two came, or all at once.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let span = self.last?.saturating_duration_since(self.first?).as_secs_f64();
        (self.count > 1 && span > 0.0).then(|| f64::from(self.count - 1) / span)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tokens_are_found_where_interfaces_have_them() {
        let token = |text: &str| Meaning::Token(text.to_owned());
        let usual = Tokens::at(&[]);
        for (data, meaning) in [
            (r#"{"choices":[{"index":0,"delta":{"content":" sea"}}]}"#, token(" sea")),
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, Meaning::Other),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, Meaning::Other),
            (r#"{"choices":[{"text":"a"}]}"#, token("a")),
            (r#"{"type":"response.output_text.delta","delta":"b"}"#, token("b")),
            (
                r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"c"}}"#,
                token("c"),
            ),
            ("[DONE]", Meaning::Done),
            (" [DONE]", Meaning::Done),
            ("not JSON", Meaning::Other),
            ("", Meaning::Other),
        ] {
            assert_eq!(usual.meaning(data), meaning, "{data}");
        }
        let own = Tokens::at(&["/t".to_owned()]);
        assert_eq!(own.meaning(r#"{"t":"x"}"#), token("x"));
        assert_eq!(own.meaning(r#"{"delta":"x"}"#), Meaning::Other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_counts_what_came_after_the_first() {
        let mut tokens = Tokens::at(&[]);
        assert_eq!(tokens.per_second(), None);
        for n in 0..5 {
            assert_eq!(tokens.arrived(Instant::now()), n == 0);
            if n < 4 {
                tokio::time::advance(Duration::from_millis(500)).await;
            }
        }
        assert_eq!(tokens.per_second(), Some(2.0));
    }
}
