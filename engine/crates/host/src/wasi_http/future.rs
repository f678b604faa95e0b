//! `future-incoming-response`: what a guest waits on, and the response that it gets.
//!
//! The library's own is a task of the runtime. Ours is the number of an exchange: nothing is registered to be woken by,
//! since whoever drives the exchanges polls the guest again when one has ended. It stands in the library's place in the
//! linker, with all that has to do with it; the rest of `types` is the library's.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use net::ExchangeId;
use parking_lot::Mutex;
use wasmtime::Result;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HostIncomingBody;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostIncomingResponse};
use wasmtime_wasi_http::{FieldMap, WasiHttpView as _};

use crate::exchanges::{Exchanges, until};
use crate::state::VuState;
use crate::wasi_http::error;

/// The interface, in the version that the library has. Were it another one, this would stand beside the library's,
/// and no guest would find it.
const TYPES: &str = "wasi:http/types@0.2.12";

/// A response on its way.
pub(super) struct Pending {
    /// None once it was taken.
    id: Option<ExchangeId>,
    exchanges: Arc<Mutex<Exchanges>>,
}

/// What the guest is given, once.
type Answer = Result<Result<Resource<HostIncomingResponse>, ErrorCode>, ()>;

impl Pending {
    pub(super) fn new(id: ExchangeId, exchanges: Arc<Mutex<Exchanges>>) -> Self {
        Self { id: Some(id), exchanges }
    }
}

#[async_trait]
impl Pollable for Pending {
    async fn ready(&mut self) {
        let Some(id) = self.id else { return };
        until(&self.exchanges, |exchanges| exchanges.is_finished(id).then_some(())).await;
    }
}

/// A handle to ours, under the name of the library's.
pub(super) fn of_library(ours: &Resource<Pending>) -> Resource<HostFutureIncomingResponse> {
    Resource::new_own(ours.rep())
}

/// Puts it in the place of the library's.
pub(super) fn add_to_linker(linker: &mut Linker<VuState>) -> Result<()> {
    type OfLibrary = Resource<HostFutureIncomingResponse>;

    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.resource(
        "future-incoming-response",
        ResourceType::host::<HostFutureIncomingResponse>(),
        |mut store, rep| store.data_mut().drop_pending(Resource::new_own(rep)),
    )?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut store, (this,): (OfLibrary,)| {
            let pollable = subscribe(&mut store.data_mut().table, borrowed(&this))?;
            Ok((pollable,)) as Result<(Resource<DynPollable>,)>
        },
    )?;
    types
        .func_wrap("[method]future-incoming-response.get", |mut store, (this,): (OfLibrary,)| {
            Ok((store.data_mut().take_answer(&borrowed(&this))?,))
        })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn borrowed(this: &Resource<HostFutureIncomingResponse>) -> Resource<Pending> {
    Resource::new_borrow(this.rep())
}

impl VuState {
    fn drop_pending(&mut self, this: Resource<Pending>) -> Result<()> {
        if let Some(id) = self.table.delete(this)?.id {
            self.exchanges.lock().forget(id);
        }
        Ok(())
    }

    /// What came of it; none if that is not known yet.
    fn take_answer(&mut self, this: &Resource<Pending>) -> Result<Option<Answer>> {
        let pending = self.table.get_mut(this)?;
        let Some(id) = pending.id else { return Ok(Some(Err(()))) };
        let (refusal, finished) = {
            let mut exchanges = pending.exchanges.lock();
            (exchanges.uploads.take_refusal(id), exchanges.take(id))
        };
        let answer = match (refusal, finished) {
            (Some(refusal), _) => Err(error::of_refusal(refusal)),
            (None, Some(finished)) => match finished.result {
                Ok(response) => self.incoming(response),
                Err(error) => Err(error::of_exchange(error)),
            },
            (None, None) => return Ok(None),
        };
        self.table.get_mut(this)?.id = None;
        Ok(Some(Ok(match answer {
            Ok(response) => Ok(self.table.push(response)?),
            Err(code) => Err(code),
        })))
    }

    /// A response as the library has it. It has arrived whole: whoever reads its body waits for nothing.
    fn incoming(&mut self, response: net::Response) -> Result<HostIncomingResponse, ErrorCode> {
        let headers = headers(&response.headers).ok_or(ErrorCode::HttpProtocolError)?;
        let body = Full::new(Bytes::from(response.body));
        let body = body.map_err(|never| match never {}).boxed_unsync();
        Ok(HostIncomingResponse {
            status: response.status.as_u16(),
            headers: FieldMap::new_immutable(self.http().hooks, headers),
            body: Some(HostIncomingBody::new(body)),
        })
    }
}

/// The headers in the library's form; none if there are some that it has no form for.
fn headers(headers: &net::Headers) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        map.try_append(name, HeaderValue::from_bytes(value).ok()?).ok()?;
    }
    Some(map)
}
