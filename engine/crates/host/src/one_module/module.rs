//! A core module, read.

use std::collections::HashMap;

use wasmparser::{
    CompositeInnerType, Data, Element, ExternalKind, FuncType, FunctionBody, Global, Import,
    KnownCustom, MemoryType, Name, Parser, Payload, RecGroup, Table, TypeRef, ValType,
};

use super::Unmerged;

/// What a module holds, each by its number. Imports are not among what it defines.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// The type of each function.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<Table<'a>>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(super) start: Option<u32>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) data: Vec<Data<'a>>,
    pub(super) code: Vec<FunctionBody<'a>>,
    /// What it is called itself.
    pub(super) name: Option<&'a str>,
    /// What its functions are called, those that it imports too.
    pub(super) function_names: Vec<(u32, &'a str)>,
    /// The field, what was used, and its version.
    pub(super) producers: Vec<(&'a str, &'a str, &'a str)>,
}

impl<'a> Module<'a> {
    /// Reads a module.
    ///
    /// Fails with what it has that is not known here.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Unmerged> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.take(payload?)?;
        }
        Ok(module)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<(), Unmerged> {
        match payload {
            Payload::Version { .. } | Payload::End(_) => {}
            // Counted anew where they are written.
            Payload::DataCountSection { .. } | Payload::CodeSectionStart { .. } => {}
            Payload::TypeSection(section) => {
                for group in section {
                    self.types.push(function_type(&group?)?);
                }
            }
            Payload::ImportSection(section) => {
                self.imports = section.into_imports().collect::<Result<_, _>>()?;
            }
            Payload::FunctionSection(section) => {
                self.functions = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(section) => {
                self.tables = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::MemorySection(section) => {
                self.memories = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::GlobalSection(section) => {
                self.globals = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => {
                self.elements = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::DataSection(section) => {
                self.data = section.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::CodeSectionEntry(body) => self.code.push(body),
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => {
                    for name in names {
                        self.take_name(name?)?;
                    }
                }
                KnownCustom::Producers(fields) => {
                    for field in fields {
                        let field = field?;
                        for value in field.values {
                            let value = value?;
                            self.producers.push((field.name, value.name, value.version));
                        }
                    }
                }
                // They say which byte of the code is of which line.
                _ if section.name().starts_with(".debug") => {
                    return Err(Unmerged::Shape("the lines of its sources"));
                }
                // What linkers read, who are done.
                _ => {}
            },
            _ => return Err(Unmerged::Shape("a section that is not known")),
        }
        Ok(())
    }

    fn take_name(&mut self, name: Name<'a>) -> Result<(), Unmerged> {
        match name {
            Name::Module { name, .. } => self.name = Some(name),
            Name::Function(names) => {
                for naming in names {
                    let naming = naming?;
                    self.function_names.push((naming.index, naming.name));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many functions it imports. The numbers of its own begin there.
    pub(super) fn imported_functions(&self) -> usize {
        self.imports.iter().filter(|import| matches!(import.ty, TypeRef::Func(_))).count()
    }
}

/// The type, if it is one of a function, by itself and of nothing that another type would have to be looked at for.
fn function_type(group: &RecGroup) -> Result<FuncType, Unmerged> {
    const OTHERS: Unmerged = Unmerged::Shape("types that are not of plain functions");
    let mut types = group.types();
    let (Some(ty), None, false) = (types.next(), types.next(), group.is_explicit_rec_group())
    else {
        return Err(OTHERS);
    };
    let composite = &ty.composite_type;
    let is_plain = ty.is_final
        && ty.supertype_idx.is_none()
        && !composite.shared
        && composite.descriptor_idx.is_none()
        && composite.describes_idx.is_none();
    let is_simple = |value: &ValType| match value {
        ValType::Ref(reference) => !reference.is_concrete_type_ref(),
        _ => true,
    };
    match &composite.inner {
        CompositeInnerType::Func(function)
            if is_plain && function.params().iter().chain(function.results()).all(is_simple) =>
        {
            Ok(function.clone())
        }
        _ => Err(OTHERS),
    }
}
