//! Places that stand in for those that URLs name: `hosts`, `connectTo` and `unixSocket`, as options ask for them
//! and as a plan has them.
//!
//! A unix socket is named by its path, and a script's own options name no files: see [`take_sockets`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::problems::{element_of, key_of, shown};
use crate::{Options, Problems};

/// What a value of `hosts` begins with that is a socket.
const UNIX: &str = "unix:";

/// A host, and where to connect to for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    /// Its name; `*.` at the start stands for any labels.
    pub host: String,
    /// The port that is asked for, if only that is meant.
    pub port: Option<u16>,
    /// Where to connect to.
    pub to: HostTo,
    /// Whether a script's own options say so.
    pub by_script: bool,
}

/// Where to connect to for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTo {
    /// To another place on the network.
    Host {
        /// A name, or an address without brackets.
        host: String,
        /// The port, if not the one that is asked for.
        port: Option<u16>,
    },
    /// To the unix socket at this path, from the folder that wasmload runs in.
    Unix(String),
}

/// Another place for the hosts that fit. What is left out fits every host, or stays as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectToPlan {
    /// The host that is asked for.
    pub host: Option<String>,
    /// The port that is asked for.
    pub port: Option<u16>,
    /// The host to connect to: a name, or an address without brackets.
    pub to_host: Option<String>,
    /// The port to connect to.
    pub to_port: Option<u16>,
    /// Whether a script's own options say so.
    pub by_script: bool,
}

/// What of the places that options name a script's own options name: whoever runs it has not said that its
/// connections go there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptPlaces {
    /// The keys of `hosts`.
    pub(crate) hosts: BTreeSet<String>,
    /// Whether it is `connectTo`.
    pub(crate) connect_to: bool,
    /// Whether it is `proxy`.
    pub(crate) proxy: bool,
}

impl ScriptPlaces {
    /// All that these options name.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            hosts: options.hosts.iter().flat_map(BTreeMap::keys).cloned().collect(),
            connect_to: options.connect_to.is_some(),
            proxy: options.proxy.is_some(),
        }
    }

    /// What is left of these under options that are laid over them.
    pub(crate) fn under(self, upper: &Options) -> Self {
        let above =
            |host: &String| upper.hosts.as_ref().is_some_and(|hosts| hosts.contains_key(host));
        Self {
            hosts: self.hosts.into_iter().filter(|host| !above(host)).collect(),
            connect_to: self.connect_to && upper.connect_to.is_none(),
            proxy: self.proxy && upper.proxy.is_none(),
        }
    }

    /// These and others.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            hosts: self.hosts.into_iter().chain(other.hosts.iter().cloned()).collect(),
            connect_to: self.connect_to || other.connect_to,
            proxy: self.proxy || other.proxy,
        }
    }
}

/// What the options of hosts come to.
pub(crate) fn hosts(
    hosts: BTreeMap<String, String>,
    of_script: &ScriptPlaces,
    problems: &mut Problems,
) -> Vec<HostPlan> {
    let mut plans = Vec::new();
    for (key, value) in hosts {
        let path = key_of("hosts", &key);
        let to = match value.strip_prefix(UNIX) {
            Some("") => None,
            Some(socket) => Some(HostTo::Unix(socket.to_owned())),
            None => place(&value).map(|(host, port)| HostTo::Host { host, port }),
        };
        match (host_and_port(&key), to) {
            (Some((host, port)), Some(to)) => {
                let by_script = of_script.hosts.contains(&key);
                plans.push(HostPlan { host: host.to_owned(), port, to, by_script });
            }
            (host, to) => {
                if host.is_none() {
                    problems
                        .push(&path, "must be a host such as `a.test`, `a.test:443` or `*.a.test`");
                }
                if to.is_none() {
                    let message = format!(
                        "must be an address or a name such as `10.0.0.1`, `10.0.0.1:8080` or `b.test`, or a \
                         socket such as `unix:/run/api.sock`, but is `{}`",
                        shown(&value)
                    );
                    problems.push(&path, message);
                }
            }
        }
    }
    plans
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        // More than one colon: an IPv6 address, and no port behind it.
        Some((host, port)) if !host.contains(':') => (host, Some(self::port(port)?)),
        _ => (text, None),
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!name.is_empty() && name.chars().all(fits)).then_some((host, port))
}

/// A name or an address, and a port where there is one.
fn place(text: &str) -> Option<(String, Option<u16>)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() > 0).then(|| (address.ip().to_string(), Some(address.port())));
    }
    if let Some(host) = host(text) {
        return Some((host, None));
    }
    let (name, digits) = text.split_once(':')?;
    Some((self::host(name)?, Some(port(digits)?)))
}

