//! The files that call each other's methods, and the circles that they form.
//!
//! The sources are read without the types of values. A method call goes to the file that defines an inherent
//! method of that name, if no other file of the crate does. If the call names a type, or is one on `self`, it
//! has to be a method of that type.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ImplItemFn, Item, ItemImpl, Macro};

use super::methods;
use super::modules::{Crate, Path, names};
use crate::is_test;

/// Names of methods that types of other crates have as well: a call on a value may mean those.
const FOREIGN: &[&str] = &[
    "all",
    "any",
    "build",
    "clear",
    "contains",
    "contains_key",
    "drain",
    "elapsed",
    "entry",
    "extend",
    "filter",
    "find",
    "first",
    "flush",
    "get",
    "get_mut",
    "insert",
    "is_empty",
    "iter",
    "iter_mut",
    "join",
    "keys",
    "last",
    "len",
    "lock",
    "map",
    "max_age",
    "next",
    "notified",
    "poll",
    "pop",
    "push",
    "range",
    "read",
    "recv",
    "remove",
    "replace",
    "retain",
    "send",
    "split",
    "swap",
    "take",
    "url",
    "value",
    "values",
    "wait",
    "wait_for",
    "write",
];

/// The calls from one file to others: the other file, and one of the methods that are called there.
type Calls<'a> = BTreeMap<&'a str, String>;

/// Where inherent methods of one name are defined.
#[derive(Default)]
struct Definitions<'a> {
    files: BTreeSet<&'a str>,
    types: BTreeSet<String>,
}

/// The calls of each file.
pub fn calls(of: &Crate) -> BTreeMap<&str, Calls<'_>> {
    let mut defined: BTreeMap<String, Definitions<'_>> = BTreeMap::new();
    for (name, inherent) in methods::by_type(of) {
        for (method, file) in inherent.methods {
            let definitions = defined.entry(method).or_default();
            definitions.files.insert(file);
            definitions.types.insert(name.clone());
        }
    }
    let mut calls: BTreeMap<&str, Calls<'_>> = BTreeMap::new();
    for (path, module) in &of.modules {
        let own = calls.entry(&module.file).or_default();
        for call in Finder::calls_in(&module.items) {
            let Some(definitions) = defined.get(&call.name) else {
                continue;
            };
            let is_it = match &call.of_type {
                Some(name) => {
                    let name = of.type_name(path, name);
                    name.is_some_and(|name| definitions.types.contains(&name))
                }
                None => !FOREIGN.contains(&&*call.name),
            };
            let mut files = definitions.files.iter();
            if let (Some(file), None) = (files.next(), files.next())
                && is_it
                && **file != module.file
            {
                own.insert(file, call.name);
            }
        }
    }
    calls
}

/// The largest sets of files of which each reaches each other one by calls.
pub fn circles<'a>(calls: &BTreeMap<&'a str, Calls<'a>>) -> BTreeSet<BTreeSet<&'a str>> {
    let reached = calls.keys().map(|file| (*file, reached_from(file, calls)));
    let reached: BTreeMap<_, _> = reached.collect();
    let circles = reached.iter().filter_map(|(file, others)| {
        let back = others.iter().filter(|other| reached[*other].contains(file));
        let circle: BTreeSet<_> = back.copied().collect();
        (!circle.is_empty()).then_some(circle)
    });
    circles.collect()
}

fn reached_from<'a>(file: &str, calls: &BTreeMap<&'a str, Calls<'a>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = calls[file].keys().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(calls[file].keys().copied());
        }
    }
    reached
}

/// Finds the names of called methods, and of called functions of types.
#[derive(Default)]
struct Finder {
    /// The type of the `impl` block around.
    own_type: Option<Path>,
    calls: Vec<Call>,
}

struct Call {
    /// The path of the type whose method is called; none for a call on a value of any type.
    of_type: Option<Path>,
    name: String,
}

impl Finder {
    fn calls_in(items: &[Item]) -> Vec<Call> {
        let mut finder = Self::default();
        for item in items {
            finder.visit_item(item);
        }
        finder.calls
    }

    fn note_path(&mut self, mut path: Path) {
        let Some(name) = path.pop() else { return };
        let is_type = path
            .last()
            .is_some_and(|it| it.starts_with(char::is_uppercase));
        if is_type {
            let of_type = match path == ["Self"] {
                true => self.own_type.clone(),
                false => Some(path),
            };
            self.calls.push(Call { of_type, name });
        }
    }

    fn note_method(&mut self, name: String, is_on_self: bool) {
        let of_type = self.own_type.clone().filter(|_| is_on_self);
        self.calls.push(Call { of_type, name });
    }

    /// The tokens of a macro are not parsed. There a call is a name before parentheses.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<_> = tokens.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            let TokenTree::Group(group) = tree else {
                continue;
            };
            self.note_tokens(group.stream());
            if group.delimiter() != Delimiter::Parenthesis {
                continue;
            }
            let called = without_arguments(&trees[..at]);
            match called {
                [before @ .., TokenTree::Punct(dot), TokenTree::Ident(name)]
                    if dot.as_char() == '.' =>
                {
                    let receiver = before.last();
                    let is_on_self = receiver.is_some_and(|it| it.to_string() == "self");
                    self.note_method(name.to_string(), is_on_self);
                }
                [.., TokenTree::Ident(_)] => self.note_path(path_at_the_end(called)),
                _ => {}
            }
        }
    }
}

/// Tokens without the `::<…>` at their end.
fn without_arguments(trees: &[TokenTree]) -> &[TokenTree] {
    let is = |tree: &TokenTree, c| matches!(tree, TokenTree::Punct(it) if it.as_char() == c);
    let mut depth = 0;
    for (at, tree) in trees.iter().enumerate().rev() {
        depth += i32::from(is(tree, '>')) - i32::from(is(tree, '<'));
        if depth == 0 {
            let before = &trees[..at];
            return match before {
                [before @ .., a, b] if is(tree, '<') && is(a, ':') && is(b, ':') => before,
                _ => trees,
            };
        }
    }
    trees
}

/// The names at the end of some tokens, with `::` between them.
fn path_at_the_end(mut trees: &[TokenTree]) -> Path {
    let mut path = Path::new();
    while let [before @ .., TokenTree::Ident(name)] = trees {
        path.insert(0, name.to_string());
        trees = match before {
            [
                before @ ..,
                TokenTree::Punct(first),
                TokenTree::Punct(second),
            ] if first.as_char() == ':' && second.as_char() == ':' => before,
            _ => break,
        };
    }
    path
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        let outer = mem::replace(&mut self.own_type, methods::self_type(&block.self_ty));
        visit::visit_item_impl(self, block);
        self.own_type = outer;
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        if !is_test(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let is_on_self = matches!(&*call.receiver, Expr::Path(it) if it.path.is_ident("self"));
        self.note_method(call.method.to_string(), is_on_self);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && path.qself.is_none()
        {
            self.note_path(names(&path.path));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.note_tokens(called.tokens.clone());
    }
}
