//! The flags that say what a script may take of the machine: `--max-` and the name of each limit.
//!
//! What the limits are, `plan` says; these are its `limits`, and stand above those of files. A script's own options only
//! make one narrower.

use clap::Args;
use plan::{Length, LimitOptions, Size};

use super::options::{duration, whole};

/// Limits asked for by flags or, where one is not given, by the environment.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits (what a script may take of this machine)")]
pub(crate) struct LimitFlags {
    /// The linear memory of a VU, such as 512MiB [default: 256MiB]
    #[arg(long, env = "WASMLOAD_MAX_MEMORY_PER_VU", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_memory_per_vu: Option<Size>,

    /// The linear memory of all VUs together [default: four fifths of what the machine has available]
    #[arg(long, env = "WASMLOAD_MAX_MEMORY", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_memory: Option<Size>,

    /// Elements in all tables of a VU [default: 100000]
    #[arg(long, env = "WASMLOAD_MAX_TABLE_ELEMENTS", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_table_elements: Option<u32>,

    /// Core instances in a VU's component, and as many memories and tables [default: 200]
    #[arg(long, env = "WASMLOAD_MAX_INSTANCES", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_instances: Option<u32>,

    /// The stack of a VU's calls, 64MiB at most [default: 256KiB]
    #[arg(long, env = "WASMLOAD_MAX_STACK", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_stack: Option<Size>,

    /// How long a VU may compute in one iteration [default: 1m]
    #[arg(long, env = "WASMLOAD_MAX_CPU_TIME", hide_env_values = true, value_name = "DURATION", value_parser = duration)]
    max_cpu_time: Option<Length>,

    /// How long a VU may compute without asking the engine for anything [default: 10s]
    #[arg(long, env = "WASMLOAD_MAX_CPU_BETWEEN_CALLS", hide_env_values = true, value_name = "DURATION", value_parser = duration)]
    max_cpu_between_calls: Option<Length>,

    /// How long an iteration may take, waiting included [default: without end]
    #[arg(long, env = "WASMLOAD_MAX_ITERATION_TIME", hide_env_values = true, value_name = "DURATION", value_parser = duration)]
    max_iteration_time: Option<Length>,

    /// Calls of a VU into the engine in a second [default: 1000000]
    #[arg(long, env = "WASMLOAD_MAX_HOST_CALLS", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_host_calls: Option<u32>,

    /// Handles that a VU has at once: requests, responses, metrics, rows, streams [default: 65536]
    #[arg(long, env = "WASMLOAD_MAX_HANDLES", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_handles: Option<u32>,

    /// Bytes that a VU hands over in one call [default: 128MiB]
    #[arg(long, env = "WASMLOAD_MAX_CALL_BYTES", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_call_bytes: Option<Size>,

    /// Messages of scripts that are shown in a second; those beyond it are left out and counted [default: 100]
    #[arg(long, env = "WASMLOAD_MAX_LOG_LINES", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_log_lines: Option<u32>,

    /// Bytes in a tag, in the name of a check and in that of a request [default: 1024]
    #[arg(long, env = "WASMLOAD_MAX_TAG_LENGTH", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_tag_length: Option<u32>,

    /// Tags that a script gives one request or one sample [default: 50]
    #[arg(long, env = "WASMLOAD_MAX_TAGS", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_tags: Option<u32>,

    /// Metrics of scripts' own [default: 1000]
    #[arg(long, env = "WASMLOAD_MAX_METRICS", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_metrics: Option<u32>,

    /// Sets of tags that are told apart; samples beyond it are counted together [default: 10000]
    #[arg(long, env = "WASMLOAD_MAX_SERIES", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_series: Option<u32>,

    /// Bytes of responses that a VU has at once [default: 256MiB]
    #[arg(long, env = "WASMLOAD_MAX_RESPONSE_BYTES", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_response_bytes: Option<Size>,

    /// Bytes of requests that a VU has at once [default: 256MiB]
    #[arg(long, env = "WASMLOAD_MAX_REQUEST_BYTES", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_request_bytes: Option<Size>,

