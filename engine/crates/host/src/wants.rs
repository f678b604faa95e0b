//! What a component carries beside its code: what it says it wants, so that it can be read without running any of it.
//!
//! What the text says is not this crate's matter.

use wasm_encoder::Section as _;
use wasmparser::{Parser, Payload};

/// The name of the section of a component that says what it wants.
pub const WANTS_SECTION: &str = "wasmload:wants";

/// The longest text that is read. Arbitrary: as much as nobody has to say.
const LONGEST: usize = 64 << 10;

/// The bytes of a component, which is to carry this text and no other.
#[must_use]
pub fn with_wants(mut component: Vec<u8>, wants: &str) -> Vec<u8> {
    let (name, data) = (WANTS_SECTION.into(), wants.as_bytes().into());
    wasm_encoder::CustomSection { name, data }.append_to(&mut component);
    component
}

/// The text that a component carries, if it does. Those of the modules and components in it are nobody's.
///
/// Fails with what is wrong with it.
pub(crate) fn wants(component: &[u8]) -> Result<Option<String>, String> {
    let mut depth = 0_u32;
    let mut found = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CustomSection(section))
                if depth == 1 && section.name() == WANTS_SECTION =>
            {
                if section.data().len() > LONGEST {
                    return Err(format!("it is longer than {LONGEST} bytes"));
                }
                let text = str::from_utf8(section.data()).map_err(|_| "it is not text")?;
                if found.replace(text.to_owned()).is_some() {
                    return Err("there are two of them".to_owned());
                }
            }
            Ok(_) => {}
            // The compiler says what is wrong.
            Err(_) => break,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("a component")
    }

    #[test]
    fn a_component_carries_what_it_was_given_and_stays_a_component() {
        let plain = component("(component (core module))");
        assert_eq!(wants(&plain), Ok(None));
        let carrying = with_wants(plain.clone(), r#"{"net":["a.test"]}"#);
        assert_eq!(wants(&carrying), Ok(Some(r#"{"net":["a.test"]}"#.to_owned())));
        assert!(carrying.starts_with(&plain), "nothing else of it has moved");
        assert!(wasmparser::validate(&carrying).is_ok());
    }

    #[test]
    fn what_stands_in_the_parts_of_a_component_is_not_what_it_says() {
        let module = with_wants(component("(module)"), "{}");
        let inner = with_wants(component("(component)"), "{}");
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::RawSection { id: 1, data: &module });
        outer.section(&wasm_encoder::RawSection { id: 4, data: &inner });
        let outer = outer.finish();
        assert!(wasmparser::validate(&outer).is_ok());
        assert_eq!(wants(&outer), Ok(None));
        assert_eq!(wants(&with_wants(outer, "{}")), Ok(Some("{}".to_owned())));
    }

    #[test]
    fn what_cannot_be_what_somebody_means_is_refused() {
        let plain = component("(component)");
        let two = with_wants(with_wants(plain.clone(), "{}"), "{}");
        assert_eq!(wants(&two), Err("there are two of them".to_owned()));
        let long = with_wants(plain.clone(), &" ".repeat(LONGEST + 1));
        assert_eq!(wants(&long), Err("it is longer than 65536 bytes".to_owned()));
        let mut broken = with_wants(plain, "text");
        *broken.last_mut().expect("a byte") = 0xff;
        assert_eq!(wants(&broken), Err("it is not text".to_owned()));
    }
}
