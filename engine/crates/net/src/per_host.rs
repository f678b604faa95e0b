//! How much of a run one host gets at most, whatever its script asks for: requests a second, and connections at once.
//!
//! All VUs of a run share it. A host is a name, or an address where URLs have one, whatever the port; this machine is
//! one host by all its names and addresses. Names are not looked up for this: two of one machine are two hosts. But a
//! name that options put another place in the stead of counts for that place, so that a script can make none up.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::ceiling::Ceiling;
use crate::policy::{is_local_name, is_loopback, plain, real};

/// Hosts that are told apart. Those of a script that invents more share one more place.
const HOSTS: usize = 10_000;

/// The most that one host gets.
#[derive(Debug)]
pub struct PerHost {
    rps: Option<NonZeroU32>,
    connections: Option<NonZeroU32>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// What one host has had.
#[derive(Debug)]
struct Host {
    ceiling: Option<Ceiling>,
    slots: Option<Arc<Semaphore>>,
    /// How many wait for a slot.
    waiting: AtomicUsize,
}

/// The right to have a connection, for as long as it is there.
pub(crate) struct Slot {
    host: Arc<Host>,
    _permit: OwnedSemaphorePermit,
}

/// A slot to be had.
pub(crate) type Waiting = Pin<Box<dyn Future<Output = Option<Slot>> + Send>>;

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl PerHost {
    /// At most so many requests a second to a host, and so many connections at once.
    #[must_use]
    pub fn new(rps: Option<NonZeroU32>, connections: Option<NonZeroU32>) -> Self {
        Self { rps, connections, hosts: Mutex::default() }
    }

    /// How many connections there may be to a host.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.map_or(u32::MAX, NonZeroU32::get)
    }

    /// Takes the moment from which the next request to a host may begin, which is not before `now`.
    pub(crate) fn take(&self, host: &str, now: Instant) -> Instant {
        match self.rps {
            None => now,
            Some(_) => self.host(host).ceiling.as_ref().map_or(now, |ceiling| ceiling.take(now)),
        }
    }

    /// The right to connect to a host, when there is one to be had: those who came first have it first. None if there
    /// is no limit.
    pub(crate) fn slot(&self, host: &str) -> Option<Waiting> {
        self.connections?;
        let host = self.host(host);
        let slots = Arc::clone(host.slots.as_ref()?);
        Some(Box::pin(async move {
            let queue = Queue::join(&host);
            // Nobody closes it.
            let permit = slots.acquire_owned().await.ok()?;
            drop(queue);
            Some(Slot { host, _permit: permit })
        }))
    }

    fn host(&self, host: &str) -> Arc<Host> {
        let name = name(host);
        let mut hosts = self.hosts.lock();
        let name =
            if hosts.len() < HOSTS || hosts.contains_key(&name) { name } else { String::new() };
        let new = || {
            Arc::new(Host {
                ceiling: self.rps.map(Ceiling::new),
                slots: self.connections.map(|most| Arc::new(Semaphore::new(most.get() as usize))),
                waiting: AtomicUsize::new(0),
            })
        };
        Arc::clone(hosts.entry(name).or_insert_with(new))
    }
}

impl Slot {
    /// Whether somebody waits for it: a connection that nobody uses is to be given up.
    pub(crate) fn is_wanted(&self) -> bool {
        self.host.waiting.load(Ordering::Relaxed) > 0
    }
}

/// One of those who wait, for as long as they do.
struct Queue(Arc<Host>);

impl Queue {
    fn join(host: &Arc<Host>) -> Self {
        host.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(host))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a host is told apart by.
fn name(host: &str) -> String {
    let host = plain(host);
    match host.parse::<IpAddr>().map(real) {
        Ok(address) if is_loopback(address) => "localhost".to_owned(),
        Ok(address) => SocketAddr::new(address, 0).ip().to_string(),
        Err(_) if is_local_name(&host) => "localhost".to_owned(),
        Err(_) => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(number: u32) -> Option<NonZeroU32> {
        NonZeroU32::new(number)
    }

    #[test]
    fn a_host_is_one_by_all_that_is_the_same() {
        for (one, other, same) in [
            ("a.test", "A.Test.", true),
            ("a.test", "b.test", false),
            ("localhost", "127.0.0.1", true),
            ("shop.localhost", "::1", true),
            ("127.9.9.9", "::ffff:127.0.0.1", true),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
        ] {
            assert_eq!(name(one) == name(other), same, "{one} {other}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_host_has_its_own_rate_and_hosts_beyond_number_share_one() {
        let per_host = PerHost::new(most(10), None);
        let now = Instant::now();
        let after = |host: &str| (per_host.take(host, now) - now).as_millis();
        assert_eq!([after("a.test"), after("b.test"), after("A.test")], [0, 0, 100]);
        for number in 2..HOSTS {
            assert_eq!(after(&format!("{number}.test")), 0);
        }
        assert_eq!([after("more.test"), after("yet-more.test"), after("a.test")], [0, 100, 200]);
        assert!(per_host.slot("a.test").is_none(), "connections have no limit");
    }

    #[tokio::test]
    async fn slots_are_handed_on_in_turn_and_their_holders_know_that_somebody_waits() {
        let per_host = PerHost::new(None, most(1));
        let first = per_host.slot("a.test").expect("a limit").await.expect("it is free");
        assert!(!first.is_wanted());
        let mut second = per_host.slot("a.test").expect("a limit");
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(
                second.as_mut().poll(cx).is_pending()
            ))
            .await
        );
        assert!(first.is_wanted());
        assert!(per_host.slot("b.test").expect("a limit").await.is_some(), "another host");
        drop(first);
        let second = second.await.expect("it is free");
        assert!(!second.is_wanted());
        // Who gives up does not wait any more.
        let mut third = per_host.slot("a.test").expect("a limit");
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(third.as_mut().poll(cx).is_pending()))
                .await
        );
        drop(third);
        assert!(!second.is_wanted());
    }
}
