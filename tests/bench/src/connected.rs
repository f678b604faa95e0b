//! Measures the memory of wasmload while all of its virtual users are connected.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::generator::Wasmload;
use crate::memory::Memory;
use crate::nginx::Nginx;
use crate::process::{Running, pause};

/// The memory with this many virtual users, once all are connected and it has become steady.
///
/// Fails if it ends before, or takes longer than two minutes to become so.
pub fn connected(wasmload: &Wasmload, nginx: &Nginx, core: usize, vus: u32) -> Result<Memory> {
    /// How often it is looked at, and how often before giving up: two minutes.
    const LOOKS: usize = 120;
    const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
    /// It is steady when this many looks in a row differ by less than this share, or than 64 KiB.
    const STEADY: usize = 4;
    const STEADY_SHARE: u64 = 200;

    let mut command = wasmload.run(&nginx.target(wasmload.speaks), core);
    command.args(["--vus", &vus.to_string(), "--duration", "10m"]);
    let mut running = Running::start("wasmload", command)?;
    let mut seen: Vec<Memory> = Vec::new();
    let mut connections = 0;
    for _ in 0..LOOKS {
        pause(BETWEEN_LOOKS);
        if running.finished()?.is_some() {
            bail!("wasmload ended before its memory was measured");
        }
        connections = nginx.connections()?;
        if connections < u64::from(vus) {
            continue;
        }
        let memory = Memory::of(running.id())?;
        seen.push(memory);
        if let Some(last) = seen.last_chunk::<STEADY>() {
            let sizes = last.map(|memory| memory.rss_anon);
            let (least, most) = sizes
                .iter()
                .fold((u64::MAX, 0), |(least, most), &size| (least.min(size), most.max(size)));
            if most - least <= 64.max(most / STEADY_SHARE) {
                return Ok(memory);
            }
        }
    }
    match seen.last() {
        None => bail!("only {connections} of {vus} virtual users were ever connected"),
        Some(last) => bail!("the memory of {vus} virtual users does not become steady: {last:?}"),
    }
}
