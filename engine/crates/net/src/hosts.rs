//! Places that stand in for those that URLs name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::place::Place;

/// Where to connect to for some hosts, whatever the system would say: k6's `hosts`, and curl's `--connect-to`.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Held against a host before all others; the first that fits stands.
    connect_to: Vec<ConnectTo>,
    /// By name in small letters, and port where the pattern has one.
    exact: HashMap<(String, Option<u16>), (Instead, bool)>,
    /// What follows the asterisk, with its dot; the longest first, and those with a port before others. With whether
    /// the script says so itself.
    wildcards: Vec<(String, Option<u16>, (Instead, bool))>,
}

/// A host, and where to connect to for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostOverride {
    /// Its name; `*.` at the start stands for any labels.
    pub host: String,
    /// The port that is asked for; any if there is none.
    pub port: Option<u16>,
    /// Where to connect to.
    pub to: Instead,
    /// Whether the script says so itself, and nobody who runs it: then the place is judged for itself, too.
    pub by_script: bool,
}

/// Where to connect to instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// A place on the network.
    Host {
        /// A name, or an address without brackets.
        host: String,
        /// The port; the one that is asked for if there is none.
        port: Option<u16>,
    },
    /// The unix socket at this path.
    Unix(Arc<Path>),
}

/// Another place for those hosts that fit. What is left out fits every host, or stays as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host that is asked for.
    pub host: Option<String>,
    /// The port that is asked for.
    pub port: Option<u16>,
    /// The host to connect to: a name, or an address without brackets.
    pub to_host: Option<String>,
    /// The port to connect to.
    pub to_port: Option<u16>,
    /// Whether the script says so itself, and nobody who runs it: then the place is judged for itself, too.
    pub by_script: bool,
}

/// Where a host turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There, and whether it is the script that says so.
    Place(Place, bool),
    Unix(Arc<Path>),
}

impl Hosts {
    /// These overrides. Of several that fit a host, the most specific stands: a name before an asterisk, more
    /// labels before fewer, with a port before without.
    #[must_use]
    pub fn new(overrides: impl IntoIterator<Item = HostOverride>) -> Self {
        let mut hosts = Self::default();
        for HostOverride { host, port, to, by_script } in overrides {
            let (host, to) = (host.to_ascii_lowercase(), (to, by_script));
            match host.strip_prefix('*') {
                Some(rest) => hosts.wildcards.push((rest.to_owned(), port, to)),
                None => {
                    hosts.exact.insert((host, port), to);
                }
            }
        }
        hosts.wildcards.sort_by_key(|(rest, port, _)| {
            (std::cmp::Reverse(rest.len()), std::cmp::Reverse(port.is_some()))
        });
        hosts
    }

    /// These and, before them, other places. The overrides are then held against what came of that, as curl's
    /// `--resolve` is.
    #[must_use]
    pub fn after(self, connect_to: Vec<ConnectTo>) -> Self {
        Self { connect_to, ..self }
    }

    /// Where to connect to for this host, if that is said.
    pub(crate) fn find(&self, host: &str, port: u16) -> Option<Found> {
        let fits = |it: &&ConnectTo| {
            it.host.as_ref().is_none_or(|its| its.eq_ignore_ascii_case(host))
                && it.port.is_none_or(|its| its == port)
        };
        let Some(to) = self.connect_to.iter().find(fits) else {
            return self.find_override(host, port);
        };
        let host = to.to_host.as_deref().unwrap_or(host);
        let port = to.to_port.unwrap_or(port);
        match self.find_override(host, port) {
            Some(Found::Place(place, by_script)) => {
                Some(Found::Place(place, by_script || to.by_script))
            }
            Some(unix) => Some(unix),
            None => Some(Found::Place(Place::new(host, port), to.by_script)),
        }
    }

