//! What a source in JavaScript imports, and what it uses of that by name: as much as can be seen of its tokens.

use std::collections::BTreeSet;

use super::tokens::{Kind, Token};

/// An import statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) line: usize,
    /// The names of what it takes, in the module.
    pub(super) names: Vec<(String, usize)>,
    /// The names that stand for the module as a whole here.
    pub(super) whole: Vec<String>,
}

/// Whether a token is this word.
pub(super) fn is(token: &Token, word: &str) -> bool {
    matches!(&token.kind, Kind::Name(name) if name == word)
}

/// The name that a token is, if it is one.
pub(super) fn name(token: &Token) -> Option<String> {
    match &token.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Text(_) | Kind::Mark(_) => None,
    }
}

/// The imports of a source.
pub(super) fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let is_member = at > 0 && tokens[at - 1].kind == Kind::Mark('.');
        if is_member {
            continue;
        }
        if is(&tokens[at], "require") {
            if let Some([Kind::Mark('('), Kind::Text(module)]) = kinds(tokens, at + 1).as_deref() {
                let whole = whole_before(tokens, at);
                let (module, line) = (module.clone(), tokens[at].line);
                found.push(Import { module, line, names: Vec::new(), whole });
            }
        } else if is(&tokens[at], "import") || is(&tokens[at], "export") {
            found.extend(import(&tokens[at..]));
        }
    }
    found
}

/// The two tokens from here on.
fn kinds(tokens: &[Token], at: usize) -> Option<Vec<Kind>> {
    Some(tokens.get(at..at + 2)?.iter().map(|token| token.kind.clone()).collect())
}

/// The name that a `require` is given to.
fn whole_before(tokens: &[Token], at: usize) -> Vec<String> {
    let before = at.checked_sub(2).map(|from| &tokens[from..at]);
    match before {
        Some([given, mark]) if mark.kind == Kind::Mark('=') => name(given).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The import that begins here: up to the text that names its module.
fn import(tokens: &[Token]) -> Option<Import> {
    let line = tokens.first()?.line;
    let end = tokens.iter().position(|token| matches!(token.kind, Kind::Text(_)))?;
    let Kind::Text(module) = &tokens[end].kind else { return None };
    let between = &tokens[1..end];
    let is_from = between.last().is_some_and(|last| is(last, "from"));
    let is_bare = between.is_empty() && is(tokens.first()?, "import");
    // `import('k6')`, at run time.
    let is_call = matches!(between, [one] if one.kind == Kind::Mark('('));
    if !(is_from || is_bare || is_call) {
        return None;
    }
    let mut import = Import { module: module.clone(), line, names: Vec::new(), whole: Vec::new() };
    let between = &between[..between.len().saturating_sub(1)];
    let mut is_in_braces = false;
    let mut at = 0;
    while at < between.len() {
        match &between[at].kind {
            Kind::Mark('{') => is_in_braces = true,
            Kind::Mark('}') => is_in_braces = false,
            Kind::Mark('*') => {
                // `* as http`
                import.whole.extend(between.get(at + 2).and_then(name));
                at += 2;
            }
            Kind::Name(word) if word == "type" && !is_in_braces => return None,
            // `{ type Checkers }` is gone when the script runs, but for `{ type }` and `{ type as name }`.
            Kind::Name(word)
                if is_in_braces
                    && word == "type"
                    && between
                        .get(at + 1)
                        .is_some_and(|next| name(next).is_some_and(|it| it != "as")) =>
            {
                at += 1;
            }
            Kind::Name(word) if is_in_braces => {
                let renamed = between.get(at + 1).is_some_and(|next| is(next, "as"));
                if word == "default" {
                    import.whole.extend(between.get(at + 2).filter(|_| renamed).and_then(name));
                } else {
                    import.names.push((word.clone(), between[at].line));
                }
                at += if renamed { 2 } else { 0 };
            }
            Kind::Name(word) => import.whole.push(word.clone()),
            Kind::Text(_) | Kind::Mark(_) => {}
        }
        at += 1;
    }
    Some(import)
}

/// What is used of the modules that these names stand for: the name, the member's, and its line.
pub(super) fn members<'t>(
    tokens: &'t [Token],
    whole: &[String],
) -> impl Iterator<Item = (String, String, usize)> + 't {
    let whole: BTreeSet<String> = whole.iter().cloned().collect();
    (0..tokens.len()).filter_map(move |at| {
        let local = name(&tokens[at]).filter(|local| whole.contains(local))?;
        let is_member = at > 0 && tokens[at - 1].kind == Kind::Mark('.');
        let [dot, member] = tokens.get(at + 1..at + 3)? else { return None };
        if is_member || dot.kind != Kind::Mark('.') {
            return None;
        }
        Some((local, name(member)?, member.line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest_build::js::tokens::tokens;

    #[test]
    fn imports_are_found_in_each_of_their_forms() {
        for (source, module, names, whole) in [
            ("import 'k6'", "k6", &[] as &[&str], &[] as &[&str]),
            ("import http from 'k6/http'", "k6/http", &[], &["http"]),
            (
                "import http, { get as g, post } from 'k6/http'",
                "k6/http",
                &["get", "post"],
                &["http"],
            ),
            ("import { type Checkers, check, type } from 'k6'", "k6", &["check", "type"], &[]),
            ("import * as k6 from \"k6\"", "k6", &[], &["k6"]),
            ("import { default as http } from 'k6/http'", "k6/http", &[], &["http"]),
            ("export { check } from 'k6'", "k6", &["check"], &[]),
            ("const http = require('k6/http')", "k6/http", &[], &["http"]),
            ("await import('k6')", "k6", &[], &[]),
        ] {
            let found = imports(&tokens(source));
            let [import] = found.as_slice() else { panic!("{source}: {found:?}") };
            let found: Vec<_> = import.names.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!((import.module.as_str(), found.as_slice()), (module, names), "{source}");
            assert_eq!(import.whole, whole, "{source}");
        }
        for source in
            ["import type { Options } from 'k6/options'", "export const a = 'k6'", "a.import('b')"]
        {
            assert_eq!(imports(&tokens(source)), [], "{source}");
        }
    }

    #[test]
    fn members_are_those_of_the_module_and_not_of_others() {
        let source =
            "http.get(); it.http.nothing; http['put']; 'http.text'; // http.comment\nhttp.url`a`";
        let found: Vec<_> = members(&tokens(source), &["http".to_owned()]).collect();
        let expected = [("get", 1), ("url", 2)];
        assert_eq!(found, expected.map(|(name, line)| ("http".to_owned(), name.to_owned(), line)));
    }
}
