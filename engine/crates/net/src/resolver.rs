//! Finds the addresses of names, and remembers them for a while.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::Error;

/// How long an answer is used: k6's default.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// How long it is used that there is none: long enough that users who ask together ask once, short enough to
/// see soon that a name has come.
const MISSED_FOR: Duration = Duration::from_secs(1);
/// Names remembered at once; a script that invents names empties the table, it does not fill the machine.
const NAMES: usize = 10_000;

/// Asks the system for addresses, and serves all VUs of a run from the same answers.
///
/// Thousands of users who start together and want the same name cause one lookup: the others wait for it.
#[derive(Debug, Default)]
pub struct Resolver {
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

impl Resolver {
    /// The addresses of a name, at least one. The system says which family comes first; the addresses of that
    /// family take turns at the head, so that load is spread over all of them.
    pub(crate) async fn resolve(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let entry = self.entry(name);
        let mut known = entry.lock().await;
        let answer = match known.take() {
            Some(answer) if Instant::now() < answer.until => answer,
            _ => {
                let addresses = look_up(name).await;
                let kept_for = if addresses.is_ok() { KEPT_FOR } else { MISSED_FOR };
                Answer { addresses, until: Instant::now() + kept_for }
            }
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        known.insert(answer).addresses.as_ref().map_err(Clone::clone).map(|addresses| {
            let mut addresses: Vec<_> =
                addresses.iter().map(|&address| SocketAddr::new(address, port)).collect();
            take_turns(&mut addresses, turn);
            addresses
        })
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

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_remembered_until_it_is_old() {
        let resolver = Resolver::default();
        let planted = Answer {
            addresses: Ok(vec!["10.9.8.7".parse().expect("an address")]),
            until: Instant::now() + KEPT_FOR,
        };
        *resolver.entry("localhost").lock().await = Some(planted);
        let port_and_more = Ok(addresses(&["10.9.8.7:80"]));
        assert_eq!(resolver.resolve("localhost", 80).await, port_and_more);
        tokio::time::advance(KEPT_FOR).await;
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
