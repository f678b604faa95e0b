//! A component, cut into what can be moved and counted anew: each module, core instance, alias and canonical function by
//! itself, and all else by sections, which name nothing of core WebAssembly.

use std::collections::HashMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{CanonicalFunctionSection, InstanceSection};
use wasmparser::{
    CanonicalFunction, Chunk, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentNameSectionReader, ComponentOuterAliasKind, ComponentType, ComponentTypeRef,
    ExternalKind, Instance, KnownCustom, Parser, Payload,
};

use super::Unmerged;

/// What things of core WebAssembly are counted by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Sort {
    Func,
    Table,
    Memory,
    Global,
    Tag,
    Instance,
    Module,
}

impl From<ExternalKind> for Sort {
    fn from(kind: ExternalKind) -> Self {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Self::Func,
            ExternalKind::Table => Self::Table,
            ExternalKind::Memory => Self::Memory,
            ExternalKind::Global => Self::Global,
            ExternalKind::Tag => Self::Tag,
        }
    }
}

/// How a thing of core WebAssembly is named in a component: the how-manieth of its sort it is.
pub(super) type Id = (Sort, u32);

/// A part of a component.
#[derive(Debug)]
pub(super) enum Item<'a> {
    /// A section that is kept as it is.
    Section {
        id: u8,
        data: &'a [u8],
    },
    /// A component in it.
    Component(&'a [u8]),
    Module(&'a [u8]),
    Instance(Instance<'a>),
    Alias(ComponentAlias<'a>),
    Canonical(CanonicalFunction),
    /// What its parts are called.
    Names(ComponentNameSectionReader<'a>),
}

/// A component in parts, in their order.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) all: Vec<Item<'a>>,
    /// For each, what of core WebAssembly it defines.
    pub(super) defined: Vec<Option<Id>>,
    /// For each, what of core WebAssembly it names.
    pub(super) uses: Vec<Vec<Id>>,
    /// Which defines it.
    definers: HashMap<Id, usize>,
    counts: HashMap<Sort, u32>,
}

impl<'a> Items<'a> {
    /// Takes a component apart.
    ///
    /// Fails where it hands modules around, or has a destructor.
    pub(super) fn of(component: &'a [u8]) -> Result<Self, Unmerged> {
        let mut items = Self {
            all: Vec::new(),
            defined: Vec::new(),
            uses: Vec::new(),
            definers: HashMap::new(),
            counts: HashMap::new(),
        };
        let mut parser = Parser::new(0);
        let mut at = 0;
        while let Some(rest) = component.get(at..).filter(|rest| !rest.is_empty()) {
            let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else { break };
            at += consumed;
            if let Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } = &payload
            {
                at = unchecked_range.end;
            }
            items.take(component, payload)?;
        }
        Ok(items)
    }

    fn take(&mut self, component: &'a [u8], payload: Payload<'a>) -> Result<(), Unmerged> {
        let section = payload.as_section();
        let cut = |range: std::ops::Range<usize>| component.get(range).unwrap_or_default();
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                self.push(Item::Module(cut(unchecked_range)))?;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let nested = cut(unchecked_range);
                refuse_modules_from_outside(nested)?;
                self.push(Item::Component(nested))?;
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.push(Item::Instance(instance?))?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.push(Item::Alias(alias?))?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.push(Item::Canonical(function?))?;
                }
            }
            Payload::CustomSection(section)
                if matches!(section.as_known(), KnownCustom::ComponentName(_)) =>
            {
                if let KnownCustom::ComponentName(names) = section.as_known() {
                    self.push(Item::Names(names))?;
                }
            }
            payload => {
                refuse_modules(&payload)?;
                if let Some((id, range)) = section {
                    self.push(Item::Section { id, data: cut(range) })?;
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, item: Item<'a>) -> Result<(), Unmerged> {
        let mut uses = Uses(Vec::new());
        let sort = match &item {
            Item::Module(_) => Some(Sort::Module),
            Item::Instance(instance) => {
                uses.parse_instance(&mut InstanceSection::new(), instance.clone())?;
                Some(Sort::Instance)
            }
            Item::Alias(ComponentAlias::CoreInstanceExport { kind, instance_index, .. }) => {
                uses.0.push((Sort::Instance, *instance_index));
                Some(Sort::from(*kind))
            }
            Item::Alias(
                ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. }
                | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. },
            ) => return Err(MODULES),
            Item::Canonical(function) => {
                uses.parse_component_canonical(
                    &mut CanonicalFunctionSection::new(),
                    function.clone(),
                )?;
                (!is_lift(function)).then_some(Sort::Func)
            }
            Item::Section { .. } | Item::Component(_) | Item::Alias(_) | Item::Names(_) => None,
        };
        let defined = sort.map(|sort| {
            let count = self.counts.entry(sort).or_default();
            let id = (sort, *count);
            *count += 1;
            id
        });
        if let Some(id) = defined {
            self.definers.insert(id, self.all.len());
        }
        self.all.push(item);
        self.defined.push(defined);
        self.uses.push(uses.0);
        Ok(())
    }

    /// The number of the part that defines this.
    ///
    /// Fails if nothing does, which a valid component has not.
    pub(super) fn definer(&self, id: Id) -> Result<usize, Unmerged> {
        self.definers.get(&id).copied().ok_or(NOTHING)
    }

    /// The core instance of this number.
    pub(super) fn instance(&self, index: u32) -> Result<&Instance<'a>, Unmerged> {
        match self.all.get(self.definer((Sort::Instance, index))?) {
            Some(Item::Instance(instance)) => Ok(instance),
            _ => Err(NOTHING),
        }
    }

    /// The bytes of the module of this number.
    pub(super) fn module(&self, index: u32) -> Result<&'a [u8], Unmerged> {
        match self.all.get(self.definer((Sort::Module, index))?) {
            Some(Item::Module(module)) => Ok(module),
            _ => Err(NOTHING),
        }
    }

    /// How many core instances there are.
    pub(super) fn instances(&self) -> u32 {
        self.counts.get(&Sort::Instance).copied().unwrap_or_default()
    }

    /// The components in it.
    pub(super) fn components(&self) -> impl Iterator<Item = &'a [u8]> {
        self.all.iter().filter_map(|item| match item {
            Item::Component(nested) => Some(*nested),
            _ => None,
        })
    }
}

