//! The component again, with one module in place of several.
//!
//! The new instance stands where the last of them stood. What needed one of them and stood before comes right after it,
//! and what nobody needs any more is left out. Everything of core WebAssembly is counted anew.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::mem;

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, Component, ComponentAliasSection, ComponentNameSection,
    ComponentSectionId, ExportKind, InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{
    ComponentAlias, ComponentName, ComponentNameSectionReader, ExternalKind, Instance, TypeRef,
};

use super::Unmerged;
use super::items::{Id, Item, Items, Sort, is_lift};
use super::linked::{Linked, OUTSIDE, linked};
use super::members::{IN_TURN, Members};
use super::module::Module;

/// Writes the component. `inner` has, for each component in it, what it became if it changed.
pub(super) fn written(
    items: &Items<'_>,
    members: &Members<'_>,
    inner: Vec<Option<Vec<u8>>>,
) -> Result<Vec<u8>, Unmerged> {
    let mut needed = needed(items, members)?;
    let mut one = None;
    if !members.is_empty() {
        let linked = linked(members, &wanted(items, members, &needed)?)?;
        for function in &linked.imports {
            needed[items.definer((Sort::Func, *function))?] = true;
        }
        mark(items, members, &mut needed)?;
        one = Some(linked);
    }
    let mut writer = Writer {
        items,
        members,
        linked: one,
        inner: inner.into_iter(),
        whole: Component::new(),
        open: Open::Nothing,
        instances: InstanceSection::new(),
        aliases: ComponentAliasSection::new(),
        canonicals: CanonicalFunctionSection::new(),
        places: HashMap::new(),
        counts: HashMap::new(),
        merged: None,
    };
    for part in 0..items.all.len() {
        if needed[part] && !members.moves(part) {
            writer.write(part)?;
        }
        if !members.is_empty() && part == members.last {
            writer.write_merged()?;
            for part in (0..part).filter(|part| needed[*part] && members.moves(*part)) {
                writer.write(part)?;
            }
        }
    }
    writer.turn_to(Open::Nothing);
    Ok(writer.whole.finish())
}

/// For each part, whether somebody needs it. The members are not: there is the one in place of them.
fn needed(items: &Items<'_>, members: &Members<'_>) -> Result<Vec<bool>, Unmerged> {
    if members.is_empty() {
        return Ok(vec![true; items.all.len()]);
    }
    let mut needed: Vec<bool> = items
        .all
        .iter()
        .zip(&items.defined)
        .map(|(item, defined)| match (item, defined) {
            (Item::Canonical(function), _) => is_lift(function),
            (Item::Instance(Instance::Instantiate { .. }), Some((_, index))) => {
                !members.has(*index)
            }
            (Item::Module(_) | Item::Instance(_), _) | (Item::Alias(_), Some(_)) => false,
            _ => true,
        })
        .collect();
    mark(items, members, &mut needed)?;
    Ok(needed)
}

/// Marks what is needed by what is marked.
fn mark(items: &Items<'_>, members: &Members<'_>, needed: &mut [bool]) -> Result<(), Unmerged> {
    // Who needs something comes after it.
    for part in (0..items.all.len()).rev() {
        if needed[part] {
            for id in &items.uses[part] {
                if !is_member(members, *id) {
                    needed[items.definer(*id)?] = true;
                }
            }
        }
    }
    Ok(())
}

