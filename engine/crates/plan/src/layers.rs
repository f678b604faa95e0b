//! What stands when several layers of options say something.
//!
//! Precedence is the caller's: defaults, script, file, environment, flags, each laid over the one before.

use std::collections::BTreeMap;

use crate::{Options, dataset};

impl Options {
    /// Lays these options over `lower` ones, as k6 does.
    ///
    /// A value given here takes the place of the lower one; `tags`, `env`, `hosts` and `thresholds` do so
    /// key by key, and `datasets`, `dns` and `limits` option by option. What runs is one decision: if any of `duration`, `iterations`,
    /// `stages`, `rate` and `scenarios` is given here, those of the lower layer no longer count, and neither
    /// do its `scenarios` if `vus` is given here.
    ///
    /// | here | below | stands |
    /// | --- | --- | --- |
    /// | `duration` | `vus`, `iterations` | the lower `vus`, `duration` |
    /// | `duration` | `scenarios` | `duration` |
    /// | `vus` | `vus`, `duration` | the upper `vus`, `duration` |
    /// | `vus` | `scenarios` | `vus`, with a warning |
    /// | `tags` a, b | `tags` b, c | a, the upper b, c |
    ///
    /// Of three layers it does not matter which two are combined first.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        let by_script = lower.by_script.clone().under(&self).and(&self.by_script);
        let decides = self.duration.is_some()
            || self.iterations.is_some()
            || self.stages.is_some()
            || self.rate.is_some()
            || self.scenarios.is_some();
        let (stages, rate, preset) = if decides {
            (self.stages, self.rate, self.preset)
        } else {
            (lower.stages, lower.rate, lower.preset)
        };
        let (duration, iterations, scenarios, warnings) = if decides {
            (self.duration, self.iterations, self.scenarios, self.warnings)
        } else {
            let (mut scenarios, mut warnings) = (lower.scenarios, lower.warnings);
            warnings.extend(self.warnings);
            if self.vus.is_some()
                && let Some(scenarios) = &mut scenarios
                && !scenarios.is_empty()
            {
                // None, and not nothing said: a layer below has been decided against.
                scenarios.clear();
                warnings.push(
                    "`vus` was given alone and takes the place of `scenarios`: \
                     the VUs share as many iterations as they are"
                        .to_owned(),
                );
            }
            (lower.duration, lower.iterations, scenarios, warnings)
        };

