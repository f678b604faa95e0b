//! A response in the hands of a script.

use net::Target;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::wasmload::script::http::{HostResponse, Timings};
use crate::hex::hex;
use crate::json::LazyJson;
use crate::state::VuState;
use crate::time::milliseconds;

/// A response in the hands of a script.
pub struct Response {
    target: Target,
    response: net::Response,
    timings: net::Timings,
    json: LazyJson,
}

impl Response {
    /// How many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let Self { response, json, .. } = self;
        response.body.len() + response.headers.size() + json.size()
    }

    pub(crate) fn new(target: Target, response: net::Response, timings: net::Timings) -> Self {
        Self { target, response, timings, json: LazyJson::default() }
    }

    /// That of a response whose body is read as it comes.
    pub(crate) fn opened(opened: net::Opened) -> Self {
        Self::new(opened.target, opened.response, opened.timings)
    }
}

impl HostResponse for VuState {
    fn status(&mut self, this: Resource<Response>) -> Result<u16> {
        Ok(self.table.get(&this)?.response.status.as_u16())
    }

    fn protocol(&mut self, this: Resource<Response>) -> Result<String> {
        Ok(format!("{:?}", self.table.get(&this)?.response.version))
    }

    fn header(&mut self, this: Resource<Response>, name: String) -> Result<Option<String>> {
        let value = self.table.get(&this)?.response.headers.get(&name);
        Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    fn headers(&mut self, this: Resource<Response>) -> Result<Vec<(String, Vec<u8>)>> {
        let headers = &self.table.get(&this)?.response.headers;
        Ok(headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec()))
            .collect())
    }

    fn body_length(&mut self, this: Resource<Response>) -> Result<u32> {
        let length = self.table.get(&this)?.response.body.len();
        Ok(u32::try_from(length).unwrap_or(u32::MAX))
    }

    fn whole_length(&mut self, this: Resource<Response>) -> Result<f64> {
        Ok(self.table.get(&this)?.response.length as f64)
    }

    fn sha256(&mut self, this: Resource<Response>) -> Result<Option<String>> {
        let hash = self.table.get(&this)?.response.sha256;
        Ok(hash.map(|hash| hex(&hash)))
    }

    fn body(&mut self, this: Resource<Response>) -> Result<Vec<u8>> {
        Ok(self.table.get(&this)?.response.body.clone())
    }

    fn text(&mut self, this: Resource<Response>) -> Result<String> {
        let body = &self.table.get(&this)?.response.body;
        Ok(String::from_utf8_lossy(body).into_owned())
    }

    fn json(&mut self, this: Resource<Response>, pointer: String) -> Result<Option<String>> {
        let response = self.table.get_mut(&this)?;
        let before = response.size();
        let part = response.json.part(&response.response.body, &pointer);
        let more = response.size() - before;
        self.responses.take(more)?;
        Ok(part)
    }

    fn timings(&mut self, this: Resource<Response>) -> Result<Timings> {
        let timings = self.table.get(&this)?.timings;
        Ok(Timings {
            blocked: milliseconds(timings.blocked),
            looking_up: milliseconds(timings.dns),
            connecting: milliseconds(timings.connecting),
            tls_handshaking: milliseconds(timings.tls),
            sending: milliseconds(timings.sending),
            waiting: milliseconds(timings.waiting),
            receiving: milliseconds(timings.receiving),
        })
    }

    fn url(&mut self, this: Resource<Response>) -> Result<String> {
        Ok(self.table.get(&this)?.target.as_str().to_owned())
    }

    fn drop(&mut self, this: Resource<Response>) -> Result<()> {
        let size = self.table.delete(this)?.size();
        self.responses.give_back(size);
        Ok(())
    }
}

impl VuState {
    /// Hands a response to the script.
    ///
    /// Fails if it holds too many bytes of them, or too many handles.
    pub(crate) fn hand_over(&mut self, mut response: Response) -> Result<Resource<Response>> {
        self.responses.take(response.size())?;
        response.response.take_over();
        Ok(self.table.push(response)?)
    }
}
