//! What the system lets this process have.

use std::fs;

use plan::Plan;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// Memory maps for what the engine itself has yet to make: its workers' stacks, heaps and large buffers.
const OWN_MAPS: u64 = 500;

/// Raises the number of files and sockets that may be open to what the system allows at most: each
/// connected VU takes one, and the usual 1,024 is a limit for interactive programs.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // If it is refused, connections beyond the limit are counted as failed and named.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// Refuses more VUs than the system gives memory maps for; where it does not say how many, it has no limit.
///
/// Without maps no memory can be had, not even to say so: the run would stand still for ever.
pub(crate) fn check_maps(plan: &Plan, maps_per_vu: f64) -> Result<(), Fault> {
    let Some(limit) = max_map_count() else { return Ok(()) };
    let taken = fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count() as u64);
    let maps = Maps { limit, taken: taken + OWN_MAPS, per_vu: maps_per_vu, vus: plan.vus_in_all() };
    maps.check()
}

/// How many memory maps Linux lets a process have.
fn max_map_count() -> Option<u64> {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// What there is of memory maps, and what is asked for.
#[derive(Clone, Copy)]
struct Maps {
    /// How many the process may have.
    limit: u64,
    /// How many it needs without any VU.
    taken: u64,
    per_vu: f64,
    vus: u64,
}

impl Maps {
    fn check(self) -> Result<(), Fault> {
        let Self { limit, taken, per_vu, vus } = self;
        // Saturates.
        let needed = ((vus as f64 * per_vu).ceil() as u64).saturating_add(taken);
        if needed <= limit {
            return Ok(());
        }
        let message = format!("{vus} VUs need more memory maps than this system gives a process");
        let detail = format!(
            "they need {needed} ({per_vu} each, {taken} for the engine), and `vm.max_map_count` is {limit}"
        );
        let raise = format!("`sysctl -w vm.max_map_count={needed}` (as root) allows it");
        let hint = match (limit.saturating_sub(taken) as f64 / per_vu.max(1.0)) as u64 {
            0 => raise,
            fit => format!("{raise}, or run with at most {fit} VUs in all"),
        };
        Err(Fault::new(ExitCode::InvalidConfig, message).detail(detail).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vus_that_need_more_maps_than_there_are_are_refused_with_what_to_do() {
        let said = |limit, taken, per_vu, vus| {
            let refused = Maps { limit, taken, per_vu, vus }.check().err();
            refused.map(|fault| anstream::adapter::strip_str(&fault.text()).to_string())
        };
        for (limit, taken, per_vu, vus) in [
            (65_530, 600, 7.0, 0),
            (65_530, 600, 7.0, 9_275),
            (65_530, 600, 12.0, 5_410),
            (7_000_600, 600, 7.0, 1_000_000),
        ] {
            assert_eq!(said(limit, taken, per_vu, vus), None, "{vus} VUs");
        }
        for (limit, taken, per_vu, vus, expected) in [
            (
                65_530,
                600,
                7.0,
                9_276,
                "error: 9276 VUs need more memory maps than this system gives a process\n  \
                 they need 65532 (7 each, 600 for the engine), and `vm.max_map_count` is 65530\n\n\
                 hint: `sysctl -w vm.max_map_count=65532` (as root) allows it, or run with at most 9275 \
                 VUs in all\n",
            ),
            (
                500,
                600,
                7.0,
                1,
                "error: 1 VUs need more memory maps than this system gives a process\n  \
                 they need 607 (7 each, 600 for the engine), and `vm.max_map_count` is 500\n\n\
                 hint: `sysctl -w vm.max_map_count=607` (as root) allows it\n",
            ),
        ] {
            assert_eq!(said(limit, taken, per_vu, vus).as_deref(), Some(expected));
        }
    }

    #[test]
    fn scenarios_one_after_the_other_make_vus_of_their_own() {
        let plan = plan::parse_json(
            r#"{ "scenarios": {
                "a": { "executor": "constant-vus", "vus": 30, "duration": "1s" },
                "b": { "executor": "ramping-vus", "startTime": "1m",
                       "stages": [{ "duration": "1s", "target": 20 }, { "duration": "1s", "target": 0 }] }
            } }"#,
        );
        let plan = plan.expect("options").plan().expect("a plan");
        assert_eq!(plan.max_vus(), 30);
        assert_eq!(plan.vus_in_all(), 50);
    }
}
