//! What a script wants and was not given, in words, each with the flag that gives it.

use std::fmt;

use plan::{HostTo, NetGrant, NetHosts, Plan, ProxyChoice, Wants};

use super::{Allowed, grant, single};

/// One thing that a script wants and was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// To connect there.
    Net(NetGrant),
    /// To have connections go there, by an option of its own.
    Place { key: String, place: NetGrant },
    /// The same, although it does not say that it wants to connect there.
    Unwanted { key: String, place: NetGrant },
    /// To send requests of this method.
    Method(String),
    /// To read this variable.
    Env(String),
    /// To open a dataset of this name.
    Dataset(String),
    /// To send a file of this name.
    File(String),
    /// To read a secret of this name.
    Secret(String),
}

impl Unmet {
    /// Whether a yes is enough to give it: what must be named or is not wanted cannot be.
    pub(crate) fn can_be_allowed(&self) -> bool {
        match self {
            Self::Net(_) | Self::Place { .. } | Self::Method(_) | Self::Env(_) => true,
            Self::Dataset(_) | Self::File(_) | Self::Secret(_) | Self::Unwanted { .. } => false,
        }
    }

    /// The flag that gives it, if one does. Names in it are what the options allow names to be, so that a shell reads
    /// nothing else.
    pub(crate) fn flag(&self) -> Option<String> {
        Some(match self {
            Self::Net(place) | Self::Place { place, .. } => {
                format!("--allow-net {}", quoted(place))
            }
            Self::Method(name) => format!("--allow-method {name}"),
            Self::Env(name) => format!("--allow-env {name}"),
            Self::Dataset(name) => format!("--dataset {name}=FILE"),
            Self::File(name) => format!("--file {name}=FILE"),
            Self::Secret(name) => format!("--secret {name}=env:VARIABLE"),
            Self::Unwanted { .. } => return None,
        })
    }
}

/// A place as a shell passes it on.
fn quoted(place: &NetGrant) -> String {
    let text = place.to_string();
    match text.contains(['*', '[']) {
        true => format!("'{text}'"),
        false => text,
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(place) => write!(f, "to connect to `{place}`"),
            Self::Place { key, place } => {
                write!(f, "to connect to `{place}`, by `{key}` in its own options")
            }
            Self::Unwanted { key, place } => write!(
                f,
                "to connect to `{place}`, by `{key}` in its own options, which is not among what it says it wants"
            ),
            Self::Method(name) => write!(f, "to send requests of the method `{name}`"),
            Self::Env(name) => write!(f, "to read the variable `{name}`"),
            Self::Dataset(name) => write!(f, "the rows of a dataset `{name}`"),
            Self::File(name) => write!(f, "to send a file `{name}`"),
            Self::Secret(name) => write!(f, "to read the secret `{name}`"),
        }
    }
}

/// What is known of what a script was given, beside what it is allowed.
pub(crate) struct Given<'a> {
    /// The variables that it will find.
    pub(crate) env: &'a dyn Fn(&str) -> bool,
    /// Whether the engine's own environment has a variable: one that nobody has cannot be given.
    pub(crate) is_set: &'a dyn Fn(&str) -> bool,
    /// The datasets that it will find.
    pub(crate) datasets: &'a dyn Fn(&str) -> bool,
    /// The files.
    pub(crate) files: &'a dyn Fn(&str) -> bool,
    /// Whether there is a secret of this name.
    pub(crate) secrets: &'a dyn Fn(&str) -> bool,
}

/// What a script wants and will not get.
pub(crate) fn unmet(wants: &Wants, allowed: &Allowed, given: &Given<'_>) -> Vec<Unmet> {
    let policy = allowed.policy(None);
    let net = wants.net.iter().filter(|place| !policy.promises(&grant(place))).cloned();
    let methods = wants.methods.iter().flatten().filter(|name| {
        let granted = &allowed.grants().methods;
        granted.as_ref().is_some_and(|granted| !granted.contains(name))
    });
    let env = wants.env.iter().filter(|name| !(given.env)(name) && (given.is_set)(name));
    let datasets = wants.datasets.iter().filter(|name| !(given.datasets)(name));
    let files = wants.files.iter().filter(|name| !(given.files)(name));
    let secrets = wants.secrets.iter().filter(|name| !(given.secrets)(name));
    net.map(Unmet::Net)
        .chain(methods.cloned().map(Unmet::Method))
        .chain(env.cloned().map(Unmet::Env))
        .chain(datasets.cloned().map(Unmet::Dataset))
        .chain(files.cloned().map(Unmet::File))
        .chain(secrets.cloned().map(Unmet::Secret))
        .collect()
}

