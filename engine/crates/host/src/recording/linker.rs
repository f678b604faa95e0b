//! Between the bindings and wasmtime: each function of the host is linked as it is, or so that it is written down,
//! or so that what was written down answers.

#![expect(unreachable_pub, reason = "the generated bindings name these types in public items")]

use std::any::Any;
use std::sync::Arc;

use ::wasmtime::component::{
    self, Component, ComponentNamedList, InstancePre, Lift, Lower, ResourceType,
};
use ::wasmtime::{AsContextMut as _, Result, StoreContextMut};

use crate::recording::player::Answer;
use crate::recording::taped::{Reader, Taped};
use crate::recording::{Course, Function, Functions};
use crate::state::VuState;

/// What is linked: see [`Course`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Free,
    Recorded,
    Replayed,
}

/// The interface whose functions do on replay what they did: show what the script says.
const LOG: &str = "wasmload:script/log@";

/// wasmtime's linker, as far as the bindings know it.
pub struct Linker<T: 'static> {
    wasmtime: component::Linker<T>,
    mode: Mode,
    functions: Functions,
}

/// wasmtime's linker of one interface, as far as the bindings know it.
pub struct LinkerInstance<'a, T: 'static> {
    wasmtime: component::LinkerInstance<'a, T>,
    interface: String,
    mode: Mode,
    functions: &'a mut Functions,
}

impl<T: 'static> Linker<T> {
    pub(crate) fn new(wasmtime: component::Linker<T>, mode: Mode) -> Self {
        Self { wasmtime, mode, functions: Functions::default() }
    }

    /// What was linked, and the functions that are recorded by their numbers.
    pub(crate) fn into_parts(self) -> (component::Linker<T>, Functions) {
        (self.wasmtime, self.functions)
    }

    /// Has functions take the place of others of the same name.
    pub(crate) fn allow_shadowing(&mut self, allow: bool) {
        self.wasmtime.allow_shadowing(allow);
    }

    pub fn instance(&mut self, name: &str) -> Result<LinkerInstance<'_, T>> {
        Ok(LinkerInstance {
            wasmtime: self.wasmtime.instance(name)?,
            interface: name.to_owned(),
            mode: self.mode,
            functions: &mut self.functions,
        })
    }

    #[expect(dead_code, reason = "the bindings call it where nobody calls them")]
    pub fn instantiate_pre(&self, component: &Component) -> Result<InstancePre<T>> {
        self.wasmtime.instantiate_pre(component)
    }
}

/// A future as wasmtime has them.
type Answering<'a, Return> = Box<dyn Future<Output = Result<Return>> + Send + 'a>;

impl<T: 'static> LinkerInstance<'_, T> {
    pub fn resource(
        &mut self,
        name: &str,
        of: ResourceType,
        drop: impl Fn(StoreContextMut<'_, T>, u32) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        match self.mode {
            Mode::Free | Mode::Recorded => self.wasmtime.resource(name, of, drop),
            // There is nothing behind a handle.
            Mode::Replayed => self.wasmtime.resource(name, of, |_, _| Ok(())),
        }
    }