/// A name or an address, that of IPv6 with or without brackets; the address then without.
pub(crate) fn host(text: &str) -> Option<String> {
    let bare = match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(bare) => return bare.parse::<Ipv6Addr>().ok().map(|address| address.to_string()),
        None => text,
    };
    match bare.parse::<IpAddr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) => is_name(bare).then(|| bare.to_owned()),
    }
}

/// Whether a text is a host's name. One whose last label is a number is an address, or a mistyped one.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let whole = text.strip_suffix('.').unwrap_or(text);
    let last = whole.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && whole.chars().all(fits)
        && !last.is_empty()
        && !last.chars().all(|c| c.is_ascii_digit())
}

/// A port, written as nothing but digits.
pub(crate) fn port(digits: &str) -> Option<u16> {
    let port = digits.parse().ok().filter(|&port: &u16| port > 0)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(port)
}

/// What a list of other places comes to, each as curl's `--connect-to` has it.
pub(crate) fn connect_to(
    list: &[String],
    by_script: bool,
    problems: &mut Problems,
) -> Vec<ConnectToPlan> {
    let mut plans = Vec::new();
    for (index, text) in list.iter().enumerate() {
        match connect_to_one(text) {
            Ok(plan) => plans.push(ConnectToPlan { by_script, ..plan }),
            Err(why) => {
                let message = format!("{why}, but is `{}`", shown(text));
                problems.push(element_of("connectTo", index), message);
            }
        }
    }
    plans
}

fn connect_to_one(text: &str) -> Result<ConnectToPlan, &'static str> {
    let [from_host, from_port, to_host, to_port] = fields(text).ok_or(
        "must be HOST1:PORT1:HOST2:PORT2, such as `a.test:443:10.0.0.1:8443` (each may be empty; addresses of \
         IPv6 stand in brackets)",
    )?;
    let host = |text: &str| match text {
        "" => Ok(None),
        text => host(text).map(Some).ok_or("must have hosts that are names or addresses"),
    };
    let port = |text: &str| match text {
        "" => Ok(None),
        text => port(text).map(Some).ok_or("must have ports from 1 to 65535"),
    };
    Ok(ConnectToPlan {
        host: host(from_host)?,
        port: port(from_port)?,
        to_host: host(to_host)?,
        to_port: port(to_port)?,
        by_script: false,
    })
}

/// What stands between the three colons that do not stand in brackets.
fn fields(text: &str) -> Option<[&str; 4]> {
    let mut fields = [""; 4];
    let mut rest = text;
    for (place, field) in fields.iter_mut().enumerate() {
        let bracket = if rest.starts_with('[') { rest.find(']')? } else { 0 };
        let end = rest[bracket..].find(':').map(|colon| bracket + colon);
        (*field, rest) = match end {
            Some(end) if place < 3 => (&rest[..end], &rest[end + 1..]),
            None if place == 3 => (rest, ""),
            _ => return None,
        };
    }
    Some(fields)
}

/// Takes the sockets out that a script's own options name. What it wished for is kept, for [`refuse`].
pub(crate) fn take_sockets(options: &mut Options) {
    if let Some(path) = options.unix_socket.take() {
        options.wished_sockets.insert(None, path);
    }
    let Some(hosts) = &mut options.hosts else { return };
    for (host, socket) in hosts.extract_if(.., |_, to| to.starts_with(UNIX)) {
        options.wished_sockets.insert(Some(host), socket[UNIX.len()..].to_owned());
    }
}

/// Names sockets as seen from elsewhere: where a path is not absolute, it begins at this folder.
pub(crate) fn sockets_in(options: &mut Options, folder: &Path) {
    let joined = |path: &str| folder.join(path).to_string_lossy().into_owned();
    for to in options.hosts.iter_mut().flat_map(BTreeMap::values_mut) {
        // None is left as it is, and is told of as it was written.
        if let Some(path) = to.strip_prefix(UNIX).filter(|path| !path.is_empty()) {
            *to = format!("{UNIX}{}", joined(path));
        }
    }
    if let Some(path) = options.unix_socket.as_mut().filter(|path| !path.is_empty()) {
        *path = joined(path);
    }
}