    fn find_override(&self, host: &str, port: u16) -> Option<Found> {
        if self.exact.is_empty() && self.wildcards.is_empty() {
            return None;
        }
        let mut host = host.to_ascii_lowercase();
        let mut exact = |port| {
            let key = (std::mem::take(&mut host), port);
            let found = self.exact.get(&key);
            host = key.0;
            found
        };
        let found = exact(Some(port)).or_else(|| exact(None));
        let found = found.or_else(|| {
            let mut wildcards = self.wildcards.iter();
            let fits = wildcards.find(|(rest, its_port, _)| {
                host.ends_with(rest.as_str())
                    && host.len() > rest.len()
                    && its_port.is_none_or(|its| its == port)
            });
            fits.map(|(_, _, to)| to)
        });
        found.map(|(to, by_script)| match to {
            Instead::Host { host, port: to_port } => {
                Found::Place(Place::new(host, to_port.unwrap_or(port)), *by_script)
            }
            Instead::Unix(path) => Found::Unix(Arc::clone(path)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(host: &str, port: Option<u16>, to: &str, to_port: Option<u16>) -> HostOverride {
        let to = Instead::Host { host: to.to_owned(), port: to_port };
        HostOverride { host: host.to_owned(), port, to, by_script: false }
    }

    fn found(hosts: &Hosts, host: &str, port: u16) -> Option<String> {
        hosts.find(host, port).map(|found| match found {
            Found::Place(place, _) => place.to_string(),
            Found::Unix(path) => format!("unix:{}", path.display()),
        })
    }

    #[test]
    fn the_most_specific_override_stands() {
        let socket = Instead::Unix(Path::new("/run/api.sock").into());
        let hosts = Hosts::new([
            over("a.test", None, "10.0.0.1", None),
            over("A.test", Some(443), "10.0.0.2", Some(8443)),
            over("*.test", None, "10.0.0.3", None),
            over("*.b.test", None, "::1", Some(1)),
            over("*.b.test", Some(81), "10.0.0.5", None),
            over("d.test", None, "c.test", None),
            HostOverride { host: "e.test".to_owned(), port: None, to: socket, by_script: false },
        ]);
        for (host, port, expected) in [
            ("a.test", 80, Some("10.0.0.1:80")),
            ("a.TEST", 443, Some("10.0.0.2:8443")),
            ("c.test", 80, Some("10.0.0.3:80")),
            ("b.test", 80, Some("10.0.0.3:80")),
            ("x.b.test", 80, Some("[::1]:1")),
            ("y.x.b.test", 81, Some("10.0.0.5:81")),
            // A name is looked up, and not looked for here once more.
            ("d.test", 80, Some("c.test:80")),
            ("e.test", 80, Some("unix:/run/api.sock")),
            ("test", 80, None),
            (".test", 80, None),
            ("a.example", 80, None),
        ] {
            assert_eq!(found(&hosts, host, port).as_deref(), expected, "{host}:{port}");
        }
        assert_eq!(Hosts::default().find("a.test", 80), None);
    }

    #[test]
    fn the_first_place_that_fits_stands_and_the_overrides_are_held_against_it() {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let rule = |host, port, to_host, to_port| ConnectTo {
            host: text(host),
            port,
            to_host: text(to_host),
            to_port,
            by_script: false,
        };
        let hosts = Hosts::new([
            over("a.test", None, "10.0.0.1", None),
            over("b.test", Some(8080), "10.0.0.2", Some(1)),
        ]);
        for (rules, host, expected, why) in [
            (vec![], "a.test", Some("10.0.0.1:80"), "nothing else is said"),
            (vec![rule("b.test", None, "::1", None)], "c.test", None, "another host"),
            (vec![rule("C.test", None, "::1", None)], "c.test", Some("[::1]:80"), "any port"),
            (vec![rule("c.test", Some(81), "::1", None)], "c.test", None, "another port"),
            (vec![rule("", None, "d.test", Some(8))], "c.test", Some("d.test:8"), "any host"),
            (vec![rule("", None, "", Some(8))], "c.test", Some("c.test:8"), "the same host"),
            (
                vec![rule("c.test", None, "e", None), rule("c.test", Some(80), "f", None)],
                "c.test",
                Some("e:80"),
                "the first, not the most specific",
            ),
            (vec![rule("", None, "d", None)], "a.test", Some("d:80"), "before the overrides"),
            (vec![rule("", None, "", Some(81))], "a.test", Some("10.0.0.1:81"), "and then they"),
            (
                vec![rule("a.test", None, "b.test", Some(8080))],
                "a.test",
                Some("10.0.0.2:1"),
                "those of the host that was come to",
            ),
            (vec![rule("", None, "", None)], "c.test", Some("c.test:80"), "it may say nothing"),
        ] {
            let hosts = hosts.clone().after(rules);
            assert_eq!(found(&hosts, host, 80).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn a_place_that_a_script_had_any_part_in_is_the_scripts() {
        let over = |host: &str, to: &str, by_script| HostOverride {
            by_script,
            ..over(host, None, to, None)
        };
        let rule = |host: &str, to: &str, by_script| ConnectTo {
            host: Some(host.to_owned()),
            to_host: Some(to.to_owned()),
            by_script,
            ..ConnectTo::default()
        };
        let hosts =
            Hosts::new([over("a.test", "10.0.0.1", true), over("*.b.test", "10.0.0.2", false)])
                .after(vec![rule("c.test", "a.test", false), rule("d.test", "x.b.test", true)]);
        for (host, expected) in [
            ("a.test", Some(true)),
            ("x.b.test", Some(false)),
            ("c.test", Some(true)),
            ("d.test", Some(true)),
            ("e.test", None),
        ] {
            let found = hosts.find(host, 80).map(|found| matches!(found, Found::Place(_, true)));
            assert_eq!(found, expected, "{host}");
        }
    }
}
