//! The awaits of a source, found in its syntax tree.

use std::collections::{BTreeMap, BTreeSet};

use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Token};

use crate::is_test;

/// The functions with a deadline: tokio's, that of `clock.rs`, and those that the stores build on it.
const BOUNDS: [&str; 4] = ["answer", "timeout", "timeout_at", "within"];

/// One thing that is awaited.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Await {
    /// The function that it is in.
    pub function: String,
    /// The last name of the receiver: `store` of `self.store.get(…)`. Of a path, the name before the last.
    pub receiver: String,
    /// The called method or function.
    pub name: String,
}

/// The awaits of a source that are not inside of a function with a deadline.
pub fn unbounded(file: &syn::File) -> Vec<Await> {
    let mut finder = Finder::default();
    finder.visit_file(file);
    finder.found
}

#[derive(Default)]
struct Finder {
    function: String,
    /// The values of the names that the function binds.
    bindings: BTreeMap<String, Expr>,
    /// The number of calls around this place that have a deadline.
    bounded: usize,
    found: Vec<Await>,
}

impl Finder {
    fn in_function(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        let bounded = std::mem::take(&mut self.bounded);
        let bindings = std::mem::take(&mut self.bindings);
        let outer = std::mem::replace(&mut self.function, name);
        visit(self);
        (self.function, self.bindings, self.bounded) = (outer, bindings, bounded);
    }

    fn bind(&mut self, pattern: &Pat, value: &Expr) {
        match (pattern, value) {
            (Pat::Ident(name), _) => {
                self.bindings.insert(name.ident.to_string(), value.clone());
            }
            (Pat::Type(typed), _) => self.bind(&typed.pat, value),
            (Pat::Tuple(patterns), Expr::Tuple(values)) => {
                for (pattern, value) in patterns.elems.iter().zip(&values.elems) {
                    self.bind(pattern, value);
                }
            }
            _ => {}
        }
    }

    fn awaited(&mut self, future: &Expr) {
        if self.bounded > 0 {
            return;
        }
        match future {
            // Its own awaits are visited separately.
            Expr::Async(_) => {}
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let (receiver, name) = names(&path.path);
                    // The body of a closure of this function is visited separately.
                    let is_closure = receiver.is_empty() && self.is_closure(&name);
                    if !BOUNDS.contains(&&*name) && !is_closure {
                        self.note(receiver, name);
                    }
                }
                _ => self.note(String::new(), "an expression".into()),
            },
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                if !BOUNDS.contains(&&*name) {
                    self.note(last_name(&call.receiver), name);
                }
            }
            Expr::Paren(inner) => self.awaited(&inner.expr),
            Expr::Group(inner) => self.awaited(&inner.expr),
            Expr::Reference(inner) => self.awaited(&inner.expr),
            Expr::Path(path) => {
                let (_, name) = names(&path.path);
                match self.bindings.remove(&name) {
                    Some(value) => {
                        self.awaited(&value);
                        self.bindings.insert(name, value);
                    }
                    None => self.note(String::new(), name),
                }
            }
            Expr::Try(inner) => self.awaited(&inner.expr),
            Expr::Field(field) => {
                let syn::Member::Named(name) = &field.member else {
                    return self.note(String::new(), "an expression".into());
                };
                self.note(last_name(&field.base), name.to_string());
            }
            _ => self.note(String::new(), "an expression".into()),
        }
    }

    fn is_closure(&self, name: &str) -> bool {
        let value = self.bindings.get(name);
        value.is_some_and(|value| matches!(value, Expr::Closure(_)))
    }

    fn note(&mut self, receiver: String, name: String) {
        self.found.push(Await {
            function: self.function.clone(),
            receiver,
            name,
        });
    }

    /// Visits the parts of a call, which may have a deadline or continue in its own task.
    fn called(&mut self, name: &str, visit: impl FnOnce(&mut Self)) {
        let before = self.bounded;
        if BOUNDS.contains(&name) {
            self.bounded += 1;
        } else if name == "spawn" {
            self.bounded = 0;
        }
        visit(self);
        self.bounded = before;
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if let syn::Item::Mod(module) = item
            && is_test(&module.attrs)
        {
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let name = function.sig.ident.to_string();
        self.in_function(name, |finder| visit::visit_item_fn(finder, function));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        let name = function.sig.ident.to_string();
        self.in_function(name, |finder| visit::visit_impl_item_fn(finder, function));
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        let name = function.sig.ident.to_string();
        self.in_function(name, |finder| visit::visit_trait_item_fn(finder, function));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        if let Some(init) = &local.init {
            self.bind(&local.pat, &init.expr);
        }
    }

    fn visit_expr_await(&mut self, awaited: &'ast syn::ExprAwait) {
        self.awaited(&awaited.base);
        visit::visit_expr_await(self, awaited);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let name = match &*call.func {
            Expr::Path(path) => names(&path.path).1,
            _ => String::new(),
        };
        self.called(&name, |finder| visit::visit_expr_call(finder, call));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        self.called(&name, |finder| visit::visit_expr_method_call(finder, call));
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = names(&mac.path).1;
        if name == "select" {
            let branches: Branches = mac.parse_body().expect("the branches of a `select!`");
            for (future, handler) in branches.0 {
                self.awaited(&future);
                self.visit_own(&future);
                self.visit_own(&handler);
            }
            return;
        }
        let text = mac.tokens.to_string();
        let waits = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let waits = waits.into_iter().any(|word| word == "await");
        // The tokens of other macros are not parsed, so no await may be among them. `macro_rules` defines
        // a macro and awaits nothing.
        assert!(
            !waits || name == "macro_rules",
            "an await is hidden in `{name}!`"
        );
    }
}

