//! Has as many requests on their way as it may, asks for one more, and takes the answers as they come.

use wasip2::http::outgoing_handler::handle;
use wasip2::io::poll::{Pollable, poll};
use wasmload_test_programs::{ErrorCode, FutureIncomingResponse, Method, page, request};

const AT_ONCE: usize = 1_000;

fn main() -> Result<(), String> {
    let ask = |path: &str| handle(request(&Method::Get, &page(path), &[]), None);
    let slow = ask("/delay/40").map_err(|error| format!("{error:?}"))?;
    let mut waiting: Vec<(Pollable, FutureIncomingResponse)> = Vec::new();
    for _ in 1..AT_ONCE {
        let future = ask("/status/204").map_err(|error| format!("{error:?}"))?;
        waiting.push((future.subscribe(), future));
    }
    if !matches!(ask("/status/204"), Err(ErrorCode::ConnectionLimitReached)) {
        return Err("there was one too many".into());
    }
    let mut answered = 0;
    while !waiting.is_empty() {
        let pollables: Vec<&Pollable> = waiting.iter().map(|(pollable, _)| pollable).collect();
        let mut ready = poll(&pollables);
        // The later ones first, so that places stay what they are.
        ready.sort_by(|a, b| b.cmp(a));
        for place in ready {
            let (pollable, future) = waiting.swap_remove(place as usize);
            drop(pollable);
            let response = future.get().expect("it is ready").expect("it was not taken before");
            let status = response.map_err(|error| format!("{error:?}"))?.status();
            answered += usize::from(status == 204);
        }
    }
    slow.subscribe().block();
    let status = slow.get().expect("ready").expect("once").expect("a response").status();
    match (answered, status) {
        (999, 200) => Ok(()),
        (answered, status) => Err(format!("{answered} were answered, and the slow one {status}")),
    }
}
