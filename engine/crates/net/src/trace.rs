//! Which requests say to their target that they are part of a trace, and of which.
//!
//! Format: W3C Trace Context, `traceparent` of version 00: the ids of trace and span, in hex, and the flag that they are sampled. A request
//! that is not chosen says nothing, so that the target decides for itself. One whose script has said something is left alone. Each
//! hop of a redirect is a span of its own in the trace of the first.
//!
//! Ids come of `entropy`: a run that is repeated must not write into the traces of the one before.

use http::HeaderValue;

use crate::entropy::random;
use crate::request::Request;

/// The name of the header.
const TRACEPARENT: &str = "traceparent";

/// The place of a request in a trace. Neither id is zero, which would be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: u128,
    /// The request's span in it.
    pub span: u64,
}

impl TraceContext {
    fn new() -> Self {
        Self { trace: u128::from(id()) << 64 | u128::from(id()), span: id() }
    }

    /// What the header says.
    fn header(self) -> Option<HeaderValue> {
        format!("00-{:032x}-{:016x}-01", self.trace, self.span).parse().ok()
    }
}

fn id() -> u64 {
    // Nothing but zero is zero.
    random().max(1)
}

/// Chooses a request by chance, if it is to be chosen, and has it say so. One that follows a chosen one is chosen.
pub(crate) fn choose(request: &mut Request, share: f64) {
    let context = match request.trace {
        Some(before) => TraceContext { span: id(), ..before },
        None if share <= 0.0 || request.headers.contains_key(TRACEPARENT) => return,
        // Above 53 bits a number has no more digits.
        None if share < 1.0 && (random() >> 11) as f64 / (1_u64 << 53) as f64 >= share => return,
        None => TraceContext::new(),
    };
    let Some(header) = context.header() else { return };
    request.headers.insert(TRACEPARENT, header);
    request.trace = Some(context);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn request() -> Request {
        let target = Target::parse("http://a.test/").expect("a URL");
        Request::new(http::Method::GET, target)
    }

    fn said(request: &Request) -> Option<&str> {
        request.headers.get(TRACEPARENT).map(|value| value.to_str().expect("it is text"))
    }

    #[test]
    fn the_header_is_of_w3cs_form_and_has_the_ids() {
        let context = TraceContext { trace: 0xab << 64 | 1, span: 2 };
        let header = context.header().expect("it is a header");
        assert_eq!(header, "00-00000000000000ab0000000000000001-0000000000000002-01");
        let mut request = request();
        choose(&mut request, 1.0);
        let context = request.trace.expect("all are chosen");
        assert!(context.trace != 0 && context.span != 0);
        assert_eq!(request.headers.get(TRACEPARENT), context.header().as_ref());
    }

    #[test]
    fn what_the_script_says_is_left_alone_and_what_follows_has_a_span_of_its_own() {
        let mut own = request();
        own.headers.insert(TRACEPARENT, HeaderValue::from_static("00-mine"));
        choose(&mut own, 1.0);
        assert_eq!((said(&own), own.trace), (Some("00-mine"), None));
        let mut first = request();
        choose(&mut first, 1.0);
        let mut next = first.clone();
        choose(&mut next, 0.0);
        let (first, then) = (first.trace.expect("it is chosen"), next.trace.expect("so is this"));
        assert_eq!(first.trace, then.trace);
        assert_ne!(first.span, then.span);
        assert_eq!(next.headers.get_all(TRACEPARENT).iter().count(), 1);
        assert_eq!(next.headers.get(TRACEPARENT), then.header().as_ref());
    }

    #[test]
    fn nobody_is_chosen_of_a_share_of_nothing_and_some_of_a_part() {
        let chosen = |share| {
            let all = std::iter::repeat_with(request).take(1_000);
            all.filter_map(|mut request| {
                choose(&mut request, share);
                request.trace
            })
            .count()
        };
        assert_eq!((chosen(0.0), chosen(1.0)), (0, 1_000));
        // Some ten standard deviations to each side.
        let some = chosen(0.5);
        assert!((340..660).contains(&some), "{some}");
    }
}
