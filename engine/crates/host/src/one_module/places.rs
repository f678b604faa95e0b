//! Where everything of several modules is in the one that they become, and what of it is needed there.
//!
//! The functions that are imported come first, and then what each module defines, in the order in which they were
//! instances. Functions that nobody calls, exports or refers to have no place, and neither have globals that begin with a
//! number and that nothing ever sets: those are that number wherever they are read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;

use wasmparser::{
    ConstExpr, ElementItems, ExternalKind, FuncType, Operator, OperatorsReader, TableInit, TypeRef,
};

use super::Unmerged;
use super::members::{Member, Members, Source};

/// Where what one module holds is in the whole.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub(super) types: Vec<u32>,
    /// Among [`Plan::functions`].
    pub(super) functions: Vec<usize>,
    pub(super) tables: Vec<u32>,
    pub(super) memories: Vec<u32>,
    /// Among [`Plan::globals`].
    pub(super) globals: Vec<usize>,
    /// Where its segments begin.
    pub(super) elements: u32,
    pub(super) data: u32,
    pub(super) exports: HashMap<&'a str, (ExternalKind, u32)>,
}

/// A function of one of the modules, or one that is imported.
#[derive(Default)]
pub(super) struct Function {
    pub(super) is_used: bool,
    /// Its number, if it is used.
    pub(super) place: Option<u32>,
}

/// A global of one of the modules.
#[derive(Default)]
pub(super) struct Global {
    pub(super) is_written: bool,
    pub(super) is_exported: bool,
    /// What it is at all times.
    pub(super) constant: Option<i32>,
    /// Its number, unless nobody needs it.
    pub(super) place: Option<u32>,
}

/// Something to be exported.
pub(super) struct Export<'a> {
    /// The instance that exported it, and how.
    pub(super) of: (u32, &'a str),
    pub(super) name: String,
    pub(super) kind: ExternalKind,
    /// Its number; a function's or global's is that among those of the [`Plan`].
    pub(super) index: u32,
}

#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) type_numbers: HashMap<FuncType, u32>,
    /// The component's number of each function that could be imported, and its type.
    pub(super) outside: Vec<(u32, u32)>,
    /// Those that could be imported, and then those of each module.
    pub(super) functions: Vec<Function>,
    pub(super) globals: Vec<Global>,
    pub(super) places: BTreeMap<u32, Places<'a>>,
}

impl<'a> Plan<'a> {
    /// Gives everything its place.
    pub(super) fn of(members: &Members<'a>) -> Result<Self, Unmerged> {
        let mut plan = Self::default();
        let mut outside: HashMap<u32, u32> = HashMap::new();
        for (index, member) in &members.all {
            let types = member.module.types.iter().map(|ty| plan.type_number(ty)).collect();
            let places = Places { types, ..Places::default() };
            for (import, source) in member.module.imports.iter().zip(&member.imports) {
                let Source::Canonical(function) = source else { continue };
                let TypeRef::Func(ty) = import.ty else { return Err(MISMATCH) };
                outside.entry(*function).or_insert_with(|| {
                    let number = number(plan.outside.len());
                    plan.outside
                        .push((*function, places.types.get(ty as usize).copied().unwrap_or(ty)));
                    number
                });
            }
            plan.places.insert(*index, places);
        }

        plan.functions.resize_with(plan.outside.len(), Function::default);
        let mut next = Next::default();
        for (index, member) in &members.all {
            let mut places = plan.places.remove(index).unwrap_or_default();
            for (import, source) in member.module.imports.iter().zip(&member.imports) {
                let place = match source {
                    Source::Canonical(function) => {
                        outside.get(function).copied().ok_or(MISMATCH)?
                    }
                    Source::Export { instance, name } => {
                        let from = plan.places.get(instance).ok_or(MISMATCH)?;
                        let (kind, place) = from.exports.get(name).ok_or(MISMATCH)?;
                        if !is_of(*kind, &import.ty) {
                            return Err(MISMATCH);
                        }
                        *place
                    }
                };
                match import.ty {
                    TypeRef::Func(_) => places.functions.push(place as usize),
                    TypeRef::Table(_) => places.tables.push(place),
                    TypeRef::Memory(_) => places.memories.push(place),
                    TypeRef::Global(_) => places.globals.push(place as usize),
                    TypeRef::Tag(_) | TypeRef::FuncExact(_) => return Err(MISMATCH),
                }
            }
            next.define(member, &mut places, &mut plan);
            for (&name, &(kind, index)) in &member.module.exports {
                let of = |places: &[u32]| places.get(index as usize).copied();
                let among = |places: &[usize]| places.get(index as usize).map(|of| number(*of));
                let place = match kind {
                    ExternalKind::Func | ExternalKind::FuncExact => among(&places.functions),
                    ExternalKind::Table => of(&places.tables),
                    ExternalKind::Memory => of(&places.memories),
                    ExternalKind::Global => among(&places.globals),
                    ExternalKind::Tag => None,
                };
                if let Some(place) = place {
                    places.exports.insert(name, (kind, place));
                }
            }
            plan.places.insert(*index, places);
        }
        // wasmtime counts what a user may have of them, and two would be more than there were in one module.
        if next.memories > 1 {
            return Err(Unmerged::Shape("several memories"));
        }
        Ok(plan)
    }

