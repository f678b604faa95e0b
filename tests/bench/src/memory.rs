//! Reads how much memory a process has, from `/proc`.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// The memory of a process at one moment, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// What is resident, each page that others share counted by its share.
    pub pss: u64,
    /// What is resident and no file's: heaps, stacks, and the memories of guests.
    pub rss_anon: u64,
    /// The most that was resident at any moment so far.
    pub vm_hwm: u64,
}

impl Memory {
    /// Reads it now.
    ///
    /// Fails if the process has ended, or is another user's.
    pub fn of(process: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        let (rollup, status) = (read("smaps_rollup")?, read("status")?);
        let found = |text, name: &str| {
            kibibytes(text, name).with_context(|| format!("finding {name} of process {process}"))
        };
        Ok(Self {
            pss: found(&rollup, "Pss")?,
            rss_anon: found(&status, "RssAnon")?,
            vm_hwm: found(&status, "VmHWM")?,
        })
    }
}

/// The value of a line such as `RssAnon:     108 kB`.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let rollup = "55e2c8c00000-7ffd2a5f5000 ---p 00000000 00:00 0    [rollup]\n\
                      Rss:                1540 kB\nPss:                 180 kB\n\
                      Pss_Dirty:           104 kB\nAnonymous:           100 kB\n";
        assert_eq!(kibibytes(rollup, "Pss"), Some(180));
        let status =
            "VmHWM:\t    1540 kB\nVmRSS:\t    1540 kB\nRssAnon:\t     100 kB\nThreads:\t1\n";
        assert_eq!(kibibytes(status, "VmHWM"), Some(1_540));
        assert_eq!(kibibytes(status, "RssAnon"), Some(100));
        assert_eq!(kibibytes(status, "Threads"), None);
        assert_eq!(kibibytes(status, "Rss"), None);
    }
}
