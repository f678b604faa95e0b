//! What a script is, and how the engine finds it.

use std::fmt;

/// Why an iteration, a login or a setup failed, for people to read.
///
/// `?` makes one from anything that can be displayed: an [`http::Error`](crate::http::Error), a string,
/// an error of another crate.
pub struct Failure(String);

impl Failure {
    /// The reason.
    #[must_use]
    pub fn into_message(self) -> String {
        self.0
    }
}

impl<T: fmt::Display> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self(reason.to_string())
    }
}

// `Display` is missing on purpose: with it, the conversion above would cover `Failure` itself and clash
// with the standard library's own.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the functions of a script return: nothing, or why it failed.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// A virtual user: what it remembers, and what it does.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// script!(for Shopper);
///
/// struct Shopper {
///     token: String,
/// }
///
/// impl Script for Shopper {
///     const FLOWS: &'static [&'static str] = &["browse", "buy"];
///     const OPTIONS: &'static str = r#"{
///         "scenarios": {
///             "browse": { "executor": "constant-vus", "vus": 9, "duration": "10s", "exec": "browse" },
///             "buy": { "executor": "constant-vus", "vus": 1, "duration": "10s", "exec": "buy" }
///         }
///     }"#;
///
///     fn start(_data: &[u8]) -> Result<Self> {
///         let login = Request::post(&base_url("/login"))
///             .json(&json!({ "user": format!("user{}", context::vu()), "password": "pass" }))
///             .send()?
///             .expect_status(200)?;
///         Ok(Self { token: login.pointer_str("/token").ok_or("the login gave no token")? })
///     }
///
///     fn iterate(&mut self, flow: &str) -> Result {
///         match flow {
///             "browse" => {
///                 let catalogue = http::get(&base_url("/catalogue"))?;
///                 check("catalogue is up", catalogue.status() == 200);
///             }
///             "buy" => {
///                 let order = Request::post(&base_url("/checkout")).bearer(&self.token).send()?;
///                 check("order is taken", order.status() == 201);
///             }
///             other => return Err(format!("there is no flow `{other}`").into()),
///         }
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
pub trait Script: Sized + 'static {
    /// The options that the script was written for, as JSON in the schema of the options file. The
    /// command line, the environment and a configuration file override them.
    const OPTIONS: &'static str = "";

    /// The flows that it has. An `exec` or a weight of another name is refused before any load; where
    /// nothing is said here, [`iterate`](Self::iterate) meets it.
    const FLOWS: &'static [&'static str] = &[];

    /// Prepares the run, once, and returns bytes for every user's `start` and for `teardown`.
    ///
    /// A failure ends the run before any load.
    fn setup() -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Makes this virtual user, once, before its first iteration. `data` is what `setup` returned.
    ///
    /// On a failure the user does not iterate; it tries again later.
    fn start(data: &[u8]) -> Result<Self>;

    /// Runs one iteration. `flow` is the scenario's `exec`, `default` unless set otherwise.
    ///
    /// A failure fails this iteration, and the user goes on with the next.
    fn iterate(&mut self, flow: &str) -> Result;

    /// Ends this user, after its last iteration. Not called on a user that is cut off.
    fn stop(&mut self) {}

    /// Ends the run, once. `data` is what `setup` returned.
    fn teardown(data: &[u8]) -> Result {
        let _ = data;
        Ok(())
    }
}

/// The options of a script, and its flows among them.
#[doc(hidden)]
#[must_use]
pub fn options_of<S: Script>() -> String {
    let options = S::OPTIONS.trim();
    if S::FLOWS.is_empty() {
        return options.to_owned();
    }
    // Names without control characters are written in Rust as in JSON.
    let flows = format!("\"flows\":{:?}", S::FLOWS);
    // As text, so that whatever is wrong in it is told of as it was written.
    match options.strip_prefix('{') {
        None if options.is_empty() => ["{", &flows, "}"].concat(),
        None => options.to_owned(),
        Some(rest) if rest.trim_start().starts_with('}') => ["{", &flows, rest].concat(),
        Some(rest) => ["{", &flows, ",", rest].concat(),
    }
}