        Self {
            schema: self.schema.or(lower.schema),
            vus: self.vus.or(lower.vus),
            duration,
            iterations,
            stages,
            rate,
            preset,
            rps: self.rps.or(lower.rps),
            graceful_stop: self.graceful_stop.or(lower.graceful_stop),
            scenarios,
            thresholds: merged(self.thresholds, lower.thresholds),
            on_no_data: self.on_no_data.or(lower.on_no_data),
            tags: merged(self.tags, lower.tags),
            group_urls: self.group_urls.or(lower.group_urls),
            env: merged(self.env, lower.env),
            min_iteration_duration: self.min_iteration_duration.or(lower.min_iteration_duration),
            isolation: self.isolation.or(lower.isolation),
            seed: self.seed.or(lower.seed),
            // Told by the script; nobody else knows.
            flows: self.flows.or(lower.flows),
            datasets: dataset::over(self.datasets, lower.datasets),
            setup_timeout: self.setup_timeout.or(lower.setup_timeout),
            teardown_timeout: self.teardown_timeout.or(lower.teardown_timeout),
            request_timeout: self.request_timeout.or(lower.request_timeout),
            connect_timeout: self.connect_timeout.or(lower.connect_timeout),
            hosts: merged(self.hosts, lower.hosts),
            connect_to: self.connect_to.or(lower.connect_to),
            unix_socket: self.unix_socket.or(lower.unix_socket),
            by_script,
            // Told by the script; nobody else knows.
            wants: self.wants.or(lower.wants),
            // Told by the script, as what it wished for.
            wished_sockets: lower.wished_sockets.into_iter().chain(self.wished_sockets).collect(),
            proxy: self.proxy.or(lower.proxy),
            no_proxy: self.no_proxy.or(lower.no_proxy),
            dns: match (self.dns, lower.dns) {
                (Some(upper), Some(lower)) => Some(upper.over(lower)),
                (upper, lower) => upper.or(lower),
            },
            local_ips: self.local_ips.or(lower.local_ips),
            no_connection_reuse: self.no_connection_reuse.or(lower.no_connection_reuse),
            no_vu_connection_reuse: self.no_vu_connection_reuse.or(lower.no_vu_connection_reuse),
            insecure_skip_tls_verify: self
                .insecure_skip_tls_verify
                .or(lower.insecure_skip_tls_verify),
            tls_version: self.tls_version.or(lower.tls_version),
            tls_auth: self.tls_auth.or(lower.tls_auth),
            tls_roots: self.tls_roots.or(lower.tls_roots),
            tls_session_resumption: self.tls_session_resumption.or(lower.tls_session_resumption),
            user_agent: self.user_agent.or(lower.user_agent),
            discard_response_bodies: self.discard_response_bodies.or(lower.discard_response_bodies),
            files: merged(self.files, lower.files),
            max_redirects: self.max_redirects.or(lower.max_redirects),
            http_version: self.http_version.or(lower.http_version),
            no_cookies_reset: self.no_cookies_reset.or(lower.no_cookies_reset),
            limits: match (self.limits, lower.limits) {
                (Some(upper), Some(lower)) => Some(upper.over(lower)),
                (upper, lower) => upper.or(lower),
            },
            wished_limits: self.wished_limits.narrower(lower.wished_limits),
            summary_trend_stats: self.summary_trend_stats.or(lower.summary_trend_stats),
            no_setup: self.no_setup.or(lower.no_setup),
            no_teardown: self.no_teardown.or(lower.no_teardown),
            warnings,
        }
    }
}

