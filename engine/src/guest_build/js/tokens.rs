//! JavaScript in tokens, as far as it takes to see what a script imports and by which names it uses that: identifiers,
//! texts and marks, with their lines. Comments, regular expressions and the text of templates are left out; types of
//! TypeScript are tokens like any other.

/// A token, and the line that it is in, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// A text between quotes, as it is written, or a template without expressions.
    Text(String),
    /// Anything else, by its characters.
    Mark(char),
}

/// The tokens of a source.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, found: Vec::new(), open: Vec::new() };
    while reader.step() {}
    reader.found
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Token>,
    /// For each `{` that is open, whether a template goes on behind its end.
    open: Vec<bool>,
}

impl Reader<'_> {
    /// Reads one token or what stands between tokens; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        match first {
            '/' if self.rest.starts_with("//") => {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.skip(end);
            }
            '/' if self.rest.starts_with("/*") => {
                let end = self.rest.get(2..).and_then(|rest| rest.find("*/"));
                self.skip(end.map_or(self.rest.len(), |end| end + 4));
            }
            '/' if self.begins_expression() => self.regular_expression(),
            '"' | '\'' => self.text(first),
            '`' => {
                self.skip(1);
                self.template();
            }
            '{' => {
                self.open.push(false);
                self.mark(first);
            }
            '}' => {
                let is_in_template = self.open.pop().unwrap_or(false);
                if is_in_template {
                    self.skip(1);
                    self.template();
                } else {
                    self.mark(first);
                }
            }
            c if c.is_whitespace() => self.skip(c.len_utf8()),
            c if is_of_name(c) => {
                let end = self.rest.find(|c| !is_of_name(c)).unwrap_or(self.rest.len());
                self.push(Kind::Name(self.rest[..end].to_owned()));
                self.skip(end);
            }
            c => self.mark(c),
        }
        true
    }

    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn push(&mut self, kind: Kind) {
        self.found.push(Token { kind, line: self.line });
    }

    fn mark(&mut self, c: char) {
        self.push(Kind::Mark(c));
        self.skip(c.len_utf8());
    }

    /// Whether a slash here begins a regular expression and does not divide.
    fn begins_expression(&self) -> bool {
        match self.found.last().map(|token| &token.kind) {
            None => true,
            Some(Kind::Mark(c)) => !matches!(c, ')' | ']' | '}'),
            Some(Kind::Text(_)) => false,
            Some(Kind::Name(name)) => {
                matches!(
                    name.as_str(),
                    "return"
                        | "typeof"
                        | "case"
                        | "in"
                        | "of"
                        | "delete"
                        | "void"
                        | "throw"
                        | "await"
                )
            }
        }
    }

    fn regular_expression(&mut self) {
        let mut is_in_class = false;
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, c)| {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '[' => is_in_class = true,
                ']' => is_in_class = false,
                // It was none, or the line is broken.
                '\n' => return Some(at),
                '/' if !is_in_class => return Some(at + 1),
                _ => {}
            }
            None
        });
        self.skip(end.unwrap_or(self.rest.len()));
    }

    fn text(&mut self, quote: char) {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, c)| match c {
            _ if is_escaped => {
                is_escaped = false;
                None
            }
            '\\' => {
                is_escaped = true;
                None
            }
            c if c == quote || c == '\n' => Some(at),
            _ => None,
        });
        let end = end.unwrap_or(self.rest.len());
        self.push(Kind::Text(self.rest[1..end].to_owned()));
        self.skip(end + usize::from(self.rest[end..].starts_with(quote)));
    }

    /// Goes on behind the beginning of a template, or behind an expression in it.
    fn template(&mut self) {
        let mut is_escaped = false;
        let end = self.rest.char_indices().find_map(|(at, c)| match c {
            _ if is_escaped => {
                is_escaped = false;
                None
            }
            '\\' => {
                is_escaped = true;
                None
            }
            '`' => Some((at, 1)),
            '$' if self.rest[at..].starts_with("${") => Some((at, 2)),
            _ => None,
        });
        let (end, mark) = end.unwrap_or((self.rest.len(), 0));
        if mark == 1 {
            self.push(Kind::Text(self.rest[..end].to_owned()));
        }
        if mark == 2 {
            // What follows is an expression.
            self.push(Kind::Mark('`'));
            self.open.push(true);
        }
        self.skip(end + mark);
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: &str) -> String {
        let words = tokens(source).into_iter().map(|token| match token.kind {
            Kind::Name(name) => format!("{name}@{}", token.line),
            Kind::Text(text) => format!("'{text}'"),
            Kind::Mark(c) => c.to_string(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_texts_and_marks_have_their_lines() {
        for (source, expected) in [
            ("import a from 'k6';\nb", "import@1 a@1 from@1 'k6' ; b@2"),
            ("a // b 'c\nd /* e\nf */ g", "a@1 d@2 g@3"),
            ("x = /'[/]\"/g; y", "x@1 = g@1 ; y@1"),
            ("x / y / z", "x@1 / y@1 / z@1"),
            ("`a ${b.c(`d`)} e`; f", "` b@1 . c@1 ( 'd' ) ' e' ; f@1"),
            ("`a ${ {b: 1}.b } e`.f", "` { b@1 : 1@1 } . b@1 ' e' . f@1"),
            ("'it\\'s' + \"a\\\"b\"", "'it\\'s' + 'a\\\"b'"),
            ("'not ended\nx", "'not ended' x@2"),
            ("größe.ö", "größe@1 . ö@1"),
            ("`never ended ${", "`"),
            ("/never ended", ""),
            ("/* never ended", ""),
        ] {
            assert_eq!(said(source), expected, "{source}");
        }
    }
}
