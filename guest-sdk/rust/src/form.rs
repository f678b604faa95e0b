//! What forms are written as: in a URL, in a body, with files.
//!
//! Its face is [`http`](crate::http).

use std::rc::Rc;

use crate::http::{Request, Upload};

/// A URL with these names and values as its query, after the one it has; both are encoded.
///
/// ```
/// # use wasmload_sdk::http;
/// let url = http::url("http://shop.test/search?page=2", &[("q", "tea & milk")]);
/// assert_eq!(url, "http://shop.test/search?page=2&q=tea+%26+milk");
/// ```
#[must_use]
pub fn url(base: &str, query: &[(&str, &str)]) -> String {
    let encoded = form(query);
    let (base, fragment) = base.split_once('#').unwrap_or((base, ""));
    let between = match base.split_once('?') {
        _ if encoded.is_empty() => "",
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let hash = if fragment.is_empty() { "" } else { "#" };
    [base, between, &encoded, hash, fragment].concat()
}

/// `application/x-www-form-urlencoded`, as the URL Standard writes it.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    fn encoded(text: &str) -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                    char::from(byte).to_string()
                }
                b' ' => "+".to_owned(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    }
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| [encoded(name), encoded(value)].join("=")).collect();
    fields.join("&")
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// A form with files: `multipart/form-data` (RFC 7578).
///
/// ```
/// # use wasmload_sdk::http::{Multipart, Request};
/// let form = Multipart::new()
///     .text("title", "My cat")
///     .file("photo", "cat.jpg", "image/jpeg", [0xff, 0xd8, 0xff]);
/// # if false {
/// Request::post("http://shop.test/upload").multipart(form).send().unwrap();
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Upload(Rc<Upload>),
}

impl Multipart {
    /// What stands between parts. No file is likely to have it in it.
    pub(crate) const BOUNDARY: &'static str = "----wasmload-7e1b9f0c4d2a4c8db6f35a90";

    /// A form without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field of text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{}\"", quoted(name)), None, value.as_bytes())
    }

    /// Adds a file, with its name and its media type, such as `image/png`.
    #[must_use]
    pub fn file(
        self,
        name: &str,
        file_name: &str,
        media_type: &str,
        content: impl AsRef<[u8]>,
    ) -> Self {
        self.part(&names(name, file_name), Some(media_type), content.as_ref())
    }

    /// Adds a file that the engine makes as it sends it, with its name and its media type.
    #[must_use]
    pub fn upload(mut self, name: &str, file_name: &str, media_type: &str, upload: Upload) -> Self {
        self.head(&names(name, file_name), Some(media_type));
        self.parts.push(Part::Upload(Rc::new(upload)));
        self.push(b"\r\n");
        self
    }

    fn part(mut self, names: &str, media_type: Option<&str>, content: &[u8]) -> Self {
        self.head(names, media_type);
        self.push(content);
        self.push(b"\r\n");
        self
    }

    fn head(&mut self, names: &str, media_type: Option<&str>) {
        let kind = media_type.map(|kind| format!("content-type: {}\r\n", quoted(kind)));
        let head = format!(
            "--{}\r\ncontent-disposition: form-data; {names}\r\n{}\r\n",
            Self::BOUNDARY,
            kind.unwrap_or_default()
        );
        self.push(head.as_bytes());
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push(Part::Bytes(bytes.to_vec())),
        }
    }

    /// The request with this form as its body.
    pub(crate) fn finish(mut self, request: Request) -> Request {
        self.push(format!("--{}--\r\n", Self::BOUNDARY).as_bytes());
        if let [Part::Bytes(all)] = &self.parts[..] {
            return request.body(all);
        }
        let whole = self.parts.into_iter().fold(Upload::new(), |whole, part| match part {
            Part::Bytes(bytes) => whole.bytes(bytes),
            Part::Upload(upload) => whole.and(&upload),
        });
        request.upload(&whole)
    }
}

fn names(name: &str, file_name: &str) -> String {
    format!("name=\"{}\"; filename=\"{}\"", quoted(name), quoted(file_name))
}

/// A name between quotes, as the HTML Standard writes it: what would end it is encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_rfc_4648_has_them() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn a_query_is_added_to_what_there_is() {
        for (base, query, expected) in [
            ("http://a/", &[][..], "http://a/"),
            ("http://a/", &[("q", "ä/b"), ("r", "")], "http://a/?q=%C3%A4%2Fb&r="),
            ("http://a/?x=1", &[("q", "a b")], "http://a/?x=1&q=a+b"),
            ("http://a/?", &[("q", "1")], "http://a/?q=1"),
            ("http://a/#top", &[("q", "1")], "http://a/?q=1#top"),
        ] {
            assert_eq!(url(base, query), expected);
        }
    }

    #[test]
    fn no_name_ends_a_part_early() {
        let form = Multipart::new().text("a\"\r\nx: y", "1");
        let [Part::Bytes(bytes)] = &form.parts[..] else { panic!("{form:?}") };
        let text = str::from_utf8(bytes).unwrap();
        assert!(text.contains("name=\"a%22%0D%0Ax: y\"\r\n\r\n1\r\n"), "{text}");
    }
}
