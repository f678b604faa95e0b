//! Where a script's code was written: from a place in its component to lines of its source.
//!
//! wasmtime could say it too, but looks it up for every trap, also for those by which it unwinds a guest that
//! is dropped in mid-call: eight milliseconds for a line that nobody reads. Here it is looked up when somebody
//! asks, and once for each place. Which of the lines is worth saying is up to `trap`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use addr2line::{Context, gimli};
use gimli::{Dwarf, EndianSlice, LittleEndian};
use parking_lot::Mutex;
use wasmparser::{Encoding, Parser, Payload};

/// How many places are remembered. A script breaks at a few; one that has more is looked up again.
const REMEMBERED: usize = 4_096;

/// A line of source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLine {
    pub(crate) file: String,
    line: Option<u32>,
    column: Option<u32>,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "{}:{line}:{column}", self.file),
            (Some(line), None) => write!(f, "{}:{line}", self.file),
            (None, _) => f.write_str(&self.file),
        }
    }
}

/// The debug information of a component.
pub(crate) struct SourceLines {
    modules: Vec<Module>,
    /// By the place in the component. Whoever looks one up keeps the lock: VUs that break together break at
    /// the same place.
    known: Mutex<HashMap<usize, Arc<[SourceLine]>>>,
}

/// A core module with debug information.
#[derive(Default)]
struct Module {
    /// Where its code section stands in the component: the addresses of DWARF count from its start.
    code: Range<usize>,
    /// Its DWARF, by the names of the sections.
    sections: BTreeMap<String, Box<[u8]>>,
}

