//! Those functions of WASI that do not say the same each time: the clocks, chance, and what is ready.
//!
//! All other functions of WASI that a script gets answer by what the script did before, and do the same on replay.
//! They stand in the library's place in the linker, and do what the library does.

use ::wasmtime::Result;
use ::wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::io::poll;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::recording::linker::Linker;
use crate::recording::taped::Taped as _;
use crate::state::VuState;
use wasmtime_wasi::clocks::WasiClocksView as _;

/// The version that the library has. Were it another one, these would stand beside the library's, and no script would
/// find them; a test of the host does not hold then.
const VERSION: &str = "0.2.12";

/// Puts them in the place of the library's.
pub(crate) fn add_to_linker(linker: &mut Linker<VuState>) -> Result<()> {
    linker.allow_shadowing(true);
    clocks(linker)?;
    chance(linker)?;
    ready(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn clocks(linker: &mut Linker<VuState>) -> Result<()> {
    let mut wall = linker.instance(&format!("wasi:clocks/wall-clock@{VERSION}"))?;
    wall.func_wrap("now", |mut store, ()| {
        Ok((wall_clock::Host::now(&mut store.data_mut().clocks())?,))
    })?;
    let mut monotonic = linker.instance(&format!("wasi:clocks/monotonic-clock@{VERSION}"))?;
    monotonic.func_wrap("now", |mut store, ()| {
        Ok((monotonic_clock::Host::now(&mut store.data_mut().clocks())?,))
    })
}

fn chance(linker: &mut Linker<VuState>) -> Result<()> {
    let mut secure = linker.instance(&format!("wasi:random/random@{VERSION}"))?;
    secure.func_wrap("get-random-bytes", |mut store, (length,): (u64,)| {
        Ok((random::Host::get_random_bytes(store.data_mut().wasi.random(), length)?,))
    })?;
    secure.func_wrap("get-random-u64", |mut store, ()| {
        Ok((random::Host::get_random_u64(store.data_mut().wasi.random())?,))
    })?;
    let mut quick = linker.instance(&format!("wasi:random/insecure@{VERSION}"))?;
    quick.func_wrap("get-insecure-random-bytes", |mut store, (length,): (u64,)| {
        Ok((insecure::Host::get_insecure_random_bytes(store.data_mut().wasi.random(), length)?,))
    })?;
    quick.func_wrap("get-insecure-random-u64", |mut store, ()| {
        Ok((insecure::Host::get_insecure_random_u64(store.data_mut().wasi.random())?,))
    })?;
    let mut seed = linker.instance(&format!("wasi:random/insecure-seed@{VERSION}"))?;
    seed.func_wrap("insecure-seed", |mut store, ()| {
        Ok((insecure_seed::Host::insecure_seed(store.data_mut().wasi.random())?,))
    })
}

/// What a script waits for has another number on replay, where there are no handles but WASI's: only how many are
/// waited for is written down.
fn ready(linker: &mut Linker<VuState>) -> Result<()> {
    type Waited = Resource<DynPollable>;

    let mut io = linker.instance(&format!("wasi:io/poll@{VERSION}"))?;
    io.wrap_async(
        "[method]pollable.ready",
        |_, _| {},
        |mut store, (this,): (Waited,)| {
            Box::new(async move {
                Ok((poll::HostPollable::ready(&mut store.data_mut().table, this).await?,))
            })
        },
    )?;
    io.wrap_async(
        "[method]pollable.block",
        |_, _| {},
        |mut store, (this,): (Waited,)| {
            Box::new(
                async move { poll::HostPollable::block(&mut store.data_mut().table, this).await },
            )
        },
    )?;
    io.wrap_async(
        "poll",
        |(all,): &(Vec<Waited>,), out| (all.len() as u64).put(out),
        |mut store, (all,): (Vec<Waited>,)| {
            Box::new(
                async move { Ok((poll::Host::poll(&mut store.data_mut().table, all).await?,)) },
            )
        },
    )
}