/// What others have of the members, each once.
fn wanted<'a>(
    items: &Items<'a>,
    members: &Members<'a>,
    needed: &[bool],
) -> Result<Vec<(u32, &'a str)>, Unmerged> {
    let mut wanted = Vec::new();
    for (item, _) in items.all.iter().zip(needed).filter(|(_, needed)| **needed) {
        match item {
            Item::Alias(ComponentAlias::CoreInstanceExport { instance_index, name, .. })
                if members.has(*instance_index) =>
            {
                wanted.push((*instance_index, *name));
            }
            Item::Instance(Instance::Instantiate { module_index, args }) => {
                for argument in args.iter().filter(|argument| members.has(argument.index)) {
                    for (name, _) in imports_from(items, *module_index, argument.name)? {
                        wanted.push((argument.index, name));
                    }
                }
            }
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    wanted.retain(|one| seen.insert(*one));
    Ok(wanted)
}

/// What a module imports by this module's name.
fn imports_from<'a>(
    items: &Items<'a>,
    module: u32,
    name: &str,
) -> Result<Vec<(&'a str, ExternalKind)>, Unmerged> {
    let module = Module::of(items.module(module)?)?;
    let imports = module.imports.iter().filter(|import| import.module == name);
    imports
        .map(|import| {
            let kind = match import.ty {
                TypeRef::Func(_) | TypeRef::FuncExact(_) => ExternalKind::Func,
                TypeRef::Table(_) => ExternalKind::Table,
                TypeRef::Memory(_) => ExternalKind::Memory,
                TypeRef::Global(_) => ExternalKind::Global,
                TypeRef::Tag(_) => ExternalKind::Tag,
            };
            Ok((import.name, kind))
        })
        .collect()
}

fn is_member(members: &Members<'_>, id: Id) -> bool {
    matches!(id, (Sort::Instance, index) if members.has(index))
}

/// The section that the next part may be added to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Open {
    Nothing,
    Instances,
    Aliases,
    Canonicals,
}

struct Writer<'w, 'a> {
    items: &'w Items<'a>,
    members: &'w Members<'a>,
    linked: Option<Linked<'a>>,
    inner: std::vec::IntoIter<Option<Vec<u8>>>,
    whole: Component,
    open: Open,
    instances: InstanceSection,
    aliases: ComponentAliasSection,
    canonicals: CanonicalFunctionSection,
    /// How what had one number is counted now.
    places: HashMap<Id, u32>,
    counts: HashMap<Sort, u32>,
    /// The new instance.
    merged: Option<u32>,
}

impl Writer<'_, '_> {
    fn write(&mut self, part: usize) -> Result<(), Unmerged> {
        let items = self.items;
        match &items.all[part] {
            Item::Section { id, data } => self.section(*id, data),
            Item::Component(nested) => {
                let changed = self.inner.next().flatten();
                let bytes = changed.as_deref().unwrap_or(nested);
                self.section(ComponentSectionId::Component as u8, bytes);
            }
            Item::Module(module) => self.section(ComponentSectionId::CoreModule as u8, module),
            Item::Instance(Instance::Instantiate { module_index, args }) => {
                let mut given = Vec::new();
                for argument in args {
                    let instance = match self.members.has(argument.index) {
                        true => self.exports_of(argument.index, *module_index, argument.name)?,
                        false => self.instance_index(argument.index),
                    };
                    given.push((argument.name, ModuleArg::Instance(instance)));
                }
                let module = self.module_index(*module_index);
                self.turn_to(Open::Instances);
                self.instances.instantiate(module, given);
            }
            Item::Instance(instance @ Instance::FromExports(_)) => {
                self.turn_to(Open::Instances);
                let mut section = mem::take(&mut self.instances);
                self.parse_instance(&mut section, instance.clone())?;
                self.instances = section;
            }
            Item::Alias(ComponentAlias::CoreInstanceExport { kind, instance_index, name })
                if self.members.has(*instance_index) =>
            {
                self.alias_merged(*kind, *instance_index, name)?;
            }
            Item::Alias(alias) => {
                let alias = self.component_alias(alias.clone())?;
                self.turn_to(Open::Aliases);
                self.aliases.alias(alias);
            }
            Item::Canonical(function) => {
                self.turn_to(Open::Canonicals);
                let mut section = mem::take(&mut self.canonicals);
                self.parse_component_canonical(&mut section, function.clone())?;
                self.canonicals = section;
            }
            Item::Names(names) => self.names(names.clone())?,
        }
        if let Some(id) = items.defined[part] {
            let place = self.count(id.0);
            self.places.insert(id, place);
        }
        Ok(())
    }