    /// The number of a type, a new one if there is none yet.
    fn type_number(&mut self, ty: &FuncType) -> u32 {
        if let Some(number) = self.type_numbers.get(ty) {
            return *number;
        }
        let number = number(self.types.len());
        self.types.push(ty.clone());
        self.type_numbers.insert(ty.clone(), number);
        number
    }

    /// What is to be exported, each by a name of its own.
    pub(super) fn exported(
        &mut self,
        wanted: &[(u32, &'a str)],
    ) -> Result<Vec<Export<'a>>, Unmerged> {
        let mut names = HashSet::new();
        let mut exports = Vec::new();
        for &(instance, export) in wanted {
            let places = self.places.get(&instance).ok_or(MISMATCH)?;
            let (kind, index) = *places.exports.get(export).ok_or(MISMATCH)?;
            if kind == ExternalKind::Global
                && let Some(global) = self.globals.get_mut(index as usize)
            {
                global.is_exported = true;
            }
            let mut name = export.to_owned();
            if names.contains(&name) {
                name = format!("{export} of {instance}");
            }
            while !names.insert(name.clone()) {
                name.push('\'');
            }
            exports.push(Export { of: (instance, export), name, kind, index });
        }
        Ok(exports)
    }

    /// Finds out which functions are ever called or referred to, and numbers those.
    pub(super) fn find_used(
        &mut self,
        members: &Members<'a>,
        exports: &[Export<'_>],
    ) -> Result<(), Unmerged> {
        let exported = exports.iter().filter(|export| export.kind == ExternalKind::Func);
        let mut reached: Vec<usize> = exported.map(|export| export.index as usize).collect();
        for (member, places) in members.all.values().zip(self.places.values()) {
            let module = &member.module;
            let mut named = Named::default();
            named.functions.extend(module.start);
            for segment in &module.elements {
                match &segment.items {
                    ElementItems::Functions(functions) => {
                        for function in functions.clone() {
                            named.functions.push(function?);
                        }
                    }
                    ElementItems::Expressions(_, expressions) => {
                        for expression in expressions.clone() {
                            named.read(expression?.get_operators_reader())?;
                        }
                    }
                }
            }
            for global in &module.globals {
                named.read(global.init_expr.get_operators_reader())?;
            }
            for table in &module.tables {
                if let TableInit::Expr(expression) = &table.init {
                    named.read(expression.get_operators_reader())?;
                }
            }
            reached.extend(named.functions(places)?);
        }

        // Where each module's own begin, and whose they are.
        let mut owners = Vec::new();
        let mut first = self.outside.len();
        for (member, places) in members.all.values().zip(self.places.values()) {
            owners.push((first, &member.module.code, places));
            first += member.module.functions.len();
        }
        while let Some(function) = reached.pop() {
            let here = self.functions.get_mut(function).ok_or(MISMATCH)?;
            if mem::replace(&mut here.is_used, true) {
                continue;
            }
            let owner = owners.partition_point(|(first, ..)| *first <= function).checked_sub(1);
            let Some((first, code, places)) = owner.and_then(|owner| owners.get(owner)) else {
                continue;
            };
            let mut named = Named::default();
            named.read(code.get(function - first).ok_or(MISMATCH)?.get_operators_reader()?)?;
            reached.extend(named.functions(places)?);
            for global in named.written {
                let place = *places.globals.get(global as usize).ok_or(MISMATCH)?;
                self.globals.get_mut(place).ok_or(MISMATCH)?.is_written = true;
            }
        }
        let mut next = 0..;
        for function in self.functions.iter_mut().filter(|function| function.is_used) {
            function.place = next.next();
        }
        Ok(())
    }

    /// Finds out which globals are constants, and numbers the others.
    pub(super) fn find_constants(&mut self, members: &Members<'a>) -> Result<(), Unmerged> {
        let mut next = 0;
        for (member, places) in members.all.values().zip(self.places.values()) {
            let own = places.globals.len().saturating_sub(member.module.globals.len());
            for (global, &place) in member.module.globals.iter().zip(&places.globals[own..]) {
                let value = number_of(&global.init_expr, places, &self.globals);
                let Some(here) = self.globals.get_mut(place) else { continue };
                let is_fixed = !global.ty.mutable || !(here.is_written || here.is_exported);
                here.constant = value.filter(|_| is_fixed);
                if here.constant.is_none() || here.is_exported {
                    here.place = Some(next);
                    next += 1;
                }
            }
        }
        Ok(())
    }
}

/// What comes next.
#[derive(Default)]
struct Next {
    tables: u32,
    memories: u32,
    elements: u32,
    data: u32,
}

impl Next {
    /// Gives what a module defines the next places.
    fn define<'a>(&mut self, member: &Member<'a>, places: &mut Places<'a>, plan: &mut Plan<'a>) {
        let module = &member.module;
        let take = |next: &mut u32, places: &mut Vec<u32>, count: usize| {
            let end = next.saturating_add(number(count));
            places.extend(*next..end);
            *next = end;
        };
        take(&mut self.tables, &mut places.tables, module.tables.len());
        take(&mut self.memories, &mut places.memories, module.memories.len());
        for _ in &module.functions {
            places.functions.push(plan.functions.len());
            plan.functions.push(Function::default());
        }
        for _ in &module.globals {
            places.globals.push(plan.globals.len());
            plan.globals.push(Global::default());
        }
        (places.elements, places.data) = (self.elements, self.data);
        self.elements = self.elements.saturating_add(number(module.elements.len()));
        self.data = self.data.saturating_add(number(module.data.len()));
    }
}

pub(super) const MISMATCH: Unmerged = Unmerged::Shape("an import that is not what it is given");

/// Whether an import of this type may be an export of this kind. Types within a kind are the validator's.
fn is_of(kind: ExternalKind, ty: &TypeRef) -> bool {
    matches!(
        (kind, ty),
        (ExternalKind::Func, TypeRef::Func(_))
            | (ExternalKind::Table, TypeRef::Table(_))
            | (ExternalKind::Memory, TypeRef::Memory(_))
            | (ExternalKind::Global, TypeRef::Global(_))
    )
}

/// A count as WebAssembly has them: no file that could be read has more.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What a constant expression comes to, if it is a number of 32 bits and made of such.
pub(super) fn number_of(
    expression: &ConstExpr<'_>,
    places: &Places<'_>,
    globals: &[Global],
) -> Option<i32> {
    let mut stack: Vec<i32> = Vec::new();
    let mut operators = expression.get_operators_reader();
    while !operators.is_end_then_eof() {
        let value = match operators.read().ok()? {
            Operator::I32Const { value } => value,
            Operator::GlobalGet { global_index } => {
                globals.get(*places.globals.get(global_index as usize)?)?.constant?
            }
            Operator::I32Add => stack.pop()?.wrapping_add(stack.pop()?),
            _ => return None,
        };
        stack.push(value);
    }
    match stack[..] {
        [value] => Some(value),
        _ => None,
    }
}

/// What a module's code names, by its own numbers.
#[derive(Default)]
struct Named {
    functions: Vec<u32>,
    /// Globals that are set.
    written: Vec<u32>,
}

impl Named {
    fn read(&mut self, mut operators: OperatorsReader<'_>) -> Result<(), Unmerged> {
        while !operators.eof() {
            match operators.read()? {
                Operator::Call { function_index }
                | Operator::ReturnCall { function_index }
                | Operator::RefFunc { function_index } => self.functions.push(function_index),
                Operator::GlobalSet { global_index } => self.written.push(global_index),
                _ => {}
            }
        }
        Ok(())
    }

    /// The functions, by their numbers among [`Plan::functions`].
    fn functions(&self, places: &Places<'_>) -> Result<Vec<usize>, Unmerged> {
        let place = |index: &u32| places.functions.get(*index as usize).copied().ok_or(MISMATCH);
        self.functions.iter().map(place).collect()
    }
}
