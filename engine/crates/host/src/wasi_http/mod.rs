//! `wasi:http`: requests of components that know the standard and not the contract.
//!
//! What headers, requests, options and bodies are is `wasmtime-wasi-http`'s to know. How a request is sent is ours:
//! it becomes an exchange like any other, on the VU's connections, timed and counted under its method and URL. The
//! library would give each request a task of the runtime, and a response another; here the guest's wait for a
//! response is one of the two futures of its VU, as everywhere.
//!
//! * `handler` makes a request an exchange;
//! * `future` is what the guest waits on;
//! * `error` says in the standard's words why there is no response.
//!
//! The host does what the guest says and nothing by itself: no cookies, no redirects, packed bodies stay packed.
//! Nothing of this is linked for a script that does not import it.

mod error;
mod future;
mod handler;

use wasmtime::component::Linker;
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::types;
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::limits::FIELDS_BYTES;
use crate::state::VuState;

/// What a VU has for it. Nothing is allocated before it is used.
pub(crate) struct Http {
    context: WasiHttpCtx,
    hooks: Hooks,
}

impl Http {
    pub(crate) fn new() -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(FIELDS_BYTES);
        Self { context, hooks: Hooks }
    }
}

/// Links the client's half of `wasi:http`, and the types of the other half, of which no script gets a value.
pub(crate) fn add_to_linker(linker: &mut Linker<VuState>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), WasiHttpView::http)?;
    handler::add_to_linker(linker)?;
    future::add_to_linker(linker)
}

impl WasiHttpView for VuState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let Http { context, hooks } = &mut self.http;
        WasiHttpCtxView { hooks, table: &mut self.table, ctx: context }
    }
}

/// How much of a body a guest may write before somebody takes it in: as much as a guest that writes before it hands
/// in the request can have. Pieces are as large as those that guests write and wait for.
const PIECE: usize = 4 << 10;
const PIECES: usize = 15;

struct Hooks;

impl WasiHttpHooks for Hooks {
    /// Never called: requests go through `handler`.
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: BoxFuture<wasmtime_wasi_http::Result<()>>,
    ) -> BoxFuture<wasmtime_wasi_http::Result<Sent>> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        PIECES
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE
    }
}

type BoxFuture<T> = Box<dyn Future<Output = T> + Send>;
type Sent = (http::Response<WasiBody>, BoxFuture<wasmtime_wasi_http::Result<()>>);
