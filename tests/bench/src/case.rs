//! What the generators are compared in: one kind of exchange each.

use serde::Serialize;

use crate::generator::Speaks;

/// What is exchanged with the target, over and over on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// A small page.
    Get,
    /// A page of JSON, its status checked and a number read from it.
    Json,
    /// 1 KiB there, a small page back.
    Post,
    /// A small page, and a new connection for each: the target closes them.
    Connect,
    /// A small page by TLS.
    Https,
    /// A small page by HTTP/2 over TLS, one at a time on each connection.
    Http2,
    /// A message there and back on a WebSocket.
    Websocket,
}

impl Case {
    /// Its name, as `--cases` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Json => "json",
            Self::Post => "post",
            Self::Connect => "connect",
            Self::Https => "https",
            Self::Http2 => "http2",
            Self::Websocket => "websocket",
        }
    }

    /// The path that is asked for.
    pub fn path(self) -> &'static str {
        match self {
            Self::Get | Self::Connect | Self::Https | Self::Http2 => "/",
            Self::Json => "/json",
            Self::Post => "/post",
            Self::Websocket => "/ws/echo",
        }
    }

    /// How the target is spoken to.
    pub fn speaks(self) -> Speaks {
        match self {
            Self::Get | Self::Json | Self::Post | Self::Connect | Self::Websocket => Speaks::Http,
            Self::Https => Speaks::Https,
            Self::Http2 => Speaks::Http2,
        }
    }

    /// The generator that the others are held against; none but wasmload is sure to be there for WebSockets.
    pub fn yardstick(self) -> &'static str {
        match self {
            Self::Get | Self::Json | Self::Post | Self::Connect | Self::Https => "wrk",
            Self::Http2 => "h2load",
            Self::Websocket => "wasmload",
        }
    }

    /// The script of `scripts/` that wasmload runs.
    pub fn script(self) -> &'static str {
        match self {
            Self::Get | Self::Connect | Self::Https | Self::Http2 => "get_check",
            Self::Json => "get_json",
            Self::Post => "post",
            Self::Websocket => "ws_echo",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn each_has_the_name_by_which_it_is_chosen() {
        for case in Case::value_variants() {
            assert_eq!(case.to_possible_value().unwrap().get_name(), case.name());
            assert_eq!(serde_json::to_value(case).unwrap(), case.name());
        }
    }
}