/// Both maps, the upper one's values where both have a key.
fn merged<T>(
    upper: Option<BTreeMap<String, T>>,
    lower: Option<BTreeMap<String, T>>,
) -> Option<BTreeMap<String, T>> {
    match (upper, lower) {
        (Some(upper), Some(mut lower)) => {
            lower.extend(upper);
            Some(lower)
        }
        (upper, lower) => upper.or(lower),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse_json;

    fn stands(upper: &str, lower: &str) -> Options {
        parse_json(upper).unwrap().over(parse_json(lower).unwrap())
    }

    #[test]
    fn the_upper_layer_has_precedence() {
        for (upper, lower, stands_json, why) in [
            (r#"{}"#, r#"{"vus":2}"#, r#"{"vus":2}"#, "what is not given above stands below"),
            (r#"{"vus":1}"#, r#"{"vus":2}"#, r#"{"vus":1}"#, "a value takes the lower one's place"),
            (
                r#"{"isolation":"vu","onNoData":"pass"}"#,
                r#"{"isolation":"iteration","onNoData":"fail","flows":["default"]}"#,
                r#"{"isolation":"vu","onNoData":"pass","flows":["default"]}"#,
                "what a program says about instances is a default",
            ),
            (
                r#"{"duration":"1s"}"#,
                r#"{"vus":2,"iterations":9}"#,
                r#"{"vus":2,"duration":"1s"}"#,
                "one way to run takes another's place and keeps the number of VUs",
            ),
            (
                r#"{"iterations":9}"#,
                r#"{"duration":"1s"}"#,
                r#"{"iterations":9}"#,
                "they are not combined over layers",
            ),
            (
                r#"{"iterations":9,"duration":"1s"}"#,
                r#"{"duration":"5s"}"#,
                r#"{"iterations":9,"duration":"1s"}"#,
                "but in one layer they are",
            ),
            (
                r#"{"duration":"1s"}"#,
                r#"{"scenarios":{"a":{"executor":"shared-iterations"}}}"#,
                r#"{"duration":"1s"}"#,
                "a shortcut takes the place of scenarios",
            ),
            (
                r#"{"stages":[{"duration":"1s","target":2}]}"#,
                r#"{"duration":"9s","rate":5,"vus":3}"#,
                r#"{"stages":[{"duration":"1s","target":2}],"vus":3}"#,
                "so do stages",
            ),
            (
                r#"{"rate":5,"duration":"1s"}"#,
                r#"{"stages":[{"duration":"1s","target":2}]}"#,
                r#"{"rate":5,"duration":"1s"}"#,
                "and a rate",
            ),
            (
                r#"{"scenarios":{"a":{"executor":"shared-iterations"}}}"#,
                r#"{"duration":"1s","scenarios":{"b":{"executor":"shared-iterations"}}}"#,
                r#"{"scenarios":{"a":{"executor":"shared-iterations"}}}"#,
                "scenarios are not mixed over layers",
            ),
            (
                r#"{"vus":3}"#,
                r#"{"scenarios":{"b":{"executor":"shared-iterations"}}}"#,
                r#"{"vus":3,"scenarios":{}}"#,
                "the number of VUs alone takes the place of scenarios",
            ),
            (
                r#"{"tags":{"a":"1","b":"1"},"env":{"A":"1"},"thresholds":{"checks":["rate>0"]}}"#,
                r#"{"tags":{"b":"2","c":"2"},"env":{"B":"2"},"thresholds":{"checks":["rate>1"],"vus":["value>0"]}}"#,
                r#"{"tags":{"a":"1","b":"1","c":"2"},"env":{"A":"1","B":"2"},"thresholds":{"checks":["rate>0"],"vus":["value>0"]}}"#,
                "maps are combined key by key",
            ),
        ] {
            let mut found = stands(upper, lower);
            found.warnings.clear();
            assert_eq!(found, parse_json(stands_json).unwrap(), "{why}");
        }
    }

    #[test]
    fn scenarios_replaced_by_vus_alone_are_told_of() {
        let script = r#"{"scenarios":{"b":{"executor":"shared-iterations"}}}"#;
        assert_eq!(stands(r#"{"vus":3}"#, script).warnings.len(), 1);
        assert_eq!(stands(r#"{"vus":3,"duration":"1s"}"#, script).warnings.len(), 0);
        let again = stands(r#"{"duration":"1s"}"#, "{}").over(stands(r#"{"vus":3}"#, script));
        assert_eq!(again.warnings.len(), 0, "nor where another way to run came after");
    }

    prop_compose! {
        fn layers()(
            vus in proptest::option::of(1..9_u32),
            seconds in proptest::option::of(1..9_u64),
            iterations in proptest::option::of(1..9_u64),
            scenarios in proptest::option::of(0..3_usize),
            tags in proptest::option::of(proptest::collection::btree_map("[a-c]", "[x-z]", 0..3)),
            no_setup in proptest::option::of(any::<bool>()),
        ) -> Options {
            let scenario = r#"{"executor":"shared-iterations"}"#;
            let scenario = || serde_json::from_str(scenario).unwrap();
            Options {
                vus,
                duration: seconds.map(|seconds| std::time::Duration::from_secs(seconds).into()),
                iterations,
                scenarios: scenarios
                    .map(|count| (0..count).map(|n| (n.to_string(), scenario())).collect()),
                tags,
                no_setup,
                ..Options::default()
            }
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_which_layers_are_combined_first(
            top in layers(),
            middle in layers(),
            bottom in layers(),
        ) {
            let mut one = top.clone().over(middle.clone()).over(bottom.clone());
            let mut other = top.over(middle.over(bottom));
            // How often it is told of may differ, not whether.
            one.warnings.dedup();
            other.warnings.dedup();
            prop_assert_eq!(one, other);
        }

        #[test]
        fn no_options_change_nothing(layer in layers()) {
            prop_assert_eq!(layer.clone().over(Options::default()), layer.clone());
            prop_assert_eq!(Options::default().over(layer.clone()), layer);
        }
    }
}
