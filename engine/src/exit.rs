//! The codes that the process ends with: k6's where k6 has one, from 120 on our own.

use std::fmt::Write as _;

/// Says each code once: as a variant, as its documentation, and as its line of the help.
macro_rules! exit_codes {
    ($($code:ident = $number:literal, $meaning:literal;)*) => {
        /// How it went. This is the one place where the codes are said; `wasmload run --help` prints it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum ExitCode {
            $(#[doc = $meaning] $code = $number,)*
        }

        /// Each code and what it says, in the order of their numbers.
        const CODES: &[(ExitCode, &str)] = &[$((ExitCode::$code, $meaning)),*];
    };
}

exit_codes! {
    Success = 0, "everything held";
    Unexpected = 1, "something failed that has no code of its own, such as writing a file";
    Thresholds = 99, "a threshold was crossed";
    SetupTimeout = 100, "`setup` took longer than it may";
    TeardownTimeout = 101, "`teardown` took longer than it may";
    InvalidConfig = 104, "a flag, a variable, an options file or a script's options are invalid";
    Interrupted = 105, "interrupted from outside (Ctrl-C)";
    ScriptError = 107, "`options`, `setup` or `teardown` failed";
    Aborted = 108, "the script asked for the run to end";
    EngineFault = 109, "the engine itself broke: a mistake in wasmload";
    LoadFailed = 120, "the script cannot be read, or is no component that this engine can run";
    BuildFailed = 121, "the script could not be compiled from its source";
    NotReproduced = 122, "`wasmload replay` saw something else than was recorded";
    RestartsExceeded = 123, "a script broke more often than `--max-restarts` allows";
    NotAllowed = 124, "the script wants what it was not given, and nobody allowed it";
}

impl ExitCode {
    /// The number that the process ends with.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The table for a help page.
    pub(crate) fn table() -> String {
        let mut table = String::from("Exit codes:\n");
        for (code, meaning) in CODES {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "  {:>3}  {meaning}", code.number());
        }
        table
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_k6_has_are_k6s_and_ours_begin_at_120() {
        let k6 = [0, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110];
        for (code, _) in CODES {
            let number = code.number();
            // k6 ends with 255 where it has no code; that is the shell's for "not even started".
            assert!(k6.contains(&number) || number == 1 || number >= 120, "{code:?}");
        }
        for (code, number) in [
            (ExitCode::Thresholds, 99),
            (ExitCode::SetupTimeout, 100),
            (ExitCode::TeardownTimeout, 101),
            (ExitCode::InvalidConfig, 104),
            (ExitCode::Interrupted, 105),
            (ExitCode::ScriptError, 107),
            (ExitCode::Aborted, 108),
            (ExitCode::EngineFault, 109),
        ] {
            assert_eq!(code.number(), number);
        }
    }

    #[test]
    fn the_table_says_each_code_in_order() {
        let numbers: Vec<u8> = CODES.iter().map(|(code, _)| code.number()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        for (code, meaning) in CODES {
            assert!(ExitCode::table().contains(&format!("{:>3}  {meaning}\n", code.number())));
        }
    }
}
