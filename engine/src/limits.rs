//! What the system lets this process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