impl SourceLines {
    /// Those of a component; none if it was built without debug information.
    pub(crate) fn of(component: &[u8]) -> Self {
        let (mut modules, mut current) = (Vec::new(), None);
        for payload in Parser::new(0).parse_all(component) {
            match payload {
                Ok(Payload::Version { encoding: Encoding::Module, .. }) => {
                    current = Some(Module::default());
                }
                Ok(Payload::CodeSectionStart { range, .. }) => {
                    if let Some(module) = &mut current {
                        module.code = range;
                    }
                }
                Ok(Payload::CustomSection(section)) if section.name().starts_with(".debug_") => {
                    if let Some(module) = &mut current {
                        module.sections.insert(section.name().to_owned(), section.data().into());
                    }
                }
                // It ends a module, or the component around it, which has none at work.
                Ok(Payload::End(_)) => {
                    modules.extend(current.take().filter(|module| !module.sections.is_empty()));
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Self { modules, known: Mutex::default() }
    }

    /// The lines that an instruction comes of, innermost first: several where functions were inlined, none
    /// if nothing says so.
    ///
    /// `offset` is the instruction's in the component, as wasmtime counts it in spite of its name for it
    /// (`module_offset`). So it says which module it belongs to.
    pub(crate) fn at(&self, offset: usize) -> Arc<[SourceLine]> {
        let Some(module) = self.modules.iter().find(|module| module.code.contains(&offset)) else {
            return Arc::default();
        };
        let mut known = self.known.lock();
        if let Some(lines) = known.get(&offset) {
            return Arc::clone(lines);
        }
        // What is broken about debug information is no reason to say nothing else of a trap.
        let lines: Arc<[SourceLine]> = module.lines(offset).unwrap_or_default().into();
        if known.len() < REMEMBERED {
            known.insert(offset, Arc::clone(&lines));
        }
        lines
    }
}

impl Module {
    fn lines(&self, offset: usize) -> Result<Vec<SourceLine>, gimli::Error> {
        let section = |id: gimli::SectionId| {
            let bytes = self.sections.get(id.name()).map_or(&[][..], |bytes| bytes);
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
        };
        // It borrows the sections, and is made afresh for each place, of which there are few.
        let context = Context::from_dwarf(Dwarf::load(section)?)?;
        let address = (offset - self.code.start) as u64;
        let mut frames = context.find_frames(address).skip_all_loads()?;
        let mut lines = Vec::new();
        while let Some(frame) = frames.next()? {
            let Some(location) = frame.location else { continue };
            let Some(file) = location.file else { continue };
            let (line, column) = (location.line, location.column);
            lines.push(SourceLine { file: file.to_owned(), line, column });
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use vu::{Iteration, Outcome, Vu};
    use wasmtime::WasmBacktrace;

    use super::*;
    use crate::engine::Engine;
    use crate::log::{Level, LogGate};
    use crate::scope::Group;
    use crate::script::Script;

    fn script(program: &str) -> Script {
        let engine = Engine::new().expect("an engine");
        Script::load(&engine, Path::new(program)).expect("the guest loads")
    }

    fn silent() -> LogGate {
        LogGate::new(Level::Error, |_| {})
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .expect("a runtime")
            .block_on(future)
    }

    #[test]
    fn a_guest_that_is_cut_off_has_nothing_looked_up() {
        let script = script(artifacts::SLEEPS);
        assert!(!script.lines.modules.is_empty(), "there is something to look up");
        block_on(async {
            let mut vu = script.offline_user(silent());
            assert_eq!(vu.start(&Arc::default()).await, Outcome::Completed);
            let iteration = Iteration::default();
            tokio::select! {
                biased;
                outcome = vu.iterate(&iteration) => panic!("it ended: {outcome:?}"),
                () = std::future::ready(()) => {}
            }
        });
        assert!(script.lines.known.lock().is_empty());
    }

    #[test]
    fn a_trap_is_looked_up_once_here_and_never_by_wasmtime() {
        let script = script(artifacts::PANICS);
        block_on(async {
            let panic = async || {
                let mut vu = script.offline_user(silent());
                assert_eq!(vu.start(&Arc::default()).await, Outcome::Completed);
                let outcome =
                    vu.call(Iteration::default(), Group::Iterations, async |exports, store| {
                        exports.iterate(store, "default").await?.expect("the first succeeds");
                        let error = exports.iterate(store, "default").await;
                        let error = error.expect_err("a panic");
                        let backtrace: &WasmBacktrace =
                            error.downcast_ref().expect("it came of a trap");
                        // What wasmtime looks up for a trap it looks up for a guest that is cut off.
                        assert!(backtrace.frames().iter().all(|frame| frame.symbols().is_empty()));
                        Err::<Result<(), String>, _>(error)
                    });
                match outcome.await {
                    Err(Outcome::Trapped(trap)) => trap.at.expect("it is known where"),
                    other => panic!("not a trap: {other:?}"),
                }
            };
            let at = panic().await;
            assert!(at.contains("panics.rs:14:"), "{at}");
            let looked_up = script.lines.known.lock().len();
            assert_ne!(looked_up, 0);
            assert_eq!(panic().await, at);
            assert_eq!(script.lines.known.lock().len(), looked_up, "it was known");
        });
    }

    #[test]
    fn a_component_without_debug_information_has_no_lines() {
        for component in ["(component)", "(component (core module (func nop)))"] {
            let bytes = wat::parse_str(component).expect("it is text");
            let lines = SourceLines::of(&bytes);
            assert!(lines.modules.is_empty());
            assert_eq!(lines.at(0)[..], []);
        }
    }

    #[test]
    fn modules_are_told_apart_by_where_their_code_stands() {
        // Two modules with (broken) debug information, and one without between them.
        let debug = r#"(@custom ".debug_info" "\ff")"#;
        let text = format!(
            "(component (core module {debug} (func nop)) (core module (func nop)) \
             (core module (func nop nop) {debug}))"
        );
        let bytes = wat::parse_str(text).expect("it is text");
        let lines = SourceLines::of(&bytes);
        let [first, last] = &lines.modules[..] else { panic!("not two modules") };
        assert!(first.code.end < last.code.start);
        // The body of a function ends with `end`, and so does the code section.
        assert_eq!(bytes[last.code.end - 3..last.code.end], [0x01, 0x01, 0x0b]);
        assert_eq!(lines.at(last.code.start)[..], [], "what is broken says nothing");
    }
}
