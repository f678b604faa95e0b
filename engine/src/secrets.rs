//! `--secret`: values that scripts read by their names, and that are shown nowhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use output::{Out, Redactor, SHORTEST_SECRET};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// The most bytes that a secret may have: a chain of certificates and its key, several times.
const MOST: usize = 64 << 10;

/// The flags that name secrets.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SecretFlags {
    /// A secret that the script reads by this name, and the file or the variable it is in; may be given several times
    ///
    /// `--secret API_KEY=file:key.txt`, `--secret API_KEY=env:STAGING_KEY`. A line break at the end of a file is not
    /// part of it. Its value is taken out of all that is shown and written.
    #[arg(long = "secret", value_name = "NAME=SOURCE")]
    secrets: Vec<NamedSecret>,
}

/// A secret as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedSecret {
    name: String,
    source: Source,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Variable(String),
}

impl FromStr for NamedSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let such_as = "such as API_KEY=file:key.txt or API_KEY=env:STAGING_KEY";
        let (name, source) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("it must be NAME=SOURCE, {such_as}"))?;
        let source = match source.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Source::File(path.into()),
            Some(("env", variable)) if !variable.is_empty() => {
                Source::Variable(variable.to_owned())
            }
            // It may be the secret itself, which must not be said again.
            _ => {
                return Err(format!(
                    "where it is must be `file:PATH` or `env:VARIABLE`, {such_as}"
                ));
            }
        };
        Ok(Self { name: name.to_owned(), source })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file `{}`", path.display()),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
        }
    }
}

/// Secrets by their names.
pub(crate) type Secrets = BTreeMap<String, String>;

impl SecretFlags {
    /// Reads them all.
    ///
    /// Fails with each that cannot be read, is empty, is no text, or is too short to be kept out of other texts.
    pub(crate) fn read(&self) -> Result<Secrets, Fault> {
        let (mut secrets, mut problems) = (Secrets::new(), Vec::new());
        for NamedSecret { name, source } in &self.secrets {
            match read(source).and_then(fit) {
                Ok(value) => {
                    if secrets.insert(name.clone(), value).is_some() {
                        problems.push(format!("secret `{name}`: is given twice"));
                    }
                }
                Err(why) => problems.push(format!("secret `{name}`: {source}: {why}")),
            }
        }
        if problems.is_empty() {
            return Ok(secrets);
        }
        let fault = Fault::new(ExitCode::InvalidConfig, "the secrets cannot be used");
        Err(problems.into_iter().fold(fault, Fault::detail))
    }
}

/// Takes the values of secrets out of what is shown, and what the servers that results go to are told of who we are.
pub(crate) fn redactor(secrets: &Secrets, outs: &[Out]) -> Redactor {
    let of_servers: Vec<String> = outs.iter().flat_map(Out::secrets).collect();
    Redactor::new(secrets.values().chain(&of_servers).map(String::as_str))
}

fn read(source: &Source) -> Result<Vec<u8>, String> {
    match source {
        Source::File(path) => std::fs::read(path).map_err(|error| error.to_string()),
        Source::Variable(name) => match std::env::var_os(name) {
            Some(value) => Ok(std::os::unix::ffi::OsStringExt::into_vec(value)),
            None => Err("is not set".to_owned()),
        },
    }
}

/// The secret in what was read.
fn fit(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| "is no text in UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.len() {
        0 => Err("is empty".to_owned()),
        1..SHORTEST_SECRET => Err(format!(
            "is shorter than {SHORTEST_SECRET} bytes: every text is full of it, so it cannot be kept secret"
        )),
        // A whole file that was meant to be a secret is a mistake, too.
        length if length > MOST => Err(format!("has {length} bytes, and may have {MOST}")),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_says_its_name_and_where_it_is() {
        let file = Source::File("key.txt".into());
        for (text, expected) in [
            ("A=file:key.txt", Some(file)),
            ("A=env:KEY", Some(Source::Variable("KEY".into()))),
            ("A=env:", None),
            ("A=hunter22", None),
            ("=file:key.txt", None),
            ("A", None),
        ] {
            let read = text.parse::<NamedSecret>();
            assert_eq!(read.as_ref().ok().map(|named| &named.source), expected.as_ref(), "{text}");
            assert!(!read.is_err_and(|why| why.contains("hunter22")), "it is not said again");
        }
    }

    #[test]
    fn what_cannot_be_kept_secret_is_refused() {
        for (bytes, expected) in [
            (&b"hunter22\n"[..], Ok("hunter22")),
            (b"hunter22\r\n", Ok("hunter22")),
            (b"two\nlines\n\n", Ok("two\nlines\n")),
            (b"\n", Err("is empty")),
            (b"abc", Err("is shorter than 4 bytes")),
            (b"\xff\xfe\xfd\xfc", Err("is no text")),
            (&[b'a'; MOST + 1], Err("has 65537 bytes")),
        ] {
            match (fit(bytes.to_vec()), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected),
                (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{why}"),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
    }
}