/// Makes a function or a [`Script`] the script of this crate. Used once, at the top.
///
/// * `script!(iterate);` for `fn iterate() -> Result`;
/// * `script!(iterate, options = r#"{ "vus": 10, "duration": "1m" }"#);` to say with what load;
/// * `script!(for Shopper);` for a type that implements [`Script`].
#[macro_export]
macro_rules! script {
    (for $script:ty) => {
        #[doc(hidden)]
        mod __wasmload {
            use super::*;
            use $crate::bindings::exports::wasmload::script::script::Guest;

            ::std::thread_local! {
                static USER: ::std::cell::RefCell<::std::option::Option<$script>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            struct Exported;

            impl Guest for Exported {
                fn options() -> ::std::string::String {
                    $crate::options_of::<$script>()
                }

                fn setup() -> ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String> {
                    <$script as $crate::Script>::setup().map_err($crate::Failure::into_message)
                }

                fn start(
                    data: ::std::vec::Vec<u8>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    let user = <$script as $crate::Script>::start(&data)
                        .map_err($crate::Failure::into_message)?;
                    USER.set(::std::option::Option::Some(user));
                    ::std::result::Result::Ok(())
                }

                fn iterate(
                    flow: ::std::string::String,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    USER.with_borrow_mut(|user| {
                        let user = user.as_mut().ok_or("`iterate` was called before `start`")?;
                        $crate::Script::iterate(user, &flow)
                            .map_err($crate::Failure::into_message)
                    })
                }

                fn stop() {
                    if let ::std::option::Option::Some(mut user) = USER.take() {
                        $crate::Script::stop(&mut user);
                    }
                }

                fn teardown(
                    data: ::std::vec::Vec<u8>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    <$script as $crate::Script>::teardown(&data)
                        .map_err($crate::Failure::into_message)
                }
            }

            $crate::bindings::export_script!(Exported with_types_in $crate::bindings);
        }
    };
    ($iterate:path) => {
        $crate::script!($iterate, options = "");
    };
    ($iterate:path, options = $options:expr) => {
        #[doc(hidden)]
        struct __Iterate;

        impl $crate::Script for __Iterate {
            const OPTIONS: &'static str = $options;
            const FLOWS: &'static [&'static str] = &["default"];

            fn start(_data: &[u8]) -> $crate::Result<Self> {
                ::std::result::Result::Ok(Self)
            }

            fn iterate(&mut self, _flow: &str) -> $crate::Result {
                $iterate()
            }
        }

        $crate::script!(for __Iterate);
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Of<const N: usize>;

    const WRITTEN: [&str; 5] = ["", "{}", " { } ", r#"{ "vus": 3 }"#, "not JSON"];

    impl<const N: usize> Script for Of<N> {
        const OPTIONS: &'static str = WRITTEN[N];
        const FLOWS: &'static [&'static str] = &["a", "b\"c"];

        fn start(_data: &[u8]) -> Result<Self> {
            Ok(Self)
        }

        fn iterate(&mut self, _flow: &str) -> Result {
            Ok(())
        }
    }

    #[test]
    fn flows_stand_among_the_options() {
        let flows = r#""flows":["a", "b\"c"]"#;
        for (options, expected) in [
            (options_of::<Of<0>>(), ["{", flows, "}"].concat()),
            (options_of::<Of<1>>(), ["{", flows, "}"].concat()),
            (options_of::<Of<2>>(), ["{", flows, " }"].concat()),
            (options_of::<Of<3>>(), ["{", flows, ", \"vus\": 3 }"].concat()),
            (options_of::<Of<4>>(), "not JSON".to_owned()),
        ] {
            assert_eq!(options, expected);
        }
    }
}
