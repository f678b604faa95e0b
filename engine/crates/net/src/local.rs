//! Addresses of this machine that connections go out from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Addresses that the VUs of a run share out among each other: k6's `localIPs`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalAddresses(Vec<RangeInclusive<IpAddr>>);

impl LocalAddresses {
    /// The addresses of these ranges, one after the other. A range must be of one family, and not empty.
    #[must_use]
    pub fn new(ranges: Vec<RangeInclusive<IpAddr>>) -> Self {
        Self(ranges)
    }

    /// That of a VU, by its number: the same for as long as it lives, and for every so-many-eth. None if there
    /// are no addresses.
    #[must_use]
    pub fn of(&self, vu: u32) -> Option<IpAddr> {
        let all = self.0.iter().map(length).fold(0, u128::saturating_add);
        // VUs are counted from 1; 0 is who runs `setup`.
        let mut place = u128::from(vu.saturating_sub(1)).checked_rem(all)?;
        for range in &self.0 {
            let length = length(range);
            if place < length {
                return Some(nth(*range.start(), place));
            }
            place -= length;
        }
        None
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn length(range: &RangeInclusive<IpAddr>) -> u128 {
    bits(*range.end()).saturating_sub(bits(*range.start())).saturating_add(1)
}

fn nth(first: IpAddr, place: u128) -> IpAddr {
    match first {
        // Within the range, so it fits.
        IpAddr::V4(first) => {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            Ipv4Addr::from_bits(first.to_bits().saturating_add(place)).into()
        }
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().saturating_add(place)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shared_out_in_turn() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let addresses =
            LocalAddresses::new(vec![ip("10.0.0.255")..=ip("10.0.1.0"), ip("::1")..=ip("::1")]);
        let of = |vu| addresses.of(vu).expect("there are some").to_string();
        let turns: Vec<_> = (1..=5).map(of).collect();
        assert_eq!(turns, ["10.0.0.255", "10.0.1.0", "::1", "10.0.0.255", "10.0.1.0"]);
        assert_eq!(of(0), "10.0.0.255");
        assert_eq!(LocalAddresses::default().of(1), None);
        let all =
            LocalAddresses::new(vec![ip("::")..=ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]);
        assert_eq!(all.of(u32::MAX), Some(ip("::ffff:fffe")));
    }
}
