//! The binary as a user meets it: arguments in; standard output, standard error and exit code out.

/// Bodies that are large, and streams: what is sent and received, how much memory it takes, what is refused.
mod bodies;

/// The forms in which a script may come, and scripts built for earlier engines.
mod forms;
mod go;

/// The control API: watching and changing a run while it goes on.
mod control;

/// Whoever is told that a threshold is crossed: a command, and a server by POST.
mod crossed;

/// Rows of files: who gets which, what happens when they run out, what is refused before any load.
mod datasets;

/// What a script is allowed: wants, grants, policies, politeness, the stop switch.
mod grants;

/// Scripts that try to hurt: what is said of it, and that others go on.
mod hostile;

/// Scripts in JavaScript and TypeScript: built, run, and what is said of what is wrong in one.
mod javascript;

/// Which crate may know which: DESIGN's table against `cargo metadata`.
mod house;

/// Single exchanges shown: on the terminal, and in a file that browsers' tools read.
mod observing;

/// What a run would do, told without running it.
mod plan;

/// Seeds, and failures that are recorded and replayed.
mod recording;

/// What a run leaves: samples, reports and results in files, and reports made of a result later.
mod results;

/// Servers that results go to: what they hear, and what is said of those that are not there, refuse or die.
mod sinks;

/// Where connections go: proxies, unix sockets, other places.
mod routes;

/// Runs against the demo target: counts, summaries, thresholds, interruption.
mod run;

/// HTTP/2: when it is spoken, over how many connections, and what the summary says of it.
mod http2;

/// The conformance kit: the same from every language.
mod kit;

/// Scripts written for k6, as they are.
mod k6;

/// Mistakes: what is said, and with which exit code.
mod mistakes;

/// Programs that know WASI and nothing of wasmload.
mod standard;

/// Targets that speak TLS: who is believed, and what is said of certificates that are none.
mod tls;

/// Everything that is not a run: build, new, inspect, schema, completions.
mod tools;

/// Scripts in C: scaffold, run, and what is said of those that cannot be built.
mod c;

/// Scripts in Python: scaffold, run, and what is said of those that cannot be built.
mod python;

/// The page of a run, while the run goes on.
mod web;

/// WebSockets: both sides' counts, what the summary says, and sessions that are cut off.
mod websockets;
