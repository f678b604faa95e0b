//! The flags that say what a script is allowed.
//!
//! What they come to is in `grants`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use plan::{Grants, NetGrant, Plan, PolicyOptions, parse_policy_json, parse_policy_toml};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// What a script is allowed: this machine if nothing is said, and the host of a `BASE_URL` that is given to it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What the script is allowed")]
pub(crate) struct GrantFlags {
    /// Let the script connect there: shop.example:443, '*.shop.example', 10.0.0.0/8, `[::1]:8080`, or '*' for all
    /// hosts; with commas between, or given several times
    ///
    /// This machine needs no grant, and neither does the host of a BASE_URL that is given with --env or in --config.
    /// Connections are judged by the address that is really used. Link-local addresses, and those at which clouds
    /// tell their machines secrets, are in no grant but one that names an address.
    #[arg(long = "allow-net", value_name = "HOST[:PORT]", value_delimiter = ',', value_parser = NetGrant::parse)]
    net: Vec<NetGrant>,

    /// Let its requests have these methods and no others, such as GET,HEAD [default: any]
    #[arg(long = "allow-method", value_name = "METHOD", value_delimiter = ',', value_parser = method)]
    methods: Vec<String>,

    /// Hand it this variable of the engine's own environment, as if by --env
    #[arg(long = "allow-env", value_name = "NAME", value_delimiter = ',', value_parser = variable)]
    env: Vec<String>,

    /// Let its own options name this file, or the files in this folder
    #[arg(long = "allow-read", value_name = "PATH", value_parser = path)]
    read: Vec<String>,

    /// Allow it everything that the flags above could, but for the addresses that --allow-net must name
    #[arg(long, conflicts_with_all = ["policy", "methods"])]
    allow_all: bool,

    /// Allow what this file says, in JSON or, if its name ends in .toml, TOML; the flags above add to it. `wasmload
    /// schema policy` describes it
    #[arg(long, env = "WASMLOAD_POLICY", hide_env_values = true, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl GrantFlags {
    /// What the flags and the policy file allow together.
    ///
    /// Fails with everything that is wrong with the file, or where it contradicts the flags.
    pub(crate) fn read(&self) -> Result<Grants, Fault> {
        let flags = Grants {
            all: self.allow_all,
            net: self.net.clone(),
            methods: (!self.methods.is_empty()).then(|| self.methods.clone()),
            env: self.env.iter().cloned().collect(),
            read: self.read.clone(),
            ..Grants::default()
        };
        let Some(path) = &self.policy else { return Ok(flags) };
        let invalid = |problems: &plan::Problems| {
            Fault::new(
                ExitCode::InvalidConfig,
                format!("the policy in `{}` is invalid", path.display()),
            )
            .detail(problems.to_string())
            .hint("`wasmload schema policy` describes every key")
        };
        let policy = policy(path)?.map_err(|problems| invalid(&problems))?;
        flags.and(policy).map_err(|problems| invalid(&problems))
    }
}

impl GrantFlags {
    /// The variables that are allowed by flags and do not come to the script.
    pub(crate) fn without_effect<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a str> {
        let given = |name: &str| plan.env.contains_key(name);
        self.env.iter().map(String::as_str).filter(move |name| !given(name))
    }
}