impl Finder {
    /// Visits an expression that does not live as long as the source.
    fn visit_own(&mut self, expression: &Expr) {
        let mut inner = Finder {
            function: self.function.clone(),
            bindings: self.bindings.clone(),
            bounded: self.bounded,
            found: Vec::new(),
        };
        inner.visit_expr(expression);
        self.found.append(&mut inner.found);
    }
}

/// `pattern = future => handler` of each branch of a `select!`.
struct Branches(Vec<(Expr, Expr)>);

impl Parse for Branches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut branches = Vec::new();
        while !input.is_empty() {
            Pat::parse_multi(input)?;
            input.parse::<Token![=]>()?;
            let future = input.parse()?;
            input.parse::<Token![=>]>()?;
            let handler = Expr::parse_with_earlier_boundary_rule(input)?;
            input.parse::<Option<Token![,]>>()?;
            branches.push((future, handler));
        }
        Ok(Self(branches))
    }
}

/// The name before the last one of a path, and the last one.
fn names(path: &syn::Path) -> (String, String) {
    let mut names = path.segments.iter().rev().map(|it| it.ident.to_string());
    let name = names.next().unwrap_or_default();
    (names.next().unwrap_or_default(), name)
}

/// The last name of a receiver.
fn last_name(receiver: &Expr) -> String {
    match receiver {
        Expr::Path(path) => names(&path.path).1,
        Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => name.to_string(),
            syn::Member::Unnamed(field) => field.index.to_string(),
        },
        Expr::MethodCall(call) => format!("{}()", call.method),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => format!("{}()", names(&path.path).1),
            _ => String::new(),
        },
        Expr::Reference(inner) => last_name(&inner.expr),
        Expr::Paren(inner) => last_name(&inner.expr),
        Expr::Unary(inner) => last_name(&inner.expr),
        Expr::Index(inner) => last_name(&inner.expr),
        Expr::Try(inner) => last_name(&inner.expr),
        Expr::Await(inner) => last_name(&inner.base),
        _ => String::new(),
    }
}

/// Names of functions that are async, or give a future.
#[derive(Default)]
pub struct Functions {
    pub free: BTreeSet<String>,
    /// Inherent methods.
    pub methods: BTreeSet<String>,
    /// Methods of traits, by the trait's name.
    pub traits: BTreeMap<String, BTreeSet<String>>,
}

impl Functions {
    pub fn read(&mut self, file: &syn::File) {
        self.visit_file(file);
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if waits(&function.sig) {
            self.free.insert(function.sig.ident.to_string());
        }
    }

    fn visit_item_impl(&mut self, implementation: &'ast syn::ItemImpl) {
        for item in &implementation.items {
            let syn::ImplItem::Fn(function) = item else {
                continue;
            };
            // Methods of traits are recorded by their trait.
            if implementation.trait_.is_none() && waits(&function.sig) {
                self.methods.insert(function.sig.ident.to_string());
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let methods = self.traits.entry(item.ident.to_string()).or_default();
        for method in &item.items {
            if let syn::TraitItem::Fn(method) = method
                && waits(&method.sig)
            {
                methods.insert(method.sig.ident.to_string());
            }
        }
    }
}

/// True for an `async fn`, and for one that returns `impl Future` or a boxed one.
fn waits(signature: &syn::Signature) -> bool {
    struct Named(bool);
    impl<'ast> Visit<'ast> for Named {
        fn visit_ident(&mut self, name: &'ast syn::Ident) {
            self.0 |= *name == "Future";
        }
    }
    let mut named = Named(signature.asyncness.is_some());
    named.visit_return_type(&signature.output);
    named.0
}
