//! Requests of `wasi:http` whose bodies a guest is still writing.
//!
//! A guest hands in a request first and writes its body then, piece by piece. Today an exchange takes a whole
//! body, so the pieces are collected here, within bounds, while the guest is asked for more; when it is
//! finished the exchange begins. [`Exchanges`](crate::exchanges::Exchanges) drives them.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Body as _;
use net::ExchangeId;
use wasmtime_wasi_http::WasiBody;

use crate::catalogue::Endpoint;

/// A request that waits for its body.
pub(crate) struct Upload {
    pub(crate) id: ExchangeId,
    /// All of it but its body.
    pub(crate) request: net::Request,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) lag: Duration,
    body: WasiBody,
    written: Vec<u8>,
    /// Whether the guest has let go of what comes of it.
    pub(crate) is_unwanted: bool,
}

/// Why a request is not sent once its body has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// So many bytes of it are more than may be collected.
    TooLarge(u64),
    /// It ends in trailers, and no request is sent with any.
    Trailers,
    /// The guest dropped it before it was finished.
    Unfinished,
}

#[derive(Default)]
pub(crate) struct Uploads {
    writing: Vec<Upload>,
    /// What the guest has not been told yet.
    refused: Vec<(ExchangeId, Refusal)>,
}

impl Upload {
    pub(crate) fn new(
        id: ExchangeId,
        request: net::Request,
        body: WasiBody,
        endpoint: Arc<Endpoint>,
        lag: Duration,
    ) -> Self {
        Self { id, request, endpoint, lag, body, written: Vec::new(), is_unwanted: false }
    }

    /// Takes in what there is, up to so many bytes in all.
    fn poll(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Result<(), Refusal>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Refusal::Unfinished)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        let length = self.written.len() + data.len();
                        if length > limit {
                            return Poll::Ready(Err(Refusal::TooLarge(length as u64)));
                        }
                        self.written.extend_from_slice(&data);
                    }
                    // Some always send them, even where there are none.
                    Err(frame) => {
                        if frame.trailers_ref().is_some_and(|trailers| !trailers.is_empty()) {
                            return Poll::Ready(Err(Refusal::Trailers));
                        }
                    }
                },
            }
        }
    }
}

impl Uploads {
    pub(crate) fn add(&mut self, upload: Upload) {
        self.writing.push(upload);
    }

    /// How many there are, those among them that the guest has not been told are refused.
    pub(crate) fn len(&self) -> usize {
        self.writing.len() + self.refused.len()
    }

    /// Takes in what the guest has written, and gives the requests whose bodies are finished or refused: one that has
    /// more than `limit` bytes is, or more than `all` of them together may have. Wakes the task of `cx` when there is
    /// more to be taken in.
    pub(crate) fn take_ended(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        all: usize,
    ) -> Vec<(Upload, Option<Refusal>)> {
        let mut held: usize = self.writing.iter().map(|upload| upload.written.len()).sum();
        let mut ended = Vec::new();
        let mut index = 0;
        while let Some(upload) = self.writing.get_mut(index) {
            held -= upload.written.len();
            let polled = upload.poll(cx, limit.min(all.saturating_sub(held)));
            let Poll::Ready(result) = polled else {
                held += upload.written.len();
                index += 1;
                continue;
            };
            let mut upload = self.writing.swap_remove(index);
            upload.request.body = mem::take(&mut upload.written).into();
            let refusal = result.err();
            if let (Some(refusal), false) = (refusal, upload.is_unwanted) {
                self.refused.push((upload.id, refusal));
            }
            ended.push((upload, refusal));
        }
        ended
    }

    pub(crate) fn is_refused(&self, id: ExchangeId) -> bool {
        self.refused.iter().any(|(refused, _)| *refused == id)
    }

    /// Why the request was not sent, once.
    pub(crate) fn take_refusal(&mut self, id: ExchangeId) -> Option<Refusal> {
        let index = self.refused.iter().position(|(refused, _)| *refused == id)?;
        Some(self.refused.swap_remove(index).1)
    }

    /// Lets go of a request that nobody will ask about. Its body may be written all the same.
    pub(crate) fn forget(&mut self, id: ExchangeId) {
        self.refused.retain(|(refused, _)| *refused != id);
        if let Some(upload) = self.writing.iter_mut().find(|upload| upload.id == id) {
            upload.is_unwanted = true;
        }
    }

