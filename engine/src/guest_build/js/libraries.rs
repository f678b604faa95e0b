//! Libraries that k6 scripts import from the network, and that are in the SDK.
//!
//! The bundler leaves such imports where they are. What takes their place in the bundle is said here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::k6::quoted;

/// Libraries that k6 scripts import from the network and that are in the SDK: how their addresses begin, the names that
/// they have here, and their files.
const LIBRARIES: [(&str, &str, &str); 2] = [
    ("https://jslib.k6.io/k6-summary/", "k6-summary", "k6/jslib/k6-summary.js"),
    ("https://jslib.k6.io/k6-utils/", "k6-utils", "k6/jslib/k6-utils.js"),
];
/// Where the script finds them.
const SHELF: &str = "globalThis[Symbol.for(\"wasmload.jslib\")]";

/// The name and the file here of what stands at an address.
pub(super) fn library(address: &str) -> Option<(&'static str, &'static str)> {
    let found = LIBRARIES.iter().find(|(begin, ..)| address.starts_with(begin))?;
    Some((found.1, found.2))
}

/// What stands in for what this import statement takes from a library: functions, or the library as a whole.
fn stand_ins(statement: &str, library: &str) -> String {
    let library = format!("{SHELF}[{}]", quoted(library));
    let whole = |local: &str| {
        format!("var {local} = new Proxy({{}}, {{ get: (_, name) => {library}[name] }});")
    };
    let named = |pair: &str| {
        let (name, local) = pair.split_once(" as ").unwrap_or((pair, pair));
        match name {
            "default" => whole(local),
            _ => format!("var {local} = (...given) => {library}.{name}(...given);"),
        }
    };
    let statement = statement.trim_start_matches("import ");
    let (before, braces) = statement.split_once('{').unwrap_or((statement, ""));
    let names = braces.trim_end().trim_end_matches('}').split(',').map(str::trim);
    let names = names.filter(|pair| !pair.is_empty()).map(named);
    let locals = before.split(',').map(|local| local.trim().trim_start_matches("* as "));
    let locals = locals.filter(|local| !local.is_empty()).map(whole);
    locals.chain(names).collect::<Vec<_>>().join(" ")
}

/// The bundle with what is here in place of what it would import from the network. No line moves.
///
/// The bundler leaves such imports at the top, before anything of the SDK is made: what stands there instead looks
/// for it when it is called.
pub(super) fn in_place(addresses: &BTreeSet<String>, bundle: &str) -> String {
    addresses.iter().fold(bundle.to_owned(), |bundle, address| {
        let Some((name, _)) = library(address) else { return bundle };
        let end = format!(" from {};", quoted(address));
        let mut whole = String::with_capacity(bundle.len());
        let mut rest = bundle.as_str();
        while let Some(at) = rest.find(&end) {
            let begin = rest[..at].rfind("import ").unwrap_or(at);
            let statement = &rest[begin..at];
            whole.push_str(&rest[..begin]);
            whole.push_str(&stand_ins(statement, name));
            whole.extend(statement.matches('\n'));
            rest = &rest[at + end.len()..];
        }
        whole.push_str(rest);
        whole
    })
}

/// Statements that put the libraries where the script finds them.
pub(super) fn shelf(addresses: &BTreeSet<String>, sdk: &Path) -> String {
    let names: BTreeMap<_, _> = addresses.iter().filter_map(|address| library(address)).collect();
    let mut whole = String::new();
    for (number, (name, file)) in names.iter().enumerate() {
        let path = quoted(&sdk.join(file).to_string_lossy());
        let name = quoted(name);
        whole.push_str(&format!(
            "import * as library{number} from {path};\n({SHELF} ??= {{}})[{name}] = library{number};\n"
        ));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_are_here_stand_in_for_those_of_the_network_and_no_line_moves() {
        let address = "https://jslib.k6.io/k6-utils/1.4.0/index.js";
        let addresses = BTreeSet::from([address.to_owned()]);
        let bundle = format!(
            "// a\nimport {{\n  randomItem as pick,\n  uuidv4\n}} from \"{address}\";\nimport * as all from \"{address}\";\nrest();\n"
        );
        let local = in_place(&addresses, &bundle);
        assert_eq!(local.lines().count(), bundle.lines().count());
        let library = "globalThis[Symbol.for(\"wasmload.jslib\")][\"k6-utils\"]";
        assert_eq!(
            local.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            [
                "// a".to_owned(),
                format!(
                    "var pick = (...given) => {library}.randomItem(...given); var uuidv4 = (...given) => {library}.uuidv4(...given);"
                ),
                format!("var all = new Proxy({{}}, {{ get: (_, name) => {library}[name] }});"),
                "rest();".to_owned(),
            ]
        );
        assert_eq!(in_place(&addresses, "nothing"), "nothing");
    }
}