/// Refuses the sockets that a script wished for, but for those in whose place another layer has put something.
pub(crate) fn refuse(
    wished: &BTreeMap<Option<String>, String>,
    unix_socket: Option<&str>,
    hosts: &BTreeMap<String, String>,
    problems: &mut Problems,
) {
    if unix_socket.is_some() {
        return;
    }
    for (host, path) in wished {
        // No command to be copied has a word of the script's in it.
        let (place, allow) = match host {
            Some(host) if hosts.contains_key(host) => continue,
            Some(host) => (key_of("hosts", host), "in `hosts` of an options file"),
            None => ("unixSocket".to_owned(), "with `--unix-socket PATH`"),
        };
        problems.push(
            place,
            format!(
                "a script may not name files itself, but names `{}`; if it may connect to that, say so {allow}",
                shown(path)
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NetworkPlan, Plan, parse_json};

    fn network(options: &str) -> NetworkPlan {
        parse_json(options).unwrap().plan().unwrap().network
    }

    fn problems(options: &str) -> String {
        parse_json(options).and_then(Options::plan).unwrap_err().to_string()
    }

    #[test]
    fn a_host_is_a_name_with_or_without_a_port_and_so_is_where_it_is() {
        let hosts = network(
            r#"{"hosts":{"a.test":"10.0.0.1","b.test:443":"10.0.0.2:8443","*.c.test":"::1","d":"[::1]:80",
            "e":"b.test","f":"b.test:81","g":"[::1]","h":"unix:/run/api.sock"}}"#,
        )
        .hosts;
        let told: Vec<_> = hosts
            .iter()
            .map(|it| match &it.to {
                HostTo::Host { host, port } => (&*it.host, it.port, &**host, *port),
                HostTo::Unix(path) => (&*it.host, it.port, &**path, None),
            })
            .collect();
        assert_eq!(
            told,
            [
                ("*.c.test", None, "::1", None),
                ("a.test", None, "10.0.0.1", None),
                ("b.test", Some(443), "10.0.0.2", Some(8443)),
                ("d", None, "::1", Some(80)),
                ("e", None, "b.test", None),
                ("f", None, "b.test", Some(81)),
                ("g", None, "::1", None),
                ("h", None, "/run/api.sock", None),
            ]
        );
        assert_eq!(hosts[7].to, HostTo::Unix("/run/api.sock".to_owned()));
    }

    #[test]
    fn what_is_no_place_is_said_with_its_key() {
        for value in [
            "",
            "a b",
            "10.0.0.256",
            "10.0.0.1:0",
            "10.0.0.1:99999",
            "10.0.0.1:+80",
            "a.test:",
            "a.test:http",
            "[a.test]:80",
            "http://a.test",
            "::1:80:",
            "unix:",
            "Unix:/run/api.sock",
            "ä.test",
        ] {
            let told = problems(&serde_json::json!({ "hosts": { "a": value } }).to_string());
            assert!(told.starts_with("hosts.a: must be an address or a name such as "), "{told}");
            assert!(told.ends_with(&format!("but is `{value}`")), "{told}");
        }
        let both = problems(r#"{"hosts":{"a b":"c d","e:0":"::1","*":"::1"}}"#);
        let places: Vec<_> =
            both.lines().map(|line| line.split(" must ").next().unwrap()).collect();
        assert_eq!(places, ["hosts.\"*\":", "hosts.\"a b\":", "hosts.\"a b\":", "hosts.\"e:0\":"]);
    }

    #[test]
    fn another_place_has_four_parts_of_which_any_may_be_empty() {
        let some = |host: &str| (!host.is_empty()).then(|| host.to_owned());
        for (text, host, port, to_host, to_port) in [
            ("a.test:443:b.test:8443", "a.test", Some(443), "b.test", Some(8443)),
            ("a.test::127.0.0.1:", "a.test", None, "127.0.0.1", None),
            ("::b.test:", "", None, "b.test", None),
            (":80::8080", "", Some(80), "", Some(8080)),
            (":::", "", None, "", None),
            ("[::1]:80:[fd00::2]:81", "::1", Some(80), "fd00::2", Some(81)),
        ] {
            let options = serde_json::json!({ "connectTo": [text] }).to_string();
            let plan = ConnectToPlan {
                host: some(host),
                port,
                to_host: some(to_host),
                to_port,
                by_script: false,
            };
            assert_eq!(network(&options).connect_to, [plan], "{text}");
        }
    }

    #[test]
    fn another_place_that_is_none_says_what_it_must_have() {
        for (text, what) in [
            ("", "HOST1:PORT1:HOST2:PORT2"),
            ("a.test", "HOST1:PORT1:HOST2:PORT2"),
            ("a.test:80", "HOST1:PORT1:HOST2:PORT2"),
            ("a.test:80:b.test", "HOST1:PORT1:HOST2:PORT2"),
            ("a.test:80:b.test:81:", "HOST1:PORT1:HOST2:PORT2"),
            ("::1:80:b.test:81", "HOST1:PORT1:HOST2:PORT2"),
            ("[::1:80:b.test:81", "HOST1:PORT1:HOST2:PORT2"),
            ("a b:80:b.test:81", "hosts that are names or addresses"),
            ("a.test:80:[b.test]:81", "hosts that are names or addresses"),
            ("*.test:80:b.test:81", "hosts that are names or addresses"),
            ("a.test:0:b.test:81", "ports from 1 to 65535"),
            ("a.test:80:b.test:http", "ports from 1 to 65535"),
        ] {
            let options = serde_json::json!({ "connectTo": ["a:1:b:2", text] }).to_string();
            let told = problems(&options);
            assert!(told.starts_with("connectTo[1]: must "), "{text}: {told}");
            assert!(told.contains(what) && told.ends_with(&format!("but is `{text}`")), "{told}");
        }
    }

    fn stands(upper: &str, script: &str) -> Result<Plan, Problems> {
        parse_json(upper).unwrap().over(parse_json(script).unwrap().without_files()).plan()
    }

    #[test]
    fn a_socket_that_only_the_script_names_is_refused_with_how_to_allow_it() {
        let script = r#"{"unixSocket":"/run/a.sock","hosts":{"b":"unix:/run/b.sock","c":"::1"}}"#;
        assert_eq!(
            stands("{}", script).unwrap_err().to_string(),
            "unixSocket: a script may not name files itself, but names `/run/a.sock`; if it may connect to \
             that, say so with `--unix-socket PATH`\n\
             hosts.b: a script may not name files itself, but names `/run/b.sock`; if it may connect to \
             that, say so in `hosts` of an options file"
        );
        // Whoever runs it has put something in its place.
        let allowed = stands(r#"{"unixSocket":"/tmp/a.sock"}"#, script).unwrap().network;
        assert_eq!(allowed.unix_socket.as_deref(), Some("/tmp/a.sock"));
        let script = r#"{"hosts":{"b":"unix:/run/b.sock","c":"::1"}}"#;
        for to in ["unix:/tmp/b.sock", "10.0.0.1"] {
            let upper = serde_json::json!({ "hosts": { "b": to } }).to_string();
            assert_eq!(stands(&upper, script).unwrap().network.hosts.len(), 2);
        }
        assert!(stands(r#"{"hosts":{"B":"::1"}}"#, script).is_err());
    }

    #[test]
    fn a_socket_is_named_from_the_folder_of_the_options() {
        let options =
            r#"{"unixSocket":"a.sock","hosts":{"b":"unix:../b.sock","c":"unix:/c.sock","d":"e"}}"#;
        let options = parse_json(options).unwrap().with_files_in(Path::new("plans"));
        let network = options.plan().unwrap().network;
        assert_eq!(network.unix_socket.as_deref(), Some("plans/a.sock"));
        let unix = |path: &str| HostTo::Unix(path.to_owned());
        assert_eq!(network.hosts[0].to, unix("plans/../b.sock"));
        assert_eq!(network.hosts[1].to, unix("/c.sock"));
        assert_eq!(network.hosts[2].to, HostTo::Host { host: "e".to_owned(), port: None });
        for empty in [r#"{"unixSocket":""}"#, r#"{"hosts":{"b":"unix:"}}"#] {
            let options = parse_json(empty);
            let plan = options.and_then(|options| options.with_files_in(Path::new("p")).plan());
            assert!(plan.is_err(), "{empty}");
        }
    }

    #[test]
    fn places_that_a_script_names_are_told_from_those_of_whoever_runs_it() {
        let script = r#"{"hosts":{"a":"10.0.0.1","b":"10.0.0.2"},"connectTo":["c:80:d:81"],"proxy":"p.test:1"}"#;
        let script = || parse_json(script).unwrap().without_files();
        let upper =
            |options: &str| parse_json(options).unwrap().over(script()).plan().unwrap().network;
        let told = |network: &NetworkPlan| {
            let hosts: Vec<bool> = network.hosts.iter().map(|host| host.by_script).collect();
            let connect_to = network.connect_to.iter().map(|it| it.by_script).collect::<Vec<_>>();
            (hosts, connect_to, network.proxy_by_script)
        };
        assert_eq!(told(&upper("{}")), (vec![true, true], vec![true], true));
        assert_eq!(
            told(&upper(r#"{"hosts":{"b":"10.0.0.3"}}"#)),
            (vec![true, false], vec![true], true)
        );
        assert_eq!(
            told(&upper(r#"{"connectTo":["c::e:"],"proxy":""}"#)),
            (vec![true, true], vec![false], false)
        );
        let own = parse_json(r#"{"proxy":"p.test:1"}"#).unwrap().plan().unwrap().network;
        assert!(!own.proxy_by_script);
    }
}
