//! The one core module that means what several do together.
//!
//! What one module imports of another is a direct reference in it. Where the linker has put a library's part of the memory
//! and the table is a number in it (`places`), so that it is known before an instance is made what both begin with.

use std::collections::{BTreeMap, HashMap};

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, DataSegment, DataSegmentMode,
    ElementSection, ExportKind, ExportSection, FunctionSection, GlobalSection, ImportSection,
    Instruction, MemorySection, NameMap, NameSection, ProducersField, ProducersSection,
    StartSection, TableSection, TypeSection,
};
use wasmparser::{ExternalKind, Operator};

use super::Unmerged;
use super::members::Members;
use super::places::{Export, Global, MISMATCH, Places, Plan, number_of};

/// The module that its imports are from, whose names are numbers.
pub(super) const OUTSIDE: &str = "outside";

/// What was made of several modules.
pub(super) struct Linked<'a> {
    /// The module's bytes.
    pub(super) module: Vec<u8>,
    /// The functions of the component that it imports, by their numbers there.
    pub(super) imports: Vec<u32>,
    /// By which name it exports what an instance exported by one.
    pub(super) exports: HashMap<(u32, &'a str), String>,
}

/// Links the members, so that what is wanted of them is exported.
///
/// Fails with what they have that cannot be in one module.
pub(super) fn linked<'a>(
    members: &Members<'a>,
    wanted: &[(u32, &'a str)],
) -> Result<Linked<'a>, Unmerged> {
    let mut plan = Plan::of(members)?;
    let exports = plan.exported(wanted)?;
    plan.find_used(members, &exports)?;
    plan.find_constants(members)?;
    let module = plan.encode(members, &exports)?;
    let used = plan.outside.iter().zip(&plan.functions).filter(|(_, of)| of.place.is_some());
    let imports = used.map(|((function, _), _)| *function).collect();
    let exports = exports.into_iter().map(|export| (export.of, export.name)).collect();
    Ok(Linked { module, imports, exports })
}

impl<'a> Plan<'a> {
    fn encode(&self, members: &Members<'a>, exports: &[Export<'_>]) -> Result<Vec<u8>, Unmerged> {
        let mut types = TypeSection::new();
        for ty in &self.types {
            types.ty().func_type(&reencode::RoundtripReencoder.func_type(ty.clone())?);
        }
        let mut imports = ImportSection::new();
        for ((_, ty), function) in self.outside.iter().zip(&self.functions) {
            if let Some(place) = function.place {
                let ty = wasm_encoder::EntityType::Function(*ty);
                imports.import(OUTSIDE, &place.to_string(), ty);
            }
        }
        let mut functions = FunctionSection::new();
        let mut tables = TableSection::new();
        let mut memories = MemorySection::new();
        let mut globals = GlobalSection::new();
        let mut elements = ElementSection::new();
        let mut code = CodeSection::new();
        let mut data = DataSection::new();
        let mut start = None;
        for (member, places) in members.all.values().zip(self.places.values()) {
            let module = &member.module;
            let mut here = Here { places, plan: self };
            let own = places.functions.len().saturating_sub(module.functions.len());
            let own = module.functions.iter().zip(&module.code).zip(&places.functions[own..]);
            for ((ty, body), &place) in own {
                if self.functions.get(place).is_some_and(|function| function.is_used) {
                    functions.function(here.type_index(*ty)?);
                    here.parse_function_body(&mut code, body.clone())?;
                }
            }
            for table in &module.tables {
                here.parse_table(&mut tables, table.clone())?;
            }
            for memory in &module.memories {
                memories.memory(here.memory_type(*memory)?);
            }
            let own = places.globals.len().saturating_sub(module.globals.len());
            for (global, &place) in module.globals.iter().zip(&places.globals[own..]) {
                if self.globals.get(place).is_some_and(|global| global.place.is_some()) {
                    let ty = here.global_type(global.ty)?;
                    globals.global(ty, &here.const_expr(global.init_expr.clone())?);
                }
            }
            for segment in &module.elements {
                here.parse_element(&mut elements, segment.clone())?;
            }
            for segment in &module.data {
                // Not byte by byte, as it would be done for us.
                let offset;
                let mode = match &segment.kind {
                    wasmparser::DataKind::Active { memory_index, offset_expr } => {
                        offset = here.const_expr(offset_expr.clone())?;
                        let memory_index = here.memory_index(*memory_index)?;
                        DataSegmentMode::Active { memory_index, offset: &offset }
                    }
                    wasmparser::DataKind::Passive => DataSegmentMode::Passive,
                };
                data.segment(DataSegment { mode, data: segment.data.iter().copied() });
            }
            if let Some(function) = module.start {
                start = Some(here.function_index(function)?);
            }
        }

        let mut module = wasm_encoder::Module::new();
        module.section(&types).section(&imports).section(&functions);
        module.section(&tables).section(&memories).section(&globals);
        module.section(&self.export_section(exports)?);
        if let Some(function_index) = start {
            module.section(&StartSection { function_index });
        }
        module.section(&elements).section(&DataCountSection { count: data.len() });
        module.section(&code).section(&data);
        module.section(&self.names(members)).section(&producers(members));
        Ok(module.finish())
    }

    fn export_section(&self, exports: &[Export<'_>]) -> Result<ExportSection, Unmerged> {
        let mut section = ExportSection::new();
        for export in exports {
            let index = match export.kind {
                ExternalKind::Func => {
                    let function = self.functions.get(export.index as usize);
                    function.and_then(|function| function.place).ok_or(MISMATCH)?
                }
                ExternalKind::Global => {
                    let global = self.globals.get(export.index as usize);
                    global.and_then(|global| global.place).ok_or(MISMATCH)?
                }
                _ => export.index,
            };
            section.export(&export.name, ExportKind::from(export.kind), index);
        }
        Ok(section)
    }

    /// What functions are called, so that traps and profiles name them.
    fn names(&self, members: &Members<'_>) -> NameSection {
        let mut section = NameSection::new();
        let largest = members.all.values().max_by_key(|member| member.module.code.len());
        if let Some(name) = largest.and_then(|member| member.module.name) {
            section.module(name);
        }
        let mut names = BTreeMap::new();
        for (member, places) in members.all.values().zip(self.places.values()) {
            let imported = member.module.imported_functions();
            for &(index, name) in &member.module.function_names {
                let function = places.functions.get(index as usize);
                let function = function.and_then(|place| self.functions.get(*place));
                let Some(place) = function.and_then(|function| function.place) else { continue };
                // Who defines it knows best.
                if index as usize >= imported {
                    names.insert(place, name);
                } else {
                    names.entry(place).or_insert(name);
                }
            }
        }
        let mut map = NameMap::new();
        names.into_iter().for_each(|(place, name)| map.append(place, name));
        section.functions(&map);
        section
    }
}

