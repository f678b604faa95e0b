//! Which of a component's core instances become one, and where what they import comes from.
//!
//! They are the instance whose table others import, those that import its table or its memory, and all that these
//! import anything of. An instance that needs what can be made only once the others are there, such as a function of
//! the host's that is told their memory, stays by itself, and so does whoever needs it.

use std::collections::{BTreeMap, BTreeSet};

use wasm_encoder::ComponentSectionId;
use wasmparser::{ComponentAlias, DataKind, ElementKind, Instance, TypeRef};

use super::Unmerged;
use super::items::{Id, Item, Items, Sort, is_lift};
use super::module::Module;

/// Where something that a core instance hands out is from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Source<'a> {
    /// It is an export of a module's instance.
    Export { instance: u32, name: &'a str },
    /// It is a function of the component's, or of the canonical ABI, by its number.
    Canonical(u32),
}

/// The instances that become one, by their numbers.
#[derive(Default)]
pub(super) struct Members<'a> {
    /// In the order in which they are made.
    pub(super) all: BTreeMap<u32, Member<'a>>,
    /// For each part of the component, whether it can be made only once they are there.
    after: Vec<bool>,
    /// The part that is the last of them, where the one takes their place.
    pub(super) last: usize,
}

/// Something would have to be made before what it needs, or would be seen in another order.
pub(super) const IN_TURN: Unmerged = Unmerged::Shape("instances that need each other in turn");

/// An instance of a module.
pub(super) struct Member<'a> {
    pub(super) module: Module<'a>,
    /// Where each of its imports is from.
    pub(super) imports: Vec<Source<'a>>,
}

impl<'a> Members<'a> {
    /// Finds those of a component; none where no table is shared.
    ///
    /// Fails where they cannot be one without something happening in another order.
    pub(super) fn of(items: &Items<'a>) -> Result<Self, Unmerged> {
        let mut all = BTreeMap::new();
        for index in 0..items.instances() {
            let Instance::Instantiate { module_index, .. } = items.instance(index)? else {
                continue;
            };
            // What is not understood stays by itself, as does whoever needs it.
            let Ok(module) = Module::of(items.module(*module_index)?) else { continue };
            let imports = module.imports.iter();
            let imports = imports
                .map(|import| argument(items, index, import.module, import.name))
                .collect::<Result<_, _>>()?;
            all.insert(index, Member { module, imports });
        }
        let mut chosen = sharing(&all);
        let after = loop {
            let after = after(items, &chosen)?;
            let mut kept = BTreeSet::new();
            for &index in &chosen {
                let Some(member) = all.get(&index) else { continue };
                let mut is_early = true;
                for source in &member.imports {
                    is_early &= match source {
                        // Those come earlier, and have been decided about.
                        Source::Export { instance, .. } => kept.contains(instance),
                        Source::Canonical(function) => {
                            !after[items.definer((Sort::Func, *function))?]
                        }
                    };
                }
                if is_early {
                    kept.insert(index);
                }
            }
            if kept.len() == chosen.len() {
                break after;
            }
            chosen = kept;
        };
        if chosen.len() < 2 {
            return Ok(Self::default());
        }
        let mut last = 0;
        for index in &chosen {
            last = last.max(items.definer((Sort::Instance, *index))?);
        }
        let (all, others) = all.into_iter().partition(|(index, _)| chosen.contains(index));
        let members = Self { all, after, last };
        members.refuse_another_order(items, &others)?;
        Ok(members)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn has(&self, instance: u32) -> bool {
        self.all.contains_key(&instance)
    }

    /// Whether this part can only be made once they are there, though it stands before.
    pub(super) fn moves(&self, part: usize) -> bool {
        part < self.last && self.after.get(part).is_some_and(|after| *after)
    }

    /// Refuses what would happen in another order than it does, and be seen by somebody.
    ///
    /// `others` are the instances that stay by themselves.
    fn refuse_another_order(
        &self,
        items: &Items<'_>,
        others: &BTreeMap<u32, Member<'_>>,
    ) -> Result<(), Unmerged> {
        for (part, item) in items.all.iter().enumerate() {
            let can_move = match (item, items.defined[part]) {
                (Item::Alias(ComponentAlias::CoreInstanceExport { .. }), _) => true,
                (Item::Instance(Instance::FromExports(_)), _) => true,
                (Item::Instance(Instance::Instantiate { .. }), Some((_, index))) => {
                    self.can_come_after(items, (part, index), others)
                }
                (Item::Canonical(function), _) => !is_lift(function),
                _ => false,
            };
            if self.moves(part) && !can_move {
                return Err(IN_TURN);
            }
        }
        // Of what one does as it starts, those that come later may see something.
        if self.all.values().rev().skip(1).any(|member| member.module.start.is_some()) {
            return Err(Unmerged::Shape("a library that does something as it is loaded"));
        }
        Ok(())
    }

    /// Whether an instance can be made after the last member, though it was made before that: neither it nor any that it
    /// passes by runs code as it begins, nor writes to the same table or memory.
    fn can_come_after(
        &self,
        items: &Items<'_>,
        (part, instance): (usize, u32),
        others: &BTreeMap<u32, Member<'_>>,
    ) -> bool {
        const INSTANCES: u8 = ComponentSectionId::Instance as u8;
        const START: u8 = ComponentSectionId::Start as u8;
        let Some(moved) = others.get(&instance) else { return false };
        let written = |of: &Member<'_>, at: u32| {
            let module = &of.module;
            let tables = module.elements.iter().filter_map(|segment| match segment.kind {
                ElementKind::Active { table_index, .. } => {
                    Some((Sort::Table, table_index.unwrap_or_default()))
                }
                _ => None,
            });
            let memories = module.data.iter().filter_map(|segment| match segment.kind {
                DataKind::Active { memory_index, .. } => Some((Sort::Memory, memory_index)),
                DataKind::Passive => None,
            });
            let written: BTreeSet<_> = tables.chain(memories).collect();
            let origins = written.into_iter().map(|id| {
                let mut found = (at, id);
                let find = |index: &u32| self.all.get(index).or_else(|| others.get(index));
                while let Some(from) = find(&found.0).and_then(|of| of.imported(found.1)) {
                    let Source::Export { instance, name } = from else { break };
                    let exported = find(&instance).and_then(|of| of.module.exports.get(name));
                    let Some((kind, index)) = exported else { break };
                    found = (instance, (Sort::from(*kind), *index));
                }
                found
            });
            origins.collect::<BTreeSet<_>>()
        };
        let of_moved = written(moved, instance);
        let mut passed_by = (part + 1..=self.last).filter(|later| !self.moves(*later));
        let is_unseen = |later| match (&items.all[later], items.defined[later]) {
            // Components and their starts may call whatever there is.
            (Item::Section { id: INSTANCES | START, .. }, _) => false,
            (Item::Instance(Instance::Instantiate { .. }), Some((_, index))) => {
                let other = self.all.get(&index).or_else(|| others.get(&index));
                other.is_some_and(|other| {
                    other.module.start.is_none() && written(other, index).is_disjoint(&of_moved)
                })
            }
            _ => true,
        };
        moved.module.start.is_none() && passed_by.all(is_unseen)
    }
}

