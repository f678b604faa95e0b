//! What this machine lets one process have, and how many VUs that is enough for.
//!
//! Each thing that runs out is a [`Wall`]. `doctor` shows them all; a run asks for those that it would not survive
//! ([`check`]) and warns of those that would make requests fail.

use std::fs;
use std::time::Duration;

use host::Layout;
use run::Usage;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::exit::ExitCode;
use crate::fault::Fault;

/// Memory maps for what the engine itself has yet to make: its workers' stacks, heaps and large buffers.
const OWN_MAPS: u64 = 500;
/// Bytes that a VU of a compiled language takes besides a copy of what its memories begin with: 36 KiB while it sleeps,
/// and a connection.
const USUAL: u64 = 64 << 10;
/// Bytes that no VU takes less of.
pub(crate) const LEAST: u64 = 36 << 10;
/// Files and sockets of the engine itself.
const OWN_FILES: u64 = 64;
/// Addresses that a process has: 47 bits on every processor that wasmtime compiles for, and those of the engine off.
const ADDRESSES: u64 = (1 << 47) - (1 << 40);

/// What a process may have; what the system does not tell has no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Memory maps, and how many of them are taken.
    pub(crate) maps: Option<u64>,
    pub(crate) maps_taken: u64,
    /// Files and sockets open at once; what there may be if it is asked for.
    pub(crate) files: u64,
    /// Ports for connections to one address.
    pub(crate) ports: Option<u64>,
    /// Bytes of memory that nobody uses.
    pub(crate) memory: Option<u64>,
}

/// What one VU takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerVu {
    /// Memory maps, in the mean.
    pub(crate) maps: f64,
    /// Bytes of the address space.
    pub(crate) addresses: u64,
    /// Bytes of memory as it is made, if that was measured.
    pub(crate) memory: Option<u64>,
}

/// One thing that runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wall {
    pub(crate) what: What,
    /// How much of it so many VUs need, those of the engine included.
    pub(crate) needed: u64,
    /// How much there is.
    pub(crate) there: u64,
    /// How many VUs that is enough for.
    pub(crate) fits: u64,
}

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Maps,
    Files,
    Ports,
    Memory,
    Addresses,
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Maps => "memory maps",
            Self::Files => "file descriptors",
            Self::Ports => "ports to one address",
            Self::Memory => "memory",
            Self::Addresses => "address space",
        }
    }

    /// Whether it is counted in bytes.
    pub(crate) fn is_bytes(self) -> bool {
        matches!(self, Self::Memory | Self::Addresses)
    }
}

impl Wall {
    pub(crate) fn holds(&self) -> bool {
        self.needed <= self.there
    }