/// What a policy file says.
fn policy(path: &Path) -> Result<Result<Grants, plan::Problems>, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Fault::new(ExitCode::InvalidConfig, format!("failed to read `{}`", path.display()))
            .detail(error.to_string())
    })?;
    let grants = match path.extension().and_then(OsStr::to_str).unwrap_or_default() {
        "toml" => parse_policy_toml(&text),
        // What has no name of its own, such as a pipe, is JSON.
        "json" | "" => parse_policy_json(&text),
        _ => {
            return Err(Fault::new(
                ExitCode::InvalidConfig,
                format!("`{}` is neither .json nor .toml", path.display()),
            )
            .hint("a policy is written in JSON or in TOML, and the file's name says which"));
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(grants.map(|grants| grants.with_files_in(folder)))
}

/// Reads a method, by the rules of a policy's.
fn method(text: &str) -> Result<String, String> {
    single(PolicyOptions { methods: Some(vec![text.to_owned()]), ..PolicyOptions::default() }, text)
}

/// Reads the name of a variable, by the rules of a policy's.
fn variable(text: &str) -> Result<String, String> {
    single(PolicyOptions { env: Some(vec![text.to_owned()]), ..PolicyOptions::default() }, text)
}

fn single(policy: PolicyOptions, text: &str) -> Result<String, String> {
    let json = serde_json::to_string(&policy).map_err(|error| error.to_string())?;
    let read = parse_policy_json(&json);
    let problem = |problems: plan::Problems| {
        problems.iter().next().map_or_else(String::new, |problem| problem.message.clone())
    };
    read.map_err(problem).map(|_| text.to_owned())
}

/// Reads the path of a file or a folder.
fn path(text: &str) -> Result<String, String> {
    match text {
        "" => Err("must not be empty: it covers nothing".to_owned()),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: GrantFlags,
    }

    fn read(flags: &[&str]) -> Result<Grants, String> {
        let line = Line::try_parse_from(["run"].iter().chain(flags));
        let line = line.map_err(|error| error.to_string())?;
        let plain = |fault: Fault| anstream::adapter::strip_str(&fault.text()).to_string();
        line.flags.read().map_err(plain)
    }

    #[test]
    fn flags_may_be_given_several_times_and_with_commas_between() {
        let grants = read(&[
            "--allow-net",
            "a.test:443,*.b.test",
            "--allow-net",
            "10.0.0.0/8",
            "--allow-method",
            "GET,HEAD",
            "--allow-env",
            "TOKEN",
            "--allow-read",
            "data",
        ])
        .expect("they fit");
        let net: Vec<String> = grants.net.iter().map(ToString::to_string).collect();
        assert_eq!(net, ["a.test:443", "*.b.test", "10.0.0.0/8"]);
        assert_eq!(grants.methods.as_deref(), Some(&["GET".to_owned(), "HEAD".to_owned()][..]));
        assert!(grants.env.contains("TOKEN") && grants.read == ["data"] && grants.loopback);
        assert_eq!(read(&[]), Ok(Grants::default()));
    }

    #[test]
    fn what_covers_nothing_or_contradicts_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.toml");
        std::fs::write(&path, "all = true").unwrap();
        let all = path.to_str().unwrap();
        for (flags, says) in [
            (&["--allow-net", ""][..], "covers nothing"),
            (&["--allow-net", "*."], "covers nothing"),
            (&["--allow-net", "a.test:0"], "must have a port from 1 to 65535"),
            (&["--allow-net", "10.0.0.0/40"], "must have at most 32 bits"),
            (&["--allow-net", "10.0.0.7/8"], "the network is `10.0.0.0/8`"),
            (&["--allow-method", "get"], "must be a method in capitals"),
            (&["--allow-env", "A=B"], "must be a name of letters"),
            (&["--allow-read", ""], "covers nothing"),
            (&["--allow-all", "--policy", "p.json"], "cannot be used with"),
            (&["--allow-all", "--allow-method", "GET"], "cannot be used with"),
            (&["--policy", all, "--allow-method", "GET"], "methods: contradicts `all`"),
            (&["--policy", "/no/such.json"], "failed to read `/no/such.json`"),
            (&["--policy", "/etc/passwd.yaml"], "failed to read"),
        ] {
            let error = read(flags).expect_err("it is refused");
            assert!(error.contains(says), "{flags:?}: {error}");
        }
        let some = ["--allow-all", "--allow-net", "169.254.169.254"];
        assert!(read(&some).expect("it must be named").all);
    }

    #[test]
    fn a_policy_file_is_read_by_the_ending_of_its_name_and_from_its_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            read(&["--policy", path.to_str().unwrap(), "--allow-net", "b.test"])
        };
        let grants = written("p.toml", "net = ['a.test']\nread = ['data']").expect("TOML");
        assert_eq!(grants.net.len(), 2);
        assert_eq!(Path::new(&grants.read[0]), folder.path().join("data"));
        assert!(written("p.json", r#"{ "net": ["a.test"] }"#).is_ok());
        let unknown = written("q.toml", "nett = []\nmethod = ['GET']").expect_err("unknown keys");
        for told in ["the policy in", "did you mean `net`?", "did you mean `methods`?"] {
            assert!(unknown.contains(told), "{unknown}");
        }
        assert!(
            written("p.yaml", "net: []").expect_err("no YAML").contains("is neither .json nor")
        );
    }
}