/// Whether it makes a function of the component, and not one of core WebAssembly.
pub(super) fn is_lift(function: &CanonicalFunction) -> bool {
    matches!(function, CanonicalFunction::Lift { .. })
}

/// What a valid component has not.
const NOTHING: Unmerged = Unmerged::Shape("a name for nothing");

const MODULES: Unmerged = Unmerged::Shape("modules that are handed from one component to another");

fn refuse_modules_from_outside(component: &[u8]) -> Result<(), Unmerged> {
    for payload in Parser::new(0).parse_all(component) {
        let Payload::ComponentAliasSection(section) = payload? else { continue };
        for alias in section {
            if let ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } = alias?
            {
                return Err(MODULES);
            }
        }
    }
    Ok(())
}

/// Refuses what names things of core WebAssembly where they are not looked for.
fn refuse_modules(payload: &Payload<'_>) -> Result<(), Unmerged> {
    let is_module = |kind: ComponentExternalKind| kind == ComponentExternalKind::Module;
    match payload {
        Payload::ComponentTypeSection(section) => {
            for ty in section.clone() {
                if let ComponentType::Resource { dtor: Some(_), .. } = ty? {
                    return Err(Unmerged::Shape("a resource of its own with a destructor"));
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                if let ComponentTypeRef::Module(_) = import?.ty {
                    return Err(MODULES);
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section.clone() {
                if is_module(export?.kind) {
                    return Err(MODULES);
                }
            }
        }
        Payload::ComponentInstanceSection(section) => {
            for instance in section.clone() {
                let has_module = match instance? {
                    ComponentInstance::Instantiate { args, .. } => {
                        args.iter().any(|argument| is_module(argument.kind))
                    }
                    ComponentInstance::FromExports(exports) => {
                        exports.iter().any(|export| is_module(export.kind))
                    }
                };
                if has_module {
                    return Err(MODULES);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes down what is named.
struct Uses(Vec<Id>);

impl Uses {
    fn named(&mut self, sort: Sort, index: u32) -> u32 {
        self.0.push((sort, index));
        index
    }
}

impl Reencode for Uses {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.named(Sort::Func, index))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.named(Sort::Table, index))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.named(Sort::Memory, index))
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.named(Sort::Global, index))
    }

    fn tag_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.named(Sort::Tag, index))
    }
}

impl ReencodeComponent for Uses {
    fn module_index(&mut self, index: u32) -> u32 {
        self.named(Sort::Module, index)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.named(Sort::Instance, index)
    }
}
