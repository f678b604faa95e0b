//! What `bindgen!` makes of the contract. The interfaces are implemented in [`crate::interface`].

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "load-script",
    imports: {
        "wasmload:script/http.[method]request.send": async | trappable,
        "wasmload:script/http.[method]pending.get": async | trappable,
        "wasmload:script/http.get": async | trappable,
        "wasmload:script/http.batch": async | trappable,
        "wasmload:script/http.wait-any": async | trappable,
        "wasmload:script/timing.sleep": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "wasmload:script/dataset.dataset": crate::interface::dataset::Dataset,
        "wasmload:script/dataset.row": crate::interface::dataset::Row,
        "wasmload:script/http.request": crate::interface::http::Request,
        "wasmload:script/http.response": crate::interface::http::Response,
        "wasmload:script/http.pending": crate::interface::http::Pending,
        "wasmload:script/metrics.counter": crate::interface::metrics::Counter,
        "wasmload:script/metrics.gauge": crate::interface::metrics::Gauge,
        "wasmload:script/metrics.rate": crate::interface::metrics::Rate,
        "wasmload:script/metrics.trend": crate::interface::metrics::Trend,
    },
});