    /// What to do about it where it does not hold.
    pub(crate) fn remedy(&self) -> String {
        let needed = self.needed;
        match self.what {
            What::Maps => format!("`sysctl -w vm.max_map_count={needed}` (as root) allows it"),
            What::Files => format!(
                "`ulimit -Hn {needed}` (as root, in the shell that starts it), `LimitNOFILE={needed}` of a service, or \
                 a line `* hard nofile {needed}` in /etc/security/limits.conf allows it"
            ),
            What::Ports => "`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"` (as root) gives 64,512; more addresses \
                 of this machine (`--local-ips`) give as many each"
                .to_owned(),
            What::Memory => "fewer VUs, a larger machine, or several".to_owned(),
            What::Addresses => "fewer VUs in one process".to_owned(),
        }
    }
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        Self {
            maps: read("/proc/sys/vm/max_map_count").and_then(|text| text.trim().parse().ok()),
            maps_taken: read("/proc/self/maps").map_or(0, |maps| maps.lines().count() as u64),
            files: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            ports: read("/proc/sys/net/ipv4/ip_local_port_range").as_deref().and_then(ports),
            memory: available(&read),
        }
    }

    /// All that runs out with so many VUs, the first to do so first.
    pub(crate) fn walls(&self, per_vu: PerVu, vus: u64) -> Vec<Wall> {
        let whole = |what, own: u64, each: f64, there: u64| Wall {
            what,
            // Both saturate.
            needed: ((vus as f64 * each).ceil() as u64).saturating_add(own),
            there,
            fits: (there.saturating_sub(own) as f64 / each.max(f64::MIN_POSITIVE)) as u64,
        };
        let mut walls = vec![
            // Each connected VU has one connection as a rule, be it to one address.
            whole(What::Files, OWN_FILES, 1.0, self.files),
            whole(What::Addresses, 0, per_vu.addresses as f64, ADDRESSES),
        ];
        if let Some(there) = self.maps {
            walls.push(whole(What::Maps, self.maps_taken + OWN_MAPS, per_vu.maps, there));
        }
        if let Some(there) = self.ports {
            walls.push(whole(What::Ports, 0, 1.0, there));
        }
        if let (Some(there), Some(each)) = (self.memory, per_vu.memory) {
            walls.push(whole(What::Memory, 0, each as f64, there));
        }
        walls.sort_by_key(|wall| wall.fits);
        walls
    }
}

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

/// How so many VUs are to lie in memory: apart, unless the system has no maps or addresses for that, and has memory for
/// each of them to hold a copy of what its script's memories begin with, `image` bytes.
pub(crate) fn layout(machine: &Machine, per_vu: PerVu, image: u64, vus: u64) -> Layout {
    let walls = machine.walls(per_vu, vus);
    let is_too_narrow =
        |wall: &Wall| matches!(wall.what, What::Maps | What::Addresses) && !wall.holds();
    let taken = image.saturating_add(USUAL).saturating_mul(vus);
    let has_room = machine.memory.is_none_or(|memory| taken <= memory);
    match walls.iter().any(is_too_narrow) && has_room {
        true => Layout::Compact,
        false => Layout::Apart,
    }
}

/// How many VUs there may be, however they lie; `per_vu` and `image` as for [`layout`].
pub(crate) fn most(machine: &Machine, per_vu: PerVu, image: u64) -> u64 {
    let fits = |what: fn(What) -> bool, per_vu: PerVu| {
        let walls = machine.walls(per_vu, 0).into_iter().filter(|wall| what(wall.what));
        walls.map(|wall| wall.fits).min().unwrap_or(u64::MAX)
    };
    let apart = fits(|what| matches!(what, What::Maps | What::Addresses), per_vu);
    let compact = machine.memory.map_or(u64::MAX, |memory| memory / image.saturating_add(USUAL));
    let of_memory = |what| matches!(what, What::Memory);
    fits(of_memory, PerVu { memory: Some(LEAST), ..per_vu }).min(apart.max(compact))
}

/// Refuses more VUs than the system gives memory, memory maps or addresses for, and warns of what else will run out.
///
/// Without maps no memory can be had, not even to say so: the run would stand still for ever. Without memory the system
/// ends whatever it likes.
pub(crate) fn check(
    machine: &Machine,
    per_vu: PerVu,
    vus: u64,
    warn: impl Fn(&str),
) -> Result<(), Fault> {
    let mut walls = machine.walls(per_vu, vus);
    // More maps are had for the asking, memory is not.
    walls.sort_by_key(|wall| wall.what != What::Memory);
    for wall in walls.into_iter().filter(|wall| !wall.holds()) {
        let Wall { what, needed, there, fits } = wall;
        match what {
            What::Maps | What::Addresses | What::Memory => {
                let giver = match what {
                    What::Memory => "is free",
                    _ => "this system gives a process",
                };
                let message = format!("{vus} VUs need more {} than {giver}", what.name());
                let detail = match what {
                    What::Maps => format!(
                        "they need {needed} ({} each, {} for the engine), and `vm.max_map_count` is {there}",
                        per_vu.maps,
                        machine.maps_taken + OWN_MAPS
                    ),
                    _ => format!(
                        "they need {} at least, and there is {}",
                        bytes(needed),
                        bytes(there)
                    ),
                };
                let hint = match fits {
                    0 => wall.remedy(),
                    fit if what == What::Memory => {
                        format!(
                            "run with fewer than {fit} VUs, or with `--clamp-vus`; `wasmload doctor` says how many of this script fit"
                        )
                    }
                    fit => format!(
                        "{}, run with at most {fit} VUs in all, or with `--clamp-vus`",
                        wall.remedy()
                    ),
                };
                return Err(Fault::new(ExitCode::InvalidConfig, message).detail(detail).hint(hint));
            }
            What::Files => warn(&format!(
                "connections of {vus} VUs may need {needed} file descriptors, and this process may have {there}: those \
                 beyond fail; {}",
                wall.remedy()
            )),
            What::Ports => {}
        }
    }
    Ok(())
}

/// The number of ports in a range, its ends apart by a tab: `32768 60999`.
fn ports(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(|end| end.parse::<u64>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    Some((last + 1).saturating_sub(first))
}

/// What is left of the machine's memory, or of its share for this process where that is less.
fn available(read: &impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let of_machine =
        read("/proc/meminfo").as_deref().and_then(|text| kilobytes(text, "MemAvailable:"));
    // Control groups, version 2, as containers see their own; there is no number where there is no limit.
    let of_group = number("/sys/fs/cgroup/memory.max")
        .map(|most| most.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    match (of_machine, of_group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// Bytes of anonymous memory that this process has resident.
pub(crate) fn resident() -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "RssAnon:")
}

/// In how many parts of a second Linux tells how long a process has computed: `USER_HZ`, which is 100 on all processors that
/// this is made for. The call that would say so looks where valgrind, under which instructions are counted, lets nobody look.
const TICKS: u64 = 100;

/// What this process has used of the machine so far; as `/proc/self/stat` has it (proc(5)).
pub(crate) fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // What stands before is the program's name, which may have spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let cpu = Duration::from_millis(user.saturating_add(system).saturating_mul(1_000 / TICKS));
    let memory = kilobytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    Some(Usage { cpu, memory })
}

/// The bytes of a line such as `MemAvailable:   1234 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes for people: `43.5 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let (mut value, mut unit) = (count as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match value < 99.95 {
        true => format!("{value:.1} {}", UNITS[unit]),
        false => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        maps: Some(65_530),
        maps_taken: 100,
        files: 20_000,
        ports: Some(28_232),
        memory: Some(8 << 30),
    };
    const PER_VU: PerVu = PerVu { maps: 7.0, addresses: 4 << 30, memory: Some(64 << 10) };

    #[test]
    fn this_process_uses_memory_and_more_time_as_it_computes() {
        let before = usage().unwrap();
        assert!(before.memory > 1 << 20, "{before:?}");
        while usage().unwrap().cpu <= before.cpu {}
    }

    #[test]
    fn what_runs_out_first_stands_first_and_says_how_many_fit() {
        let walls = MACHINE.walls(PER_VU, 25_000);
        let told: Vec<_> = walls.iter().map(|wall| (wall.what, wall.fits, wall.holds())).collect();
        assert_eq!(
            told,
            [
                (What::Maps, 9_275, false),
                (What::Files, 19_936, false),
                (What::Ports, 28_232, true),
                (What::Addresses, 32_512, true),
                (What::Memory, 131_072, true),
            ]
        );
        let unknown = Machine { maps: None, ports: None, memory: None, ..MACHINE };
        assert_eq!(unknown.walls(PER_VU, 1).len(), 2, "what is not told has no limit");
    }

    #[test]
    fn vus_lie_compactly_where_there_are_no_maps_for_them_apart_and_memory_for_their_copies() {
        let small = 100 << 10;
        for (vus, image, expected) in [
            (9_275, small, Layout::Apart),
            (9_276, small, Layout::Compact),
            (40_000, small, Layout::Compact),
            (60_000, small, Layout::Apart),
            (10_000, 11 << 20, Layout::Apart),
        ] {
            assert_eq!(layout(&MACHINE, PER_VU, image, vus), expected, "{vus} VUs of {image}");
        }
        let generous = Machine { maps: Some(1 << 20), ..MACHINE };
        assert_eq!(layout(&generous, PER_VU, small, 20_000), Layout::Apart);
        assert_eq!(layout(&generous, PER_VU, small, 33_000), Layout::Compact, "addresses run out");
    }

    #[test]
    fn there_may_be_as_many_as_fit_apart_or_compactly() {
        let with = |machine: Machine, image| most(&machine, PER_VU, image);
        assert_eq!(with(MACHINE, 100 << 20), 9_275, "apart, as maps allow it");
        assert_eq!(with(MACHINE, 64 << 10), 65_536, "compactly, as memory allows it");
        let small = Machine { memory: Some(36 << 20), ..MACHINE };
        assert_eq!(with(small, 100 << 20), 1_024, "of 36 KiB each");
        let unknown = Machine { maps: None, memory: None, ..MACHINE };
        assert_eq!(with(unknown, 0), u64::MAX);
    }

    #[test]
    fn vus_that_need_more_maps_than_there_are_are_refused_with_what_to_do() {
        let said = |limit, taken, maps, vus| {
            let machine = Machine { maps: Some(limit), maps_taken: taken, ..MACHINE };
            let refused =
                check(&machine, PerVu { maps, addresses: 1, memory: None }, vus, |_| {}).err();
            refused.map(|fault| anstream::adapter::strip_str(&fault.text()).to_string())
        };
        for (limit, taken, per_vu, vus) in [
            (65_530, 100, 7.0, 0),
            (65_530, 100, 7.0, 9_275),
            (65_530, 100, 12.0, 5_410),
            (7_000_600, 100, 7.0, 1_000_000),
        ] {
            assert_eq!(said(limit, taken, per_vu, vus), None, "{vus} VUs");
        }
        for (limit, taken, per_vu, vus, expected) in [
            (
                65_530,
                100,
                7.0,
                9_276,
                "error: 9276 VUs need more memory maps than this system gives a process\n  \
                 they need 65532 (7 each, 600 for the engine), and `vm.max_map_count` is 65530\n\n\
                 hint: `sysctl -w vm.max_map_count=65532` (as root) allows it, run with at most 9275 \
                 VUs in all, or with `--clamp-vus`\n",
            ),
            (
                500,
                100,
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
    fn vus_that_need_more_memory_than_is_free_are_refused_whatever_else_is_short() {
        let per_vu = PerVu { memory: Some(LEAST), ..PER_VU };
        let fault = check(&MACHINE, per_vu, 300_000, |_| {}).expect_err("it is refused");
        assert_eq!(
            anstream::adapter::strip_str(&fault.text()).to_string(),
            "error: 300000 VUs need more memory than is free\n  they need 10.3 GiB at least, and there is 8.0 GiB\n\n\
             hint: run with fewer than 233016 VUs, or with `--clamp-vus`; `wasmload doctor` says how many of this script fit\n"
        );
    }

    #[test]
    fn what_only_makes_requests_fail_is_a_warning() {
        let warnings = std::cell::RefCell::new(Vec::new());
        let machine = Machine { maps: None, files: 1_024, ..MACHINE };
        check(&machine, PER_VU, 2_000, |text| warnings.borrow_mut().push(text.to_owned()))
            .expect("it runs");
        let warnings = warnings.into_inner();
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with(
                "connections of 2000 VUs may need 2064 file descriptors, and this process may have 1024: "
            ),
            "{warnings:?}"
        );
    }

    #[test]
    fn the_systems_own_figures_are_read() {
        assert_eq!(ports("32768\t60999\n"), Some(28_232));
        assert_eq!(ports("nonsense"), None);
        let meminfo = "MemTotal:       100 kB\nMemAvailable:    64 kB\n";
        for (most, current, expected) in [
            (None, None, Some(65_536)),
            (Some("max\n"), Some("5\n"), Some(65_536)),
            (Some("4096\n"), Some("96\n"), Some(4_000)),
        ] {
            let read = |path: &str| match path {
                "/proc/meminfo" => Some(meminfo.to_owned()),
                "/sys/fs/cgroup/memory.max" => most.map(str::to_owned),
                _ => current.map(str::to_owned),
            };
            assert_eq!(available(&read), expected, "{most:?}");
        }
        assert!(resident().is_some_and(|bytes| bytes > 0));
    }

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        for (count, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (44_544, "43.5 KiB"),
            (300 << 20, "300 MiB"),
            (21_474_836_480, "20.0 GiB"),
            (127 << 40, "127 TiB"),
        ] {
            assert_eq!(bytes(count), text);
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