    pub fn func_wrap<F, Params, Return>(&mut self, name: &str, function: F) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, Params) -> Result<Return> + Send + Sync + 'static,
        Params: ComponentNamedList + Lift + Taped + 'static,
        Return: ComponentNamedList + Lower + Taped + 'static,
    {
        self.wrap(name, Taped::put, function)
    }

    pub fn func_wrap_async<F, Params, Return>(&mut self, name: &str, function: F) -> Result<()>
    where
        T: Send,
        F: for<'a> Fn(StoreContextMut<'a, T>, Params) -> Answering<'a, Return>
            + Send
            + Sync
            + 'static,
        Params: ComponentNamedList + Lift + Taped + Send + 'static,
        Return: ComponentNamedList + Lower + Taped + Send + Sync + 'static,
    {
        self.wrap_async(name, Taped::put, function)
    }

    /// As [`func_wrap`](Self::func_wrap), with a way of its own to write down the arguments.
    pub(super) fn wrap<F, Params, Return>(
        &mut self,
        name: &str,
        put: fn(&Params, &mut Vec<u8>),
        function: F,
    ) -> Result<()>
    where
        F: Fn(StoreContextMut<'_, T>, Params) -> Result<Return> + Send + Sync + 'static,
        Params: ComponentNamedList + Lift + Taped + 'static,
        Return: ComponentNamedList + Lower + Taped + 'static,
    {
        let number = match self.mode {
            Mode::Free => return self.wasmtime.func_wrap(name, function),
            Mode::Recorded | Mode::Replayed => self.number::<Params, Return>(name),
        };
        if self.mode == Mode::Recorded {
            return self.wasmtime.func_wrap(name, move |mut store, params: Params| {
                asked(&mut store, number, &params, put);
                let returned = function(store.as_context_mut(), params);
                answered(&mut store, &returned);
                returned
            });
        }
        let acts = self.interface.starts_with(LOG);
        self.wasmtime.func_wrap(name, move |mut store, params: Params| {
            let answer: Return = replayed(&mut store, number, &params, put)?;
            if acts {
                function(store.as_context_mut(), params)?;
            }
            Ok(answer)
        })
    }

    /// As [`wrap`](Self::wrap), of a function that waits. On replay nobody does.
    pub(super) fn wrap_async<F, Params, Return>(
        &mut self,
        name: &str,
        put: fn(&Params, &mut Vec<u8>),
        function: F,
    ) -> Result<()>
    where
        T: Send,
        F: for<'a> Fn(StoreContextMut<'a, T>, Params) -> Answering<'a, Return>
            + Send
            + Sync
            + 'static,
        Params: ComponentNamedList + Lift + Taped + Send + 'static,
        Return: ComponentNamedList + Lower + Taped + Send + Sync + 'static,
    {
        let number = match self.mode {
            Mode::Free => return self.wasmtime.func_wrap_async(name, function),
            Mode::Recorded | Mode::Replayed => self.number::<Params, Return>(name),
        };
        if self.mode == Mode::Replayed {
            return self.wasmtime.func_wrap_async(name, move |mut store, params: Params| {
                let answer: Result<Return> = replayed(&mut store, number, &params, put);
                Box::new(std::future::ready(answer))
            });
        }
        let function = Arc::new(function);
        self.wasmtime.func_wrap_async(name, move |mut store, params: Params| {
            let function = Arc::clone(&function);
            Box::new(async move {
                asked(&mut store, number, &params, put);
                let returned = Box::into_pin(function(store.as_context_mut(), params)).await;
                answered(&mut store, &returned);
                returned
            })
        })
    }

    /// The number that a function has in recordings.
    fn number<Params: Taped, Return: Taped>(&mut self, name: &str) -> u16 {
        self.functions.add(Function {
            name: format!("{}#{name}", self.interface),
            show_asked: show::<Params>,
            show_answered: show::<Return>,
        })
    }
}

/// What was written down, in short.
fn show<T: Taped>(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    T::take(&mut Reader::new(bytes))?.show(&mut text);
    Some(text)
}

/// The state of a VU. Stores with another kind of state are nobody's.
fn course<'a, T: 'static>(store: &'a mut StoreContextMut<'_, T>) -> Option<&'a Course> {
    let state = store.data_mut() as &mut dyn Any;
    state.downcast_mut::<VuState>().map(|state| &state.course)
}

fn asked<T: 'static, Params>(
    store: &mut StoreContextMut<'_, T>,
    number: u16,
    params: &Params,
    put: fn(&Params, &mut Vec<u8>),
) {
    if let Some(Course::Recorded(tape)) = course(store) {
        tape.lock().asked(number, |out| put(params, out));
    }
}

fn answered<T: 'static, Return: Taped>(
    store: &mut StoreContextMut<'_, T>,
    returned: &Result<Return>,
) {
    if let Some(Course::Recorded(tape)) = course(store) {
        match returned {
            Ok(returned) => tape.lock().answered(|out| returned.put(out)),
            Err(error) => tape.lock().broke(error),
        }
    }
}

fn replayed<T: 'static, Params, Return: Taped>(
    store: &mut StoreContextMut<'_, T>,
    number: u16,
    params: &Params,
    put: fn(&Params, &mut Vec<u8>),
) -> Result<Return> {
    let Some(Course::Replayed(player)) = course(store) else {
        ::wasmtime::bail!("nothing is there to be replayed");
    };
    let mut asked = Vec::new();
    put(params, &mut asked);
    let mut player = player.lock();
    match player.ask(number, &asked)? {
        Answer::Returned(bytes) => match Return::take(&mut Reader::new(&bytes)) {
            Some(returned) => Ok(returned),
            None => Err(player.has_no_answer()),
        },
        Answer::Broke(error) => Err(error),
    }
}
