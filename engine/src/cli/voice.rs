//! The flags that say how much a script may tell, and whether in colour.

use clap::Args;

/// How scripts and errors are heard.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Voice {
    /// Show the script's debug messages too
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,

    /// No colours; NO_COLOR in the environment does the same
    #[arg(long)]
    pub(crate) no_color: bool,
}

impl Voice {
    /// Keeps colours out of everything from here on, if it was asked for.
    pub(super) fn obey(self) {
        if self.no_color {
            // Also for faults, and for the tools that are started.
            anstream::ColorChoice::Never.write_global();
        }
    }
}
