//! The forms a script may come in, and how each becomes a component.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// What kind of file a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKind {
    /// A component.
    Component,
    /// A core module that carries the type of the component it is meant to be.
    CoreModule,
}

impl ScriptKind {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::CoreModule => "core module with component type",
        }
    }
}

/// A file is not a script in any of the forms.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It is neither WebAssembly nor its text.
    #[error("it is not WebAssembly: it begins with {0}, not with `\\0asm` or `(`")]
    NotWasm(String),
    /// It is code for a processor.
    #[error(
        "it is compiled already, for a processor and an engine; such code is never loaded, since it could do anything"
    )]
    Compiled,
    /// Its text does not parse.
    #[error("it is not WebAssembly text: {0}")]
    Text(String),
    /// It is a core module that does not say which component it is meant to be.
    #[error("it is a core module without a component type")]
    NoComponentType,
    /// It is a core module that cannot be made the component it says it is meant to be.
    #[error("it is a core module that cannot be made a component: {0}")]
    Componentise(String),
}

impl FormError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotWasm(_) => {
                Some("a script is a .wasm or .wat file, a Cargo package, or a .rs file in one")
            }
            Self::NoComponentType => Some(
                "build it for the target wasm32-wasip2, or with wit-bindgen against \
                 `wasmload:script`, so that it says what it imports and exports",
            ),
            Self::Compiled => Some(
                "give the .wasm that it was compiled from; what is compiled of it is kept for the next run by itself",
            ),
            Self::Text(_) | Self::Componentise(_) => None,
        }
    }
}

/// The bytes of a component, whatever form the script came in.
///
/// Fails with [`FormError`] if it is none of them, or is not what it says.
pub fn into_component(bytes: Vec<u8>) -> Result<(Vec<u8>, ScriptKind), FormError> {
    let bytes = if bytes.starts_with(b"\0asm") { bytes } else { from_text(bytes)? };
    if Parser::is_component(&bytes) {
        return Ok((bytes, ScriptKind::Component));
    }
    if !has_component_type(&bytes) {
        return Err(FormError::NoComponentType);
    }
    let encode = || {
        ComponentEncoder::default()
            .module(&bytes)?
            .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
            .validate(true)
            .encode()
    };
    let component = encode().map_err(|error| FormError::Componentise(format!("{error:#}")))?;
    Ok((component, ScriptKind::CoreModule))
}

/// Turns WebAssembly text into its binary form.
fn from_text(bytes: Vec<u8>) -> Result<Vec<u8>, FormError> {
    if bytes.starts_with(b"\x7fELF") {
        return Err(FormError::Compiled);
    }
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(begins, Some(b'(' | b';')) {
        return Err(FormError::NotWasm(beginning(&bytes)));
    }
    wat::parse_bytes(&bytes)
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| FormError::Text(error.to_string()))
}

/// The first bytes of a file, for a person to recognise.
fn beginning(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing: the file is empty".into();
    }
    let end = bytes.len().min(16);
    format!("`{}`", bytes[..end].escape_ascii())
}

/// Whether a core module says which component it is meant to be, as `wit-bindgen` makes it say.
fn has_component_type(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).any(|payload| {
        matches!(payload, Ok(Payload::CustomSection(section))
            if section.name().starts_with("component-type"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        into_component(bytes.to_vec()).expect_err("it is no script").to_string()
    }

    #[test]
    fn what_is_not_webassembly_is_told_apart_from_what_is_broken() {
        for (bytes, says) in [
            (&b""[..], "it is not WebAssembly: it begins with nothing: the file is empty"),
            (b"#!/bin/sh\n", "it is not WebAssembly: it begins with `#!/bin/sh\\n`"),
            (b"\x7fELF\x02", "it is compiled already"),
            (b"(module", "it is not WebAssembly text: expected `)`"),
            (b"(module)", "it is a core module without a component type"),
        ] {
            assert!(refusal(bytes).starts_with(says), "{}", refusal(bytes));
        }
    }

    #[test]
    fn text_of_a_component_is_a_component() {
        let (_, kind) = into_component(b"(component)".to_vec()).expect("an empty component");
        assert_eq!(kind, ScriptKind::Component);
    }
}