/// The places that a script's own options have connections go to, of which it could reach none by itself. A grant by
/// name is no way round: what it puts behind a name it has been granted is judged for itself.
pub(crate) fn unmet_places(plan: &Plan, allowed: &Allowed) -> Vec<Unmet> {
    if plan.network.unix_socket.is_some() {
        return Vec::new();
    }
    let policy = allowed.policy(plan.wants.as_ref());
    let wanted = plan.wants.as_ref().map_or(&[][..], |wants| &wants.net);
    let network = &plan.network;
    let hosts = network.hosts.iter().filter(|it| it.by_script).filter_map(|it| match &it.to {
        HostTo::Host { host, port } => Some(("hosts", host, port.or(it.port))),
        HostTo::Unix(_) => None,
    });
    let connect_to = network.connect_to.iter().filter(|it| it.by_script);
    let connect_to =
        connect_to.filter_map(|it| Some(("connectTo", it.to_host.as_ref()?, it.to_port)));
    let proxy = match &network.proxy {
        ProxyChoice::Proxy(proxy) if network.proxy_by_script => {
            Some(("proxy", &proxy.host, Some(proxy.port)))
        }
        _ => None,
    };
    let mut unmet = Vec::new();
    for (key, host, port) in hosts.chain(connect_to).chain(proxy) {
        let hosts = match host.parse() {
            Ok(address) => single(address),
            Err(_) => NetHosts::Name(host.to_ascii_lowercase()),
        };
        let place = NetGrant { hosts, port };
        let key = key.to_owned();
        let one = if !can_reach(&place, &allowed.grants().net, |place| policy.promises(place)) {
            Unmet::Place { key, place }
        } else if !can_reach(&place, wanted, |place| policy.is_wanted(place)) {
            Unmet::Unwanted { key, place }
        } else {
            continue;
        };
        if !unmet.contains(&one) {
            unmet.push(one);
        }
    }
    unmet
}

