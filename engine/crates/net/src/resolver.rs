//! Finds the addresses of names, and remembers them for a while.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::alarm::FOREVER;
use crate::error::Error;

/// How long it is used that there is none: long enough that users who ask together ask once, short enough to
/// see soon that a name has come.
const MISSED_FOR: Duration = Duration::from_secs(1);
/// Names remembered at once; a script that invents names empties the table, it does not fill the machine.
const NAMES: usize = 10_000;

/// What is made of the addresses that a name has: k6's `dns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dns {
    /// How long an answer is used; zero asks anew for each connection.
    pub ttl: Duration,
    /// Which address is tried first.
    pub select: AddressSelect,
    /// Which addresses are tried at all, and which family before the other.
    pub policy: AddressPolicy,
}

impl Default for Dns {
    /// Five minutes, as k6; the addresses take turns, and the system says which family comes first.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            select: AddressSelect::RoundRobin,
            policy: AddressPolicy::Any,
        }
    }
}

/// Which of a name's addresses is tried first, within the family that comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSelect {
    /// Always the first that the system names.
    First,
    /// One by chance.
    Random,
    /// Each in its turn.
    RoundRobin,
}

/// Which families of a name's addresses are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// IPv4, then IPv6.
    PreferIpv4,
    /// IPv6, then IPv4.
    PreferIpv6,
    /// IPv4 only.
    OnlyIpv4,
    /// IPv6 only.
    OnlyIpv6,
    /// Both, as the system orders them.
    Any,
}

/// Says which addresses a name has.
pub type LookUp = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// Asks the system for addresses, and serves all VUs of a run from the same answers.
///
/// Thousands of users who start together and want the same name cause one lookup: the others wait for it.
#[derive(Default)]
pub struct Resolver {
    dns: Dns,
    /// Who is asked instead of the system.
    look_up: Option<Box<LookUp>>,
    names: Mutex<HashMap<String, Arc<Name>>>,
    turn: AtomicUsize,
}

/// What is known of a name. Whoever holds the lock while nothing is known looks it up.
type Name = tokio::sync::Mutex<Option<Answer>>;

#[derive(Debug)]
struct Answer {
    addresses: Result<Vec<IpAddr>, Error>,
    until: Instant,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("dns", &self.dns).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that knows nothing yet.
    #[must_use]
    pub fn new(dns: Dns) -> Self {
        Self { dns, ..Self::default() }
    }

    /// The same, which asks somebody else than the system. No address is that there is no such name.
    #[must_use]
    pub fn asking(self, look_up: Box<LookUp>) -> Self {
        Self { look_up: Some(look_up), ..self }
    }

    /// The addresses of a name, at least one, in the order in which they are to be tried.
    pub(crate) async fn resolve(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let entry = self.entry(name);
        let mut known = entry.lock().await;
        let answer = match known.take() {
            Some(answer) if Instant::now() < answer.until => answer,
            _ => {
                let addresses = match &self.look_up {
                    Some(look_up) => Ok(look_up(name)),
                    None => look_up(name).await,
                };
                let kept_for =
                    if addresses.is_ok() { self.dns.ttl.min(FOREVER) } else { MISSED_FOR };
                Answer { addresses, until: Instant::now() + kept_for }
            }
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let addresses = known.insert(answer).addresses.as_ref().map_err(Clone::clone)?;
        let mut addresses: Vec<_> =
            addresses.iter().map(|&address| SocketAddr::new(address, port)).collect();
        self.dns.order(&mut addresses, turn);
        if addresses.is_empty() { Err(Error::NameNotResolved) } else { Ok(addresses) }
    }

    fn entry(&self, name: &str) -> Arc<Name> {
        let mut names = self.names.lock();
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        if names.len() >= NAMES {
            names.clear();
        }
        Arc::clone(names.entry(name.to_owned()).or_default())
    }
}

impl Dns {
    /// Brings addresses into the order in which this, the nth connection of a run, is to try them.
    fn order(&self, addresses: &mut Vec<SocketAddr>, turn: usize) {
        match self.policy {
            AddressPolicy::OnlyIpv4 => addresses.retain(SocketAddr::is_ipv4),
            AddressPolicy::OnlyIpv6 => addresses.retain(SocketAddr::is_ipv6),
            // Stable: within a family the system's order stands.
            AddressPolicy::PreferIpv4 => addresses.sort_by_key(SocketAddr::is_ipv6),
            AddressPolicy::PreferIpv6 => addresses.sort_by_key(SocketAddr::is_ipv4),
            AddressPolicy::Any => {}
        }
        match self.select {
            AddressSelect::First => {}
            AddressSelect::RoundRobin => take_turns(addresses, turn),
            AddressSelect::Random => take_turns(addresses, scattered(turn)),
        }
    }
}

/// A number that follows from another and looks like chance (the finalizer of SplitMix64).
fn scattered(turn: usize) -> usize {
    let mut x = (turn as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) as usize
}

async fn look_up(name: &str) -> Result<Vec<IpAddr>, Error> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    // The port only completes what the system wants to be asked.
    for found in tokio::net::lookup_host((name, 0)).await.map_err(|e| Error::from_lookup(&e))? {
        if !addresses.contains(&found.ip()) {
            addresses.push(found.ip());
        }
    }
    if addresses.is_empty() { Err(Error::NameNotResolved) } else { Ok(addresses) }
}

