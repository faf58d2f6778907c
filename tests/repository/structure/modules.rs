//! The modules of a crate, read from its sources, and which type a name in them means.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, UseTree};

use crate::is_test;

/// The names from the crate's root to a module.
pub type Path = Vec<String>;

/// How many imports may lead from one to the next until a name is given up.
const LONGEST_CHAIN: usize = 32;

/// A crate without what is compiled for tests alone.
pub struct Crate {
    /// As other crates name it.
    pub name: String,
    /// Those within a file have an entry of their own.
    pub modules: BTreeMap<Path, Module>,
}

#[derive(Default)]
pub struct Module {
    /// Below the crate's folder of sources.
    pub file: String,
    /// All but its modules.
    pub items: Vec<Item>,
    types: BTreeSet<String>,
    /// What the imported names stand for, as written here.
    imports: BTreeMap<String, Path>,
    /// What `*` is imported from.
    globs: Vec<Path>,
}

impl Crate {
    /// Reads all modules from `lib.rs` on. `text_of` gives the text of a file of the crate.
    pub fn read(name: &str, text_of: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut found = Self {
            name: name.to_owned(),
            modules: BTreeMap::new(),
        };
        found.read_file(Path::new(), "lib.rs", "", text_of);
        found
    }

    /// `folder` is where the files of its own modules are: empty, or with a slash at its end.
    fn read_file(
        &mut self,
        path: Path,
        file: &str,
        folder: &str,
        text_of: &dyn Fn(&str) -> Option<String>,
    ) {
        let text = text_of(file).unwrap_or_else(|| panic!("{}: there is no {file}", self.name));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        if !is_test(&parsed.attrs) {
            self.read_items(path, file, folder, parsed.items, text_of);
        }
    }

    fn read_items(
        &mut self,
        path: Path,
        file: &str,
        folder: &str,
        items: Vec<Item>,
        text_of: &dyn Fn(&str) -> Option<String>,
    ) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            let Item::Mod(inner) = item else {
                module.note_names(&item);
                module.items.push(item);
                continue;
            };
            let name = inner.ident.to_string();
            let inner_path = [&path[..], std::slice::from_ref(&name)].concat();
            let inner_folder = format!("{folder}{name}/");
            if let Some((_, items)) = inner.content {
                self.read_items(inner_path, file, &inner_folder, items, text_of);
                continue;
            }
            let flat = format!("{folder}{name}.rs");
            let inner_file = match text_of(&flat) {
                Some(_) => flat,
                None => format!("{inner_folder}mod.rs"),
            };
            self.read_file(inner_path, &inner_file, &inner_folder, text_of);
        }
        self.modules.insert(path, module);
    }

    /// The full name of the type that a path in the module `from` means; none for a type of another crate.
    ///
    /// A type that a macro defines is not found where it stands. It is taken to be in the module that the
    /// path leads to.
    pub fn type_name(&self, from: &Path, path: &[String]) -> Option<String> {
        let (module, name) = self.find(from, path, LONGEST_CHAIN)?;
        let whole = [&self.name].into_iter().chain(&module).chain([&name]);
        let whole: Vec<_> = whole.map(|it| &**it).collect();
        Some(whole.join("::"))
    }

    fn find(&self, from: &Path, path: &[String], chain: usize) -> Option<(Path, String)> {
        let module = self.modules.get(from)?;
        let chain = chain.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return self.find(&Path::new(), rest, chain),
            "self" => return self.find(from, rest, chain),
            "super" => return self.find(&from[..from.len().checked_sub(1)?].to_vec(), rest, chain),
            _ => {}
        }
        if rest.is_empty() && module.types.contains(first) {
            return Some((from.clone(), first.clone()));
        }
        let child = [&from[..], std::slice::from_ref(first)].concat();
        if !rest.is_empty() && self.modules.contains_key(&child) {
            return self.find(&child, rest, chain);
        }
        if let Some(target) = module.imports.get(first) {
            return self.find(from, &[target, rest].concat(), chain);
        }
        let globs = module.globs.iter();
        let mut through_globs =
            globs.filter_map(|glob| self.find(from, &[glob, path].concat(), chain));
        let from_macro = || rest.is_empty().then(|| (from.clone(), first.clone()));
        // A glob that does not define the name gives only the assumption that a macro does.
        let is_defined = |(module, name): &(Path, String)| {
            let module = self.modules.get(module);
            module.is_some_and(|module| module.types.contains(name))
        };
        through_globs.find(is_defined).or_else(from_macro)
    }
}

impl Module {
    fn note_names(&mut self, item: &Item) {
        let name = match item {
            Item::Use(import) => return self.note_imports(&Path::new(), &import.tree),
            Item::Type(alias) => {
                if let syn::Type::Path(target) = &*alias.ty {
                    let target = names(&target.path);
                    self.imports.insert(alias.ident.to_string(), target);
                }
                return;
            }
            Item::Enum(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        self.types.insert(name.to_string());
    }

    fn note_imports(&mut self, before: &Path, tree: &UseTree) {
        let with = |name: &syn::Ident| [&before[..], &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.note_imports(&with(&path.ident), &path.tree),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_imports(before, tree);
                }
            }
            UseTree::Glob(_) => self.globs.push(before.clone()),
            UseTree::Name(name) if name.ident == "self" => self.note_import(before.clone()),
            UseTree::Name(name) => self.note_import(with(&name.ident)),
            UseTree::Rename(renamed) => {
                let target = with(&renamed.ident);
                self.imports.insert(renamed.rename.to_string(), target);
            }
        }
    }

    fn note_import(&mut self, target: Path) {
        if let Some(name) = target.last() {
            self.imports.insert(name.clone(), target);
        }
    }
}

/// The segments of a path, without their arguments.
pub fn names(path: &syn::Path) -> Path {
    let names = path.segments.iter().map(|it| it.ident.to_string());
    names.collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