impl<'a> Member<'a> {
    /// Where it has this table or memory from, unless it is its own.
    fn imported(&self, (sort, index): Id) -> Option<Source<'a>> {
        let mut of_sort =
            self.module.imports.iter().zip(&self.imports).filter(|(import, _)| match import.ty {
                TypeRef::Table(_) => sort == Sort::Table,
                TypeRef::Memory(_) => sort == Sort::Memory,
                _ => false,
            });
        of_sort.nth(index as usize).map(|(_, source)| *source)
    }
}

/// The instance whose memory and table others have, those, and all that they import anything of.
fn sharing(all: &BTreeMap<u32, Member<'_>>) -> BTreeSet<u32> {
    let imported = |member: &Member<'_>, from: u32, is_wanted: fn(&TypeRef) -> bool| {
        member.module.imports.iter().zip(&member.imports).any(|(import, source)| {
            is_wanted(&import.ty)
                && matches!(source, Source::Export { instance, .. } if *instance == from)
        })
    };
    let is_table = |ty: &TypeRef| matches!(ty, TypeRef::Table(_));
    let is_shared = |ty: &TypeRef| matches!(ty, TypeRef::Table(_) | TypeRef::Memory(_));
    let owner = all.iter().find(|(index, owner)| {
        let has_both = !owner.module.tables.is_empty() && !owner.module.memories.is_empty();
        has_both && all.values().any(|member| imported(member, **index, is_table))
    });
    let Some((&owner, _)) = owner else { return BTreeSet::new() };
    let mut found: BTreeSet<u32> = all
        .iter()
        .filter(|(index, member)| **index == owner || imported(member, owner, is_shared))
        .map(|(index, _)| *index)
        .collect();
    // What an instance imports comes before it.
    for (index, member) in all.iter().rev() {
        if found.contains(index) {
            found.extend(member.imports.iter().filter_map(|source| match source {
                Source::Export { instance, .. } => Some(*instance),
                Source::Canonical(_) => None,
            }));
        }
    }
    found
}

/// For each part, whether it needs one of these instances.
fn after(items: &Items<'_>, chosen: &BTreeSet<u32>) -> Result<Vec<bool>, Unmerged> {
    let is_chosen =
        |id: Option<Id>| matches!(id, Some((Sort::Instance, index)) if chosen.contains(&index));
    let mut after: Vec<bool> = Vec::new();
    for (uses, defined) in items.uses.iter().zip(&items.defined) {
        let mut needs = false;
        if !is_chosen(*defined) {
            for id in uses {
                let part = items.definer(*id)?;
                needs |= is_chosen(Some(*id)) || after.get(part).is_some_and(|after| *after);
            }
        }
        after.push(needs);
    }
    Ok(after)
}

const MISSING: Unmerged = Unmerged::Shape("an import that nothing is given for");

/// Where an instance has an import from.
fn argument<'a>(
    items: &Items<'a>,
    instance: u32,
    module: &str,
    name: &'a str,
) -> Result<Source<'a>, Unmerged> {
    let Instance::Instantiate { args, .. } = items.instance(instance)? else {
        return Err(MISSING);
    };
    let argument = args.iter().find(|argument| argument.name == module).ok_or(MISSING)?;
    export(items, argument.index, name)
}

/// Where what an instance exports is from.
fn export<'a>(items: &Items<'a>, instance: u32, name: &'a str) -> Result<Source<'a>, Unmerged> {
    match items.instance(instance)? {
        Instance::Instantiate { .. } => Ok(Source::Export { instance, name }),
        Instance::FromExports(exports) => {
            let export = exports.iter().find(|export| export.name == name).ok_or(MISSING)?;
            let part = items.definer((Sort::from(export.kind), export.index))?;
            match &items.all[part] {
                Item::Alias(ComponentAlias::CoreInstanceExport {
                    instance_index, name, ..
                }) if *instance_index < instance => self::export(items, *instance_index, name),
                Item::Canonical(_) => Ok(Source::Canonical(export.index)),
                _ => Err(MISSING),
            }
        }
    }
}