fn take_turns(addresses: &mut [SocketAddr], turn: usize) {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv4) else { return };
    let family = addresses.iter().take_while(|address| address.is_ipv4() == first).count();
    addresses[..family].rotate_left(turn % family);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn addresses_take_turns_within_the_family_the_system_prefers() {
        for (turn, before, after) in [
            (0, &["10.0.0.1:1", "10.0.0.2:1"][..], &["10.0.0.1:1", "10.0.0.2:1"][..]),
            (1, &["10.0.0.1:1", "10.0.0.2:1"], &["10.0.0.2:1", "10.0.0.1:1"]),
            (1, &["[::1]:1", "127.0.0.1:1"], &["[::1]:1", "127.0.0.1:1"]),
            (3, &["10.0.0.1:1", "10.0.0.2:1", "[::1]:1"], &["10.0.0.2:1", "10.0.0.1:1", "[::1]:1"]),
            (7, &[], &[]),
        ] {
            let mut turned = addresses(before);
            take_turns(&mut turned, turn);
            assert_eq!(turned, addresses(after), "turn {turn} of {before:?}");
        }
    }

    #[test]
    fn addresses_are_tried_as_the_policy_says() {
        use AddressPolicy::{Any, OnlyIpv4, OnlyIpv6, PreferIpv4, PreferIpv6};
        let (a, b, c) = ("[::1]:1", "10.0.0.1:1", "10.0.0.2:1");
        for (policy, turn, expected) in [
            (Any, 1, &[a, b, c][..]),
            (PreferIpv4, 0, &[b, c, a]),
            (PreferIpv4, 1, &[c, b, a]),
            (PreferIpv6, 1, &[a, b, c]),
            (OnlyIpv4, 1, &[c, b]),
            (OnlyIpv6, 1, &[a]),
        ] {
            let mut ordered = addresses(&[a, b, c]);
            Dns { policy, ..Dns::default() }.order(&mut ordered, turn);
            assert_eq!(ordered, addresses(expected), "{policy:?}, turn {turn}");
        }
    }

    #[test]
    fn the_first_address_is_always_the_same_or_any_by_chance() {
        let first = |select, turn| {
            let mut ordered = addresses(&["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
            Dns { select, ..Dns::default() }.order(&mut ordered, turn);
            ordered[0]
        };
        let known = addresses(&["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
        assert!((0..9).all(|turn| first(AddressSelect::First, turn) == known[0]));
        let by_chance: Vec<_> = (0..90).map(|turn| first(AddressSelect::Random, turn)).collect();
        let in_turn: Vec<_> = (0..90).map(|turn| first(AddressSelect::RoundRobin, turn)).collect();
        assert_ne!(by_chance, in_turn);
        for address in known {
            assert!(by_chance.iter().filter(|&&chosen| chosen == address).count() > 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_remembered_until_it_is_old() {
        let resolver = Resolver::default();
        let planted = Answer {
            addresses: Ok(vec!["10.9.8.7".parse().expect("an address")]),
            until: Instant::now() + Dns::default().ttl,
        };
        *resolver.entry("localhost").lock().await = Some(planted);
        let port_and_more = Ok(addresses(&["10.9.8.7:80"]));
        assert_eq!(resolver.resolve("localhost", 80).await, port_and_more);
        tokio::time::advance(Dns::default().ttl).await;
        let fresh = resolver.resolve("localhost", 80).await.expect("every machine has one");
        assert!(fresh.iter().all(|address| address.ip().is_loopback()), "{fresh:?}");
    }

    #[tokio::test]
    async fn that_there_is_no_address_is_remembered_too() {
        // Longer than the 63 characters a label may have, so nobody need be asked.
        let name = "a".repeat(64);
        let resolver = Resolver::default();
        assert_eq!(resolver.resolve(&name, 80).await, Err(Error::NameNotResolved));
        assert!(resolver.entry(&name).lock().await.is_some());
    }

    #[test]
    fn invented_names_do_not_fill_the_machine() {
        let resolver = Resolver::default();
        for number in 0..=NAMES {
            resolver.entry(&number.to_string());
        }
        assert!(resolver.names.lock().len() <= NAMES);
    }
}
