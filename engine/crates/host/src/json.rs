//! JSON that scripts ask parts of.

use serde_json::Value;

/// Bytes as JSON, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct LazyJson {
    /// None inside if they are no JSON.
    parsed: Option<Option<Value>>,
}

impl LazyJson {
    /// The part that a JSON Pointer (RFC 6901) names, as JSON text. The bytes, the same each time, are parsed when this
    /// is asked first.
    pub(crate) fn part(&mut self, bytes: &[u8], pointer: &str) -> Option<String> {
        let parsed = self.parsed.get_or_insert_with(|| serde_json::from_slice(bytes).ok());
        Some(parsed.as_ref()?.pointer(pointer)?.to_string())
    }
}