/// Whether a place is promised at its port, or where that is as it will be asked for, at any of these.
fn can_reach(place: &NetGrant, among: &[NetGrant], promises: impl Fn(&net::Grant) -> bool) -> bool {
    let at = |port| promises(&net::Grant { port, ..grant(place) });
    let mut ports = among.iter().filter_map(|granted| granted.port);
    at(place.port) || place.port.is_none() && ports.any(|port| at(Some(port)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use plan::{Grants, WantsOptions, parse_json};

    use super::*;

    fn allowed(net: &[&str], persons: &str) -> Allowed {
        let net = net.iter().map(|place| NetGrant::parse(place).expect("a place")).collect();
        let persons = parse_json(persons).expect("options");
        let grants = Grants { net, ..Grants::default() };
        let mut allowed = Allowed::new(grants, Path::new("a.wasm")).expect("nothing to be read");
        allowed.hear(&persons);
        allowed
    }

    fn wants(json: &str) -> Wants {
        let mut problems = plan::Problems::default();
        let wants = WantsOptions::parse(json).expect("wants").read("wants", &mut problems);
        assert!(problems.is_empty(), "{problems}");
        wants
    }

    fn flags(unmet: &[Unmet]) -> Vec<String> {
        unmet.iter().map(|one| one.flag().unwrap_or_else(|| one.to_string())).collect()
    }

    fn unmet_of(wants: &Wants, allowed: &Allowed) -> Vec<String> {
        let given = Given {
            env: &|name| name == "GIVEN",
            is_set: &|name| name != "NOWHERE",
            datasets: &|name| name == "users",
            files: &|_| false,
            secrets: &|name| name == "HAD",
        };
        flags(&unmet(wants, allowed, &given))
    }

    #[test]
    fn each_want_that_is_not_met_is_told_with_the_flag_that_meets_it() {
        let wants = wants(
            r#"{ "net": ["api.example.com:443", "*.example.com", "localhost:80", "10.0.0.0/8", "[::2]:80"],
                "methods": ["GET", "POST"], "env": ["TOKEN", "GIVEN", "NOWHERE"], "datasets": ["users", "terms"],
                "files": ["avatar"], "secrets": ["KEY", "HAD"] }"#,
        );
        assert_eq!(
            unmet_of(&wants, &allowed(&[], "{}")),
            [
                "--allow-net api.example.com:443",
                "--allow-net '*.example.com'",
                "--allow-net 10.0.0.0/8",
                "--allow-net '[::2]:80'",
                "--allow-env TOKEN",
                "--dataset terms=FILE",
                "--file avatar=FILE",
                "--secret KEY=env:VARIABLE",
            ]
        );
    }

    #[test]
    fn grants_and_base_urls_meet_wants() {
        let places = wants(r#"{ "net": ["api.example.com:443", "shop.example:8080"] }"#);
        let of = |net: &[&str], persons| unmet_of(&places, &allowed(net, persons));
        let base = r#"{ "env": { "BASE_URL": "http://shop.example:8080/x" } }"#;
        assert_eq!(of(&["*.example.com"], base), [""; 0]);
        assert_eq!(of(&["*"], "{}"), [""; 0]);
        assert_eq!(of(&["*.example.com:80"], base), ["--allow-net api.example.com:443"]);
        let own = r#"{ "scenarios": { "a": { "executor": "shared-iterations",
            "env": { "BASE_URL": "https://api.example.com" } } } }"#;
        assert_eq!(of(&[], own), ["--allow-net shop.example:8080"]);
        let methods = wants(r#"{ "methods": ["GET", "POST"] }"#);
        let grants = Grants { methods: Some(vec!["GET".to_owned()]), ..Grants::default() };
        let allowed = Allowed::new(grants, Path::new("a.wasm")).expect("nothing to be read");
        assert_eq!(unmet_of(&methods, &allowed), ["--allow-method POST"]);
    }

    #[test]
    fn places_of_a_scripts_own_options_must_be_reached_by_themselves() {
        let of = |options: &str, net: &[&str]| {
            let plan =
                parse_json(options).expect("options").without_files().plan().expect("a plan");
            flags(&unmet_places(&plan, &allowed(net, "{}")))
        };
        let hosts = r#"{ "hosts": { "granted.test": "10.0.0.7:80" } }"#;
        assert_eq!(of(hosts, &["granted.test"]), ["--allow-net 10.0.0.7:80"]);
        assert_eq!(of(hosts, &["10.0.0.0/8"]), [""; 0]);
        let any_port = r#"{ "hosts": { "granted.test": "10.0.0.7" } }"#;
        assert_eq!(of(any_port, &["10.0.0.7:443"]), [""; 0], "it may be asked for at that port");
        assert_eq!(of(r#"{ "hosts": { "shop.test": "127.0.0.1:8080" } }"#, &[]), [""; 0]);
        let proxy = r#"{ "proxy": "http://evil.test:3128" }"#;
        assert_eq!(of(proxy, &["granted.test"]), ["--allow-net evil.test:3128"]);
        let rule = r#"{ "connectTo": ["granted.test::evil.test:"] }"#;
        assert_eq!(of(rule, &["granted.test"]), ["--allow-net evil.test"]);
        let metadata = r#"{ "hosts": { "granted.test": "169.254.169.254:80" } }"#;
        assert_eq!(of(metadata, &["*"]), ["--allow-net 169.254.169.254:80"]);
        let unwanted =
            r#"{ "wants": { "net": ["granted.test"] }, "proxy": "http://evil.test:3128" }"#;
        let told = of(unwanted, &["*"]);
        assert!(told[0].contains("not among what it says it wants"), "{told:?}");
    }

    #[test]
    fn a_name_whose_address_may_be_granted_is_told_by_its_address() {
        let wants = wants(r#"{ "net": ["inside.example:80"] }"#);
        assert_eq!(unmet_of(&wants, &allowed(&["10.0.0.0/8"], "{}")), [""; 0]);
        assert_eq!(unmet_of(&wants, &allowed(&["10.0.0.0/8:443"], "{}")).len(), 1);
    }
}