    /// Bytes of datasets' rows that a VU has at once [default: 64MiB]
    #[arg(long, env = "WASMLOAD_MAX_ROW_BYTES", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_row_bytes: Option<Size>,

    /// Bytes of WebSocket messages that a VU has at once [default: 256MiB]
    #[arg(long, env = "WASMLOAD_MAX_MESSAGE_BYTES", hide_env_values = true, value_name = "SIZE", value_parser = size)]
    max_message_bytes: Option<Size>,

    /// WebSockets that a VU has open at once [default: 255]
    #[arg(long, env = "WASMLOAD_MAX_SOCKETS", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_sockets: Option<u32>,

    /// Requests that a VU has on their way at once [default: 1000]
    #[arg(long, env = "WASMLOAD_MAX_REQUESTS_AT_ONCE", hide_env_values = true, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true)]
    max_requests_at_once: Option<u32>,

    /// How often the script of a scenario may break, on all its VUs together, before the scenario is ended [default: 10000]
    #[arg(long, env = "WASMLOAD_MAX_RESTARTS", hide_env_values = true, value_name = "N", value_parser = restarts, allow_negative_numbers = true)]
    max_restarts: Option<u32>,
}

impl LimitFlags {
    /// They as options.
    pub(crate) fn options(&self) -> Option<LimitOptions> {
        let limits = LimitOptions {
            memory_per_vu: self.max_memory_per_vu,
            memory: self.max_memory,
            table_elements: self.max_table_elements,
            instances: self.max_instances,
            stack: self.max_stack,
            cpu_time: self.max_cpu_time,
            cpu_between_calls: self.max_cpu_between_calls,
            iteration_time: self.max_iteration_time,
            host_calls: self.max_host_calls,
            handles: self.max_handles,
            call_bytes: self.max_call_bytes,
            log_lines: self.max_log_lines,
            tag_length: self.max_tag_length,
            tags: self.max_tags,
            metrics: self.max_metrics,
            series: self.max_series,
            response_bytes: self.max_response_bytes,
            request_bytes: self.max_request_bytes,
            row_bytes: self.max_row_bytes,
            message_bytes: self.max_message_bytes,
            sockets: self.max_sockets,
            requests_at_once: self.max_requests_at_once,
            restarts: self.max_restarts,
        };
        (limits != LimitOptions::default()).then_some(limits)
    }
}

/// Reads a number of bytes.
fn size(text: &str) -> Result<Size, String> {
    text.trim().parse().map_err(|error: plan::SizeError| format!("it {error}"))
}

/// Reads a number that may be none.
fn restarts(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "it must be a whole number".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: LimitFlags,
    }

    #[test]
    fn flags_are_limits_that_say_only_what_was_typed() {
        let options = |line: &[&str]| {
            let line = ["run"].iter().chain(line);
            Line::try_parse_from(line).map(|line| line.flags.options())
        };
        assert_eq!(options(&[]).expect("nothing"), None);
        let typed = ["--max-memory-per-vu", "1GiB", "--max-cpu-time", "5s", "--max-restarts", "0"];
        let limits = options(&typed).expect("they are read").expect("limits");
        let expected = LimitOptions {
            memory_per_vu: Some(Size::new(1 << 30)),
            cpu_time: Some(std::time::Duration::from_secs(5).into()),
            restarts: Some(0),
            ..LimitOptions::default()
        };
        assert_eq!(limits, expected);
        for wrong in [["--max-memory", "lots"], ["--max-cpu-time", "5"], ["--max-handles", "-1"]] {
            assert!(options(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_limit_of_the_options_has_its_flag() {
        let schema = plan::schema();
        let limits = schema.pointer("/properties/limits/properties").expect("limits are options");
        let options: Vec<String> = limits.as_object().expect("several").keys().cloned().collect();
        let mut flags: Vec<String> = Line::command()
            .get_arguments()
            .filter_map(|flag| flag.get_id().as_str().strip_prefix("max_"))
            .map(|name| {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |name, word| {
                    let (start, rest) = word.split_at(1);
                    name + &start.to_uppercase() + rest
                })
            })
            .collect();
        flags.sort_unstable();
        let mut options = options;
        options.sort_unstable();
        assert_eq!(flags, options);
    }
}
