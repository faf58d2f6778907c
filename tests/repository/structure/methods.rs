//! The inherent methods of each type, and the files that its inherent `impl` blocks are in.

use std::collections::{BTreeMap, BTreeSet};

use syn::{ImplItem, Item, ItemImpl, Type};

use super::modules::{Crate, Path, names};
use crate::is_test;

#[derive(Debug, Default)]
pub struct Inherent<'a> {
    /// The names, each with the file that it is defined in.
    pub methods: BTreeSet<(String, &'a str)>,
    pub files: BTreeSet<&'a str>,
}

/// Of each type, by its full name.
pub fn by_type(of: &Crate) -> BTreeMap<String, Inherent<'_>> {
    let mut found: BTreeMap<String, Inherent<'_>> = BTreeMap::new();
    for (path, module) in &of.modules {
        for block in inherent(&module.items) {
            let name = self_type(&block.self_ty);
            let name = name.and_then(|name| of.type_name(path, &name));
            let name = name.unwrap_or_else(|| panic!("{}: an impl of which type?", module.file));
            let inherent = found.entry(name).or_default();
            inherent.files.insert(&module.file);
            let methods = methods(block).map(|name| (name, &*module.file));
            inherent.methods.extend(methods);
        }
    }
    found
}

/// The inherent `impl` blocks among the items of a module.
fn inherent(items: &[Item]) -> impl Iterator<Item = &ItemImpl> {
    items.iter().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() => Some(block),
        _ => None,
    })
}

/// The names of a block's functions, with or without `self`.
fn methods(block: &ItemImpl) -> impl Iterator<Item = String> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) if !is_test(&method.attrs) => Some(method.sig.ident.to_string()),
        _ => None,
    })
}

/// The path of the type that an `impl` block is for, if it has one.
pub fn self_type(of: &Type) -> Option<Path> {
    match of {
        Type::Path(path) => Some(names(&path.path)),
        Type::Paren(inner) => self_type(&inner.elem),
        Type::Group(inner) => self_type(&inner.elem),
        // `impl dyn Trait`
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => Some(names(&bound.path)),
            _ => None,
        }),
        _ => None,
    }
}