    /// Forgets all of them: nobody is left to finish them, and nothing has been sent.
    pub(crate) fn abandon(&mut self) {
        self.writing.clear();
        self.refused.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use http::Method;
    use http::header::{HeaderMap, HeaderValue};
    use http_body::Frame;
    use http_body_util::BodyExt as _;
    use metrics::{Registry, Shards, Tags};
    use net::{Client, Target};

    use super::*;
    use crate::catalogue::{Catalogue, EndpointKey};

    /// A body as somebody writes it: what there is of it, and whether more is to come.
    struct Written {
        frames: VecDeque<Result<Frame<Bytes>, wasmtime_wasi_http::Error>>,
        is_finished: bool,
    }

    impl http_body::Body for Written {
        type Data = Bytes;
        type Error = wasmtime_wasi_http::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match self.frames.pop_front() {
                Some(frame) => Poll::Ready(Some(frame)),
                None if self.is_finished => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn data(length: usize) -> Result<Frame<Bytes>, wasmtime_wasi_http::Error> {
        Ok(Frame::data(vec![7; length].into()))
    }

    struct Bench {
        client: Client,
        endpoint: Arc<Endpoint>,
        uploads: Uploads,
    }

    impl Bench {
        fn new() -> Self {
            let recorder = Shards::new(Registry::new(), 1).recorder(0);
            let endpoint = Catalogue::new(recorder).endpoint(EndpointKey {
                vu: Tags::new(),
                method: "POST".into(),
                name: "a".into(),
                tags: Vec::new(),
                expected: Vec::new(),
            });
            Self { client: Client::new(Arc::default()), endpoint, uploads: Uploads::default() }
        }

        fn add<const N: usize>(
            &mut self,
            frames: [Result<Frame<Bytes>, wasmtime_wasi_http::Error>; N],
            is_finished: bool,
        ) -> ExchangeId {
            let id = self.client.reserve();
            let target = Target::parse("http://a.test/").expect("a URL");
            let request = net::Request::new(Method::POST, target);
            let body = Written { frames: frames.into(), is_finished }.boxed_unsync();
            let endpoint = Arc::clone(&self.endpoint);
            self.uploads.add(Upload::new(id, request, body, endpoint, Duration::ZERO));
            id
        }

        /// What has ended: which, the length of its body, and why it is not sent.
        fn ended(&mut self, limit: usize, all: usize) -> Vec<(ExchangeId, u64, Option<Refusal>)> {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let ended = self.uploads.take_ended(&mut cx, limit, all).into_iter();
            ended
                .map(|(upload, refusal)| (upload.id, upload.request.body.length(), refusal))
                .collect()
        }
    }

    #[test]
    fn a_body_is_sent_whole_or_not_at_all() {
        let trailers = |value| {
            let mut map = HeaderMap::new();
            if let Some(value) = value {
                map.insert("x-sum", HeaderValue::from_static(value));
            }
            Ok(Frame::trailers(map))
        };
        let broken = || Err(wasmtime_wasi_http::Error::HttpProtocolError);
        let mut bench = Bench::new();
        let whole = bench.add([data(3), data(4)], true);
        let writing = bench.add([data(3)], false);
        let empty = bench.add([], true);
        let without = bench.add([data(2), trailers(None)], true);
        let with = bench.add([data(2), trailers(Some("7"))], true);
        let unfinished = bench.add([data(2), broken()], true);
        let mut ended = bench.ended(100, 100);
        ended.sort_by_key(|(id, ..)| *id);
        let expected = [
            (whole, 7, None),
            (empty, 0, None),
            (without, 2, None),
            (with, 2, Some(Refusal::Trailers)),
            (unfinished, 2, Some(Refusal::Unfinished)),
        ];
        assert_eq!(ended, expected);
        assert_eq!(bench.ended(100, 100), [], "one is being written");
        assert!(!bench.uploads.is_refused(writing) && !bench.uploads.is_refused(whole));
        for (id, refusal) in [(with, Refusal::Trailers), (unfinished, Refusal::Unfinished)] {
            assert!(bench.uploads.is_refused(id));
            assert_eq!(bench.uploads.take_refusal(id), Some(refusal));
            assert_eq!(bench.uploads.take_refusal(id), None, "the guest is told once");
        }
    }

    #[test]
    fn one_body_and_all_together_have_their_bounds() {
        for (sizes, refused) in [
            (&[10][..], &[][..]),
            (&[11], &[Refusal::TooLarge(11)]),
            (&[10, 9], &[]),
            (&[10, 9, 1], &[Refusal::TooLarge(1)]),
            (&[8, 8, 8], &[Refusal::TooLarge(8)]),
        ] {
            let mut bench = Bench::new();
            for size in sizes {
                bench.add([data(*size)], false);
            }
            let ended = bench.ended(10, 19);
            let ended: Vec<_> = ended.iter().filter_map(|(.., refusal)| *refusal).collect();
            assert_eq!(ended, refused, "{sizes:?}");
        }
    }

    #[test]
    fn what_nobody_waits_for_is_begun_all_the_same_and_its_refusal_told_to_nobody() {
        let mut bench = Bench::new();
        let whole = bench.add([data(1)], true);
        let large = bench.add([data(11)], true);
        bench.uploads.forget(whole);
        bench.uploads.forget(large);
        let ended = bench.ended(10, 100);
        assert_eq!(ended, [(whole, 1, None), (large, 0, Some(Refusal::TooLarge(11)))]);
        assert!(!bench.uploads.is_refused(large));
        assert_eq!(bench.uploads.len(), 0);
    }
}
