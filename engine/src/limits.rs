//! What the VUs of a run may take: what its plan says and, of this machine's memory, a share.

use host::Limits;
use plan::Plan;

/// What a run may take, of what there is.
const SHARE: (u64, u64) = (4, 5);

/// What each VU of a plan may take of this machine, and all of them of the memory that there is, in bytes.
pub(crate) fn limits(plan: &Plan, available: Option<u64>) -> Limits {
    let limits = &plan.limits;
    let share = || available.map_or(u64::MAX, |bytes| bytes / SHARE.1 * SHARE.0);
    Limits {
        memory_per_vu: limits.memory_per_vu,
        memory: limits.memory.unwrap_or_else(share),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_says_anything_the_hosts_own_limits_stand() {
        let plan = plan::Options::default().plan().expect("a plan");
        let limits = limits(&plan, Some(1_000));
        assert_eq!(limits, Limits { memory: 800, ..Limits::default() });
    }
}
