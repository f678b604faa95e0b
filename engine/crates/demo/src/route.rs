//! Which page a path names, and what may be done with it.

/// A page of the shop, a test aid, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    Home,
    Health,
    Catalogue,
    Product,
    Login,
    Cart,
    Checkout,
    Bytes,
    Drip,
    Status,
    Delay,
    Echo,
    Upload,
    Headers,
    Redirect,
    Events,
    Chat,
    Close,
    Reset,
    Record,
    WsEcho,
    WsChat,
    WsTicker,
    WsClose,
    Unknown,
}

impl Route {
    /// The route of a path, and the last part of the path where the route has a parameter there.
    pub(crate) fn of(path: &str) -> (Self, &str) {
        let route = match path {
            "/" => Self::Home,
            "/health" => Self::Health,
            "/catalogue" => Self::Catalogue,
            "/login" => Self::Login,
            "/cart" => Self::Cart,
            "/checkout" => Self::Checkout,
            "/echo" => Self::Echo,
            "/upload" => Self::Upload,
            "/headers" => Self::Headers,
            "/v1/chat/completions" => Self::Chat,
            "/close" => Self::Close,
            "/reset" => Self::Reset,
            "/record" => Self::Record,
            "/ws/echo" => Self::WsEcho,
            "/ws/chat" => Self::WsChat,
            _ => {
                let prefix_and_last = path.rsplit_once('/').filter(|(_, last)| !last.is_empty());
                return match prefix_and_last {
                    Some(("/products", last)) => (Self::Product, last),
                    Some(("/bytes", last)) => (Self::Bytes, last),
                    Some(("/drip", last)) => (Self::Drip, last),
                    Some(("/status", last)) => (Self::Status, last),
                    Some(("/delay", last)) => (Self::Delay, last),
                    Some(("/redirect", last)) => (Self::Redirect, last),
                    Some(("/events", last)) => (Self::Events, last),
                    Some(("/ws/ticker", last)) => (Self::WsTicker, last),
                    Some(("/ws/close", last)) => (Self::WsClose, last),
                    _ => (Self::Unknown, ""),
                };
            }
        };
        (route, "")
    }

    /// Its name in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Health => "/health",
            Self::Catalogue => "/catalogue",
            Self::Product => "/products/{id}",
            Self::Login => "/login",
            Self::Cart => "/cart",
            Self::Checkout => "/checkout",
            Self::Bytes => "/bytes/{n}",
            Self::Drip => "/drip/{n}",
            Self::Status => "/status/{code}",
            Self::Delay => "/delay/{milliseconds}",
            Self::Echo => "/echo",
            Self::Upload => "/upload",
            Self::Headers => "/headers",
            Self::Events => "/events/{milliseconds}",
            Self::Chat => "/v1/chat/completions",
            Self::Redirect => "/redirect/{n}",
            Self::Close => "/close",
            Self::Reset => "/reset",
            Self::Record => "/record",
            Self::WsEcho => "/ws/echo",
            Self::WsChat => "/ws/chat",
            Self::WsTicker => "/ws/ticker/{milliseconds}",
            Self::WsClose => "/ws/close/{code}",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the faults apply to it.
    pub(crate) fn has_faults(self) -> bool {
        matches!(
            self,
            Self::Home
                | Self::Catalogue
                | Self::Product
                | Self::Login
                | Self::Cart
                | Self::Checkout
        )
    }

    /// The methods it takes, as an `allow` header lists them; nothing if it takes any.
    pub(crate) fn allowed(self) -> Option<&'static str> {
        match self {
            Self::Home | Self::Health | Self::Catalogue | Self::Product => Some("GET, HEAD"),
            Self::WsEcho | Self::WsChat | Self::WsTicker | Self::WsClose => Some("GET"),
            Self::Login | Self::Checkout | Self::Chat => Some("POST"),
            Self::Cart => Some("GET, HEAD, POST"),
            Self::Record => Some("GET, HEAD, DELETE"),
            Self::Bytes
            | Self::Drip
            | Self::Status
            | Self::Delay
            | Self::Echo
            | Self::Upload
            | Self::Headers
            | Self::Redirect
            | Self::Events
            | Self::Close
            | Self::Reset
            | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_route() {
        for (path, expected) in [
            ("/", (Route::Home, "")),
            ("/catalogue", (Route::Catalogue, "")),
            ("/products/7", (Route::Product, "7")),
            ("/bytes/70000", (Route::Bytes, "70000")),
            ("/status/204", (Route::Status, "204")),
            ("/delay/50", (Route::Delay, "50")),
            ("/drip/3", (Route::Drip, "3")),
            ("/redirect/3", (Route::Redirect, "3")),
            ("/events/7", (Route::Events, "7")),
            ("/v1/chat/completions", (Route::Chat, "")),
            ("/ws/echo", (Route::WsEcho, "")),
            ("/ws/ticker/9", (Route::WsTicker, "9")),
            ("/ws", (Route::Unknown, "")),
            ("/products", (Route::Unknown, "")),
            ("/products/", (Route::Unknown, "")),
            ("/products/7/8", (Route::Unknown, "")),
            ("/catalogue/", (Route::Unknown, "")),
            ("", (Route::Unknown, "")),
            ("*", (Route::Unknown, "")),
        ] {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }
}
