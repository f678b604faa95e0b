//! A POST that tells of a crossed threshold: by the client that makes load, but counted nowhere.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use net::{Body, BodyPolicy, Client, Config, Exchange, Request, Target};
use output::Notice;
use plan::Options;

use crate::cli::options::invalid;
use crate::fault::Fault;
use crate::network;

/// Sends a notice there, as JSON, and waits until that was taken.
///
/// Fails with a text if there is no answer in time, or one that does not say that all is well.
pub(super) fn post(
    url: &Target,
    config: &Arc<Config>,
    notice: &Notice,
    limit: Duration,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("failed to start a runtime: {error}"))?;
    let mut client = Client::new(Arc::clone(config));
    let mut request = Request::new(Method::POST, url.clone());
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.body = Body::Bytes(notice.json().into());
    request.body_policy = BodyPolicy::Discard;
    request.timeout = Some(limit);
    request.redirects = Some(0);
    client.start(request);
    let exchange: Exchange = runtime.block_on(poll_fn(|cx| {
        let mut ended = None;
        client.poll(cx, &mut |_, exchange| ended = Some(exchange));
        ended.map_or(Poll::Pending, Poll::Ready)
    }));
    // A name that is still being looked up is nobody's any more.
    runtime.shutdown_background();
    match exchange.result {
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(format!("it was answered with status {}", response.status.as_u16())),
        Err(error) => Err(error.to_string()),
    }
}

/// How it is made: by no option of the run, which may be a script's.
///
/// Fails with what is wrong with the environment's proxies.
pub(super) fn config() -> Result<Arc<Config>, Fault> {
    let plan = Options::default().plan().map_err(|problems| invalid("the options", &problems))?;
    network::config(&plan.network).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::super::tests::notice;
    use super::*;

    /// A peer that reads one request, answers it with this and hands over what it read.
    fn peer(answer: &'static str) -> (Target, thread::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/hooks/hunter22", listener.local_addr().unwrap());
        let read = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = Vec::new();
            let end = notice().json();
            let mut room = [0; 4096];
            while !String::from_utf8_lossy(&read).ends_with(&end) {
                let count = stream.read(&mut room).unwrap();
                read.extend_from_slice(&room[..count]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            if answer.is_empty() {
                // Silent until the other side has had enough.
                while stream.read(&mut room).is_ok_and(|count| count > 0) {}
            }
            String::from_utf8(read).unwrap()
        });
        (Target::parse(&url).unwrap(), read)
    }

    #[test]
    fn a_notice_is_posted_as_json_and_what_comes_of_it_is_told() {
        for (answer, result) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok(())),
            (
                "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
                Err("it was answered with status 500"),
            ),
            (
                "HTTP/1.1 307 There\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n",
                Err("it was answered with status 307"),
            ),
        ] {
            let (url, peer) = peer(answer);
            let posted = post(&url, &config().unwrap(), &notice(), Duration::from_secs(60));
            assert_eq!(posted, result.map_err(ToOwned::to_owned));
            let read = peer.join().unwrap();
            let (head, body) = read.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("POST /hooks/hunter22 HTTP/1.1\r\n"), "{head}");
            assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
            assert_eq!(body, notice().json());
        }
    }

    #[test]
    fn a_peer_that_is_not_there_or_never_answers_is_a_failure_with_its_name() {
        let (url, peer) = peer("");
        let why =
            post(&url, &config().unwrap(), &notice(), Duration::from_millis(200)).unwrap_err();
        assert!(why.contains("timed out") || why.contains("timeout"), "{why}");
        peer.join().unwrap();

        let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let url = Target::parse(&format!("http://{nobody}/")).unwrap();
        let why = post(&url, &config().unwrap(), &notice(), Duration::from_secs(60)).unwrap_err();
        assert!(why.contains("refused"), "{why}");
    }
}