/// Writes what one module holds as it is in the whole.
struct Here<'p, 'a> {
    places: &'p Places<'a>,
    plan: &'p Plan<'a>,
}

impl Here<'_, '_> {
    fn of(places: &[u32], index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        places.get(index as usize).copied().ok_or(reencode::Error::UserError(MISMATCH))
    }

    fn global(&self, index: u32) -> Result<&Global, reencode::Error<Unmerged>> {
        let place = self.places.globals.get(index as usize);
        let global = place.and_then(|place| self.plan.globals.get(*place));
        global.ok_or(reencode::Error::UserError(MISMATCH))
    }
}

impl Reencode for Here<'_, '_> {
    type Error = Unmerged;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Self::of(&self.places.types, index)
    }

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        let place = self.places.functions.get(index as usize);
        let function = place.and_then(|place| self.plan.functions.get(*place));
        let place = function.and_then(|function| function.place);
        place.ok_or(reencode::Error::UserError(MISMATCH))
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Self::of(&self.places.tables, index)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Self::of(&self.places.memories, index)
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        self.global(index)?.place.ok_or(reencode::Error::UserError(MISMATCH))
    }

    fn tag_index(&mut self, _: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Err(reencode::Error::UserError(Unmerged::Shape("exceptions")))
    }

    fn element_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Ok(self.places.elements.saturating_add(index))
    }

    fn data_index(&mut self, index: u32) -> Result<u32, reencode::Error<Unmerged>> {
        Ok(self.places.data.saturating_add(index))
    }

    fn instruction<'o>(
        &mut self,
        operator: Operator<'o>,
    ) -> Result<Instruction<'o>, reencode::Error<Unmerged>> {
        if let Operator::GlobalGet { global_index } = operator
            && let Some(constant) = self.global(global_index)?.constant
        {
            return Ok(Instruction::I32Const(constant));
        }
        reencode::utils::instruction(self, operator)
    }

    fn const_expr(
        &mut self,
        expression: wasmparser::ConstExpr<'_>,
    ) -> Result<ConstExpr, reencode::Error<Unmerged>> {
        match number_of(&expression, self.places, &self.plan.globals) {
            Some(number) => Ok(ConstExpr::i32_const(number)),
            None => reencode::utils::const_expr(self, expression),
        }
    }
}

/// What the modules were made with, each tool once.
fn producers(members: &Members<'_>) -> ProducersSection {
    let mut fields: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for member in members.all.values() {
        for (field, name, version) in &member.module.producers {
            fields.entry(field).or_default().entry(name).or_insert(version);
        }
    }
    let mut section = ProducersSection::new();
    for (field, values) in fields {
        let mut of = ProducersField::new();
        for (name, version) in values {
            of.value(name, version);
        }
        section.field(field, &of);
    }
    section
}
