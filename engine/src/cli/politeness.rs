//! The flags that keep a run from doing harm, whatever its script asks for.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use plan::{MAX_RATE, MAX_VUS, PerHost};

/// What a run may not go beyond, and how it is ended from outside.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Politeness")]
pub(crate) struct PolitenessFlags {
    /// The most requests a second that one host gets from all virtual users together; the others wait for their turn
    ///
    /// No option of a script raises it. A host is a name, or an address where URLs have one, whatever the port; this
    /// machine is one host by all its names. Of this and `perHost` in a policy, the lower stands.
    #[arg(
        long,
        env = "WASMLOAD_MAX_RPS_PER_HOST",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=MAX_RATE as i64)
    )]
    max_rps_per_host: Option<u32>,

    /// The most connections that one host has from all virtual users together; a request that needs another waits for
    /// one to end, for as long as it may take
    ///
    /// A connection that nobody uses is given up where somebody waits. A request whose time runs out before fails with
    /// `too many connections`.
    #[arg(
        long,
        env = "WASMLOAD_MAX_CONNECTIONS_PER_HOST",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_VUS))
    )]
    max_connections_per_host: Option<u32>,

    /// End the run, as one Ctrl-C does, as soon as this file is there
    #[arg(long, env = "WASMLOAD_STOP_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) stop_file: Option<PathBuf>,
}

impl PolitenessFlags {
    /// How much one host gets at most, with what a policy says: the lower stands.
    pub(crate) fn per_host(&self, policy: PerHost) -> PerHost {
        let lower = |flag: Option<u32>, policy: Option<NonZeroU32>| {
            flag.and_then(NonZeroU32::new).into_iter().chain(policy).min()
        };
        PerHost {
            rps: lower(self.max_rps_per_host, policy.rps),
            connections: lower(self.max_connections_per_host, policy.connections),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flag_and_a_policy_the_lower_stands() {
        let flags = PolitenessFlags {
            max_rps_per_host: Some(10),
            max_connections_per_host: Some(5),
            stop_file: None,
        };
        let policy = PerHost { rps: NonZeroU32::new(7), connections: None };
        let both = flags.per_host(policy);
        assert_eq!((both.rps, both.connections), (NonZeroU32::new(7), NonZeroU32::new(5)));
        assert_eq!(PolitenessFlags::default().per_host(policy), policy);
    }
}
