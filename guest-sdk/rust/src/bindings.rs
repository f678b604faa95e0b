//! What `wit-bindgen` makes of the contract. Not part of the SDK's face: see the modules beside it.

wit_bindgen::generate!({
    path: "../../wit",
    world: "load-script",
    pub_export_macro: true,
    export_macro_name: "export_script",
    default_bindings_module: "wasmload_sdk::bindings",
});
