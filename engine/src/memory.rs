//! How much memory this machine has to give, and what of it a run may take.

use std::fs;

use host::Limits;
use plan::Plan;

/// What a run may take, of what there is.
const SHARE: (u64, u64) = (4, 5);

/// What each VU of a plan may take of this machine.
pub(crate) fn limits(plan: &Plan) -> Limits {
    let limits = &plan.limits;
    let available = || available().map_or(u64::MAX, |bytes| bytes / SHARE.1 * SHARE.0);
    Limits {
        memory_per_vu: limits.memory_per_vu,
        memory: limits.memory.unwrap_or_else(available),
        table_elements: limits.table_elements,
        instances: limits.instances,
        cpu_time: limits.cpu_time,
        cpu_between_calls: limits.cpu_between_calls,
        host_calls: limits.host_calls,
        handles: limits.handles,
        call_bytes: limits.call_bytes,
        tag_length: limits.tag_length,
        tags: limits.tags,
        response_bytes: limits.response_bytes,
        request_bytes: limits.request_bytes,
        row_bytes: limits.row_bytes,
        message_bytes: limits.message_bytes,
        sockets: limits.sockets,
        requests_at_once: limits.requests_at_once,
    }
}

/// How many bytes can be had: what Linux says of the machine, or the control group's limit if that is less.
fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| of_meminfo(&text));
    let read = |file: &str| fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok();
    let group = read("memory.max")
        .zip(read("memory.current"))
        .and_then(|(most, now)| of_group(&most, &now));
    machine.into_iter().chain(group).min()
}

fn of_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// None if there is no limit.
fn of_group(most: &str, now: &str) -> Option<u64> {
    let (most, now): (u64, u64) = (most.trim().parse().ok()?, now.trim().parse().ok()?);
    Some(most.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_what_the_system_says() {
        let text = "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:   20480000 kB\n";
        assert_eq!(of_meminfo(text), Some(20_480_000 << 10));
        assert_eq!(of_meminfo("MemTotal: 1 kB\n"), None);
        assert_eq!(of_group("1000\n", "400\n"), Some(600));
        assert_eq!(of_group("max\n", "400\n"), None);
    }

    #[test]
    fn where_nobody_says_anything_the_hosts_own_limits_stand() {
        let plan = plan::Options::default().plan().expect("a plan");
        let limits = limits(&plan);
        let expected = Limits { memory: limits.memory, ..Limits::default() };
        assert_eq!(limits, expected);
        assert!(limits.memory > 0);
    }
}