    /// Writes the module that is in place of the members, and its instance.
    fn write_merged(&mut self) -> Result<(), Unmerged> {
        let linked = self.linked.as_mut().ok_or(IN_TURN)?;
        let (module, imports) = (mem::take(&mut linked.module), mem::take(&mut linked.imports));
        self.section(ComponentSectionId::CoreModule as u8, &module);
        let module = self.count(Sort::Module);
        let mut functions = Vec::new();
        for (place, function) in imports.into_iter().enumerate() {
            functions.push((place.to_string(), ExportKind::Func, self.function_index(function)?));
        }
        self.turn_to(Open::Instances);
        let functions = functions.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index));
        self.instances.export_items(functions);
        let outside = self.count(Sort::Instance);
        self.instances.instantiate(module, [(OUTSIDE, ModuleArg::Instance(outside))]);
        self.merged = Some(self.count(Sort::Instance));
        Ok(())
    }

    /// Hands out what a member exported. Does not count it.
    fn alias_merged(
        &mut self,
        kind: ExternalKind,
        member: u32,
        name: &str,
    ) -> Result<(), Unmerged> {
        let instance = self.merged.ok_or(IN_TURN)?;
        let linked = self.linked.as_ref().ok_or(IN_TURN)?;
        let name = linked.exports.get(&(member, name)).cloned().ok_or(IN_TURN)?;
        self.turn_to(Open::Aliases);
        let kind = ExportKind::from(kind);
        self.aliases.alias(Alias::CoreInstanceExport { instance, kind, name: &name });
        Ok(())
    }

    /// An instance that exports what a module imports of a member.
    fn exports_of(&mut self, member: u32, module: u32, name: &str) -> Result<u32, Unmerged> {
        let mut exports = Vec::new();
        for (import, kind) in imports_from(self.items, module, name)? {
            self.alias_merged(kind, member, import)?;
            exports.push((import, ExportKind::from(kind), self.count(Sort::from(kind))));
        }
        self.turn_to(Open::Instances);
        self.instances.export_items(exports);
        Ok(self.count(Sort::Instance))
    }

    /// What the component's own things are called. Others are called by numbers that are no longer theirs.
    fn names(&mut self, names: ComponentNameSectionReader<'_>) -> Result<(), Unmerged> {
        let mut section = ComponentNameSection::new();
        for name in names {
            let name = name?;
            if let ComponentName::Component { .. }
            | ComponentName::Types(_)
            | ComponentName::Instances(_)
            | ComponentName::Components(_)
            | ComponentName::Funcs(_)
            | ComponentName::Values(_) = name
            {
                RoundtripReencoder.parse_custom_component_name_subsection(&mut section, name)?;
            }
        }
        self.turn_to(Open::Nothing);
        self.whole.section(&section);
        Ok(())
    }

    /// The number of the next of this sort, which is counted.
    fn count(&mut self, sort: Sort) -> u32 {
        let count = self.counts.entry(sort).or_default();
        let number = *count;
        *count += 1;
        number
    }

    fn section(&mut self, id: u8, data: &[u8]) {
        self.turn_to(Open::Nothing);
        self.whole.section(&RawSection { id, data });
    }

    /// Ends the section that is open unless it is of this kind.
    fn turn_to(&mut self, to: Open) {
        if self.open != to {
            match self.open {
                Open::Nothing => &mut self.whole,
                Open::Instances => self.whole.section(&mem::take(&mut self.instances)),
                Open::Aliases => self.whole.section(&mem::take(&mut self.aliases)),
                Open::Canonicals => self.whole.section(&mem::take(&mut self.canonicals)),
            };
            self.open = to;
        }
    }

    /// Where something is now. A number that nothing has, if it is not there, so that the whole does not validate.
    fn place(&self, sort: Sort, index: u32) -> u32 {
        self.places.get(&(sort, index)).copied().unwrap_or(u32::MAX)
    }
}

impl Reencode for Writer<'_, '_> {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.place(Sort::Func, index))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.place(Sort::Table, index))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.place(Sort::Memory, index))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.place(Sort::Global, index))
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.place(Sort::Tag, index))
    }
}

impl ReencodeComponent for Writer<'_, '_> {
    fn module_index(&mut self, index: u32) -> u32 {
        self.place(Sort::Module, index)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.place(Sort::Instance, index)
    }
}
