//! What all scripts of a process share: the compiler, the linked interfaces, the epoch ticker.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, WasmBacktraceDetails};

use crate::bindings::LoadScript;
use crate::code_cache::{CodeCache, Digest};
use crate::contract::Names;
use crate::recording::linker::Mode;
use crate::recording::{self, Functions};
use crate::slab::{CompactMemories, CompactStacks, MEMORY_PLACE};
use crate::state::VuState;
use crate::turns::Ticks;
use crate::wasi_http;

/// How often it is looked at who computes. A thousand looks a second take some thousandths of a core; with fewer, five
/// hundred users who begin to compute at once would have seconds between them before it shows which they are.
pub(crate) const EPOCH: Duration = Duration::from_millis(1);

/// Stack for the script itself, where nothing else is said. Measured: Rust is content with a fraction, QuickJS and
/// CPython with this.
const WASM_STACK: usize = 256 << 10;

/// Stack for the script itself at most: each VU has one, and nobody needs as much.
const MOST_STACK: u64 = 64 << 20;

/// Stack for the host functions that run on a guest's fiber, above the script's own. No protocol client is
/// among them (see [`crate::side_by_side`]); unoptimised builds have larger frames.
const HOST_STACK: usize = if cfg!(debug_assertions) { 512 << 10 } else { 128 << 10 };

/// How the stacks and memories of VUs lie in the address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Each in maps of its own, with guards around it, so that most accesses need not be checked; what a memory begins
    /// with is shared until it is written to.
    #[default]
    Apart,
    /// A thousand in one map. Each access is checked, and what a memory begins with is copied: for many VUs of a script
    /// that is small.
    Compact,
}

/// Compiles scripts and holds what they link against. One serves a whole process.
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    /// What all of them link against.
    linker: Linker<VuState>,
    /// How what it makes lies in the address space.
    pub(crate) layout: Layout,
    /// Where compiled code is kept, if anywhere.
    code_cache: Option<CodeCache>,
    /// Goes with the epochs.
    pub(crate) ticks: Ticks,
    /// Those of them that are recorded, if any are.
    pub(crate) functions: Arc<Functions>,
    /// Dropping it ends the ticker's thread.
    _ticker: Sender<()>,
}

/// The engine could not be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("set up the WebAssembly engine: {0:#}")]
pub struct EngineError(wasmtime::Error);

impl Engine {
    /// Sets up the compiler and starts the epoch ticker.
    ///
    /// Fails with [`EngineError`] where the processor or the system lacks what compiled code needs.
    pub fn new() -> Result<Self, EngineError> {
        Self::with_stack(WASM_STACK as u64, Layout::Apart)
    }

    /// The same, with so many bytes of stack for each VU's calls, 64 MiB at most, and laid out so.
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn with_stack(stack: u64, layout: Layout) -> Result<Self, EngineError> {
        Self::of(Mode::Free, stack, layout)
    }

    /// As [`new`](Self::new), for scripts whose host calls are logged. Each costs a little more.
    pub fn recording() -> Result<Self, EngineError> {
        Self::recording_with_stack(WASM_STACK as u64, Layout::Apart)
    }

    /// As [`recording`](Self::recording) and [`with_stack`](Self::with_stack) together.
    pub fn recording_with_stack(stack: u64, layout: Layout) -> Result<Self, EngineError> {
        Self::of(Mode::Recorded, stack, layout)
    }

    /// As [`new`](Self::new), for [`Script::replay`](crate::Script::replay) and nothing else.
    pub fn replaying() -> Result<Self, EngineError> {
        Self::of(Mode::Replayed, WASM_STACK as u64, Layout::Apart)
    }

    fn of(mode: Mode, stack: u64, layout: Layout) -> Result<Self, EngineError> {
        let stack = stack.min(MOST_STACK) as usize;
        let mut config = Config::new();
        config
            // Calls into guests block only the guest; its requests in parallel are the host's affair. The
            // concurrency of the component model would cost two microseconds a call for nothing.
            .concurrency_support(false)
            .epoch_interruption(true)
            .max_wasm_stack(stack)
            .async_stack_size(stack + HOST_STACK)
            // A guest that is dropped in mid-call unwinds by a trap of wasmtime's own, which nobody reads. The
            // source lines of those that are read are looked up in `source_lines`.
            .wasm_backtrace_details(WasmBacktraceDetails::Disable);
        if layout == Layout::Compact {
            config
                .with_host_stack(Arc::new(CompactStacks::new(stack + HOST_STACK, HOST_STACK)))
                .with_host_memory(Arc::new(CompactMemories::new()))
                // Such memories cannot show a file's pages in place of their own.
                .memory_init_cow(false)
                .memory_reservation(MEMORY_PLACE as u64)
                .memory_reservation_for_growth(0)
                .memory_guard_size(0)
                .memory_may_move(true);
        }
        let wasmtime = wasmtime::Engine::new(&config).map_err(EngineError)?;
        let (linker, functions) = link(&wasmtime, mode).map_err(EngineError)?;
        let functions = Arc::new(functions);
        let ticks = Ticks::default();
        let ticker = tick(&wasmtime, ticks.clone());
        Ok(Self { wasmtime, linker, layout, code_cache: None, ticks, functions, _ticker: ticker })
    }

    /// Keeps what it compiles there, and takes from there what it compiled before.
    #[must_use]
    pub fn with_code_cache(self, code_cache: CodeCache) -> Self {
        Self { code_cache: Some(code_cache), ..self }
    }

    /// Compiles a component, whose SHA-256 is known, unless it is kept.
    pub(crate) fn compile(&self, component: &[u8], digest: &Digest) -> wasmtime::Result<Component> {
        match &self.code_cache {
            Some(cache) => cache.component(&self.wasmtime, component, digest),
            None => Component::from_binary(&self.wasmtime, component),
        }
    }

    /// What a script links against. What few import is linked for those few.
    pub(crate) fn linker(&self, names: &Names) -> wasmtime::Result<Cow<'_, Linker<VuState>>> {
        if !names.imports_wasi_http() {
            return Ok(Cow::Borrowed(&self.linker));
        }
        let mut linker = self.linker.clone();
        wasi_http::add_to_linker(&mut linker)?;
        Ok(Cow::Owned(linker))
    }
}

fn link(engine: &wasmtime::Engine, mode: Mode) -> wasmtime::Result<(Linker<VuState>, Functions)> {
    let mut linker = Linker::new(engine);
    // Languages' own libraries want WASI. It is there, and gives nothing away: see `VuState::new`.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let mut linker = recording::linker::Linker::new(linker, mode);
    LoadScript::add_to_linker::<_, HasSelf<_>>(&mut linker, VuState::called)?;
    if mode != Mode::Free {
        recording::standard::add_to_linker(&mut linker)?;
    }
    Ok(linker.into_parts())
}

/// Advances the epoch until the sender is dropped or the engine is gone.
fn tick(engine: &wasmtime::Engine, ticks: Ticks) -> Sender<()> {
    let (ticker, stop) = channel();
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(EPOCH) {
                match engine.upgrade() {
                    Some(engine) => {
                        ticks.advance();
                        engine.increment_epoch();
                    }
                    None => break,
                }
            }
        })
        .expect("a process that cannot start its first thread cannot run a test");
    ticker
}
