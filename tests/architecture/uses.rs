//! What a source file names: every path in it, made absolute.
//!
//! Paths come from `use` (groups, globs, renames, at any depth), from types, expressions, patterns
//! and visibilities, from the bodies of macros, and from strings in attributes
//! (`#[serde(with = "…")]`). A name that a `use` brought in is followed back to where it came from, so
//! `use std::time; time::Instant::now()` is seen as `std::time::Instant::now`.
//!
//! Items under `#[cfg(test)]` are left out: a test may look anywhere. Deliberately absent: methods
//! (`path.exists()`), since telling whose method it is needs types.

use std::collections::{BTreeSet, HashMap};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, UseTree};

/// The crate's own name, as its binary spells it.
const CRATE: &str = "mtok";

/// An absolute path and the line that names it; `crate::…` or an external crate's name first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Used {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
    /// Whether it is a macro that is called.
    pub(crate) is_macro: bool,
}

/// Everything that the file names outside its tests. `module` is its own path below `crate`.
pub(crate) fn uses(file: &syn::File, module: &[String]) -> BTreeSet<Used> {
    let mut collector = Collector { module: module.to_vec(), ..Collector::default() };
    collector.scope(file.items.iter(), |collector| visit::visit_file(collector, file));
    collector.used
}

/// The modules that the file declares for tests alone (`#[cfg(test)] mod name;`).
pub(crate) fn test_modules(file: &syn::File) -> Vec<String> {
    let declared = file.items.iter().filter_map(|item| match item {
        Item::Mod(item) if is_test(&item.attrs) => Some(item.ident.to_string()),
        _ => None,
    });
    declared.collect()
}

/// The keyword's lines, wherever it stands in the file: in code, in a macro, in an attribute.
pub(crate) fn keyword_lines(tokens: TokenStream, keyword: &str) -> Vec<usize> {
    let lines = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => keyword_lines(group.stream(), keyword),
        TokenTree::Ident(ident) if ident == keyword => vec![ident.span().start().line],
        _ => Vec::new(),
    });
    lines.collect()
}

/// Names that `use` and `mod` bring into one scope, and where each comes from.
type Names = HashMap<String, Vec<String>>;

#[derive(Default)]
struct Collector {
    module: Vec<String>,
    /// Innermost last; those of the current module only.
    scopes: Vec<Names>,
    used: BTreeSet<Used>,
}

impl Collector {
    /// Visits with the names that these items declare in scope.
    fn scope<'a>(&mut self, items: impl Iterator<Item = &'a Item>, visit: impl FnOnce(&mut Self)) {
        let mut raw = Names::new();
        let mut names = Names::new();
        for item in items {
            match item {
                Item::Use(item) => raw.extend(leaves(&item.tree).into_iter().map(|leaf| {
                    (leaf.name.clone(), rooted(leaf.path, item.leading_colon.is_some()))
                })),
                Item::Mod(item) => {
                    names.insert(item.ident.to_string(), self.here(&[item.ident.to_string()]));
                }
                _ => {}
            }
        }
        self.scopes.push(names);
        // A `use` may lean on another one of the same scope, in any order: go round until all the
        // chains are followed. Each round follows one more link, and a chain has no more links
        // than there are names.
        for _ in 0..=raw.len() {
            let resolved: Vec<_> = raw
                .iter()
                .filter_map(|(name, path)| Some((name.clone(), self.absolute(path, Some(name))?)))
                .collect();
            if let Some(scope) = self.scopes.last_mut() {
                let before = scope.clone();
                scope.extend(resolved);
                if *scope == before {
                    break;
                }
            }
        }
        visit(self);
        self.scopes.pop();
    }

    fn here(&self, rest: &[String]) -> Vec<String> {
        [&["crate".to_owned()], &self.module[..], rest].concat()
    }

    /// The path from a crate's root; `None` for `Self::…`. `defining` is the name being defined,
    /// which cannot lean on itself.
    fn absolute(&self, path: &[String], defining: Option<&str>) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        Some(match first.as_str() {
            "Self" => return None,
            "" => rest.to_vec(),
            "crate" => path.to_vec(),
            "self" => self.here(rest),
            "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                let kept = self.module.len().checked_sub(up)?;
                [&["crate".to_owned()], &self.module[..kept], &path[up..]].concat()
            }
            name => {
                let known = self.scopes.iter().rev().find_map(|names| names.get(name));
                match known {
                    Some(origin) if defining != Some(name) => [origin, rest].concat(),
                    _ if name == CRATE => [&["crate".to_owned()], rest].concat(),
                    _ => path.to_vec(),
                }
            }
        })
    }

    fn record(&mut self, path: &[String], line: usize, is_macro: bool) {
        if let Some(path) = self.absolute(path, None) {
            self.used.insert(Used { line, path, is_macro });
        }
    }

    /// Paths inside tokens that syn does not parse.
    fn scan(&mut self, tokens: TokenStream, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let (mut line, mut joined) = (0, !prefix.is_empty());
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) => {
                    if !joined {
                        self.flush(&mut path, line, false);
                    }
                    (line, joined) = (ident.span().start().line, false);
                    path.push(ident.to_string());
                }
                TokenTree::Punct(colon)
                    if colon.as_char() == ':'
                        && colon.spacing() == Spacing::Joint
                        && matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':') =>
                {
                    tokens.next();
                    joined = true;
                }
                TokenTree::Punct(star) if star.as_char() == '*' && joined => {
                    path.push("*".to_owned());
                    self.flush(&mut path, line, false);
                }
                TokenTree::Punct(mark) => {
                    self.flush(&mut path, line, mark.as_char() == '!');
                    if mark.as_char() == ',' {
                        path = prefix.to_vec();
                        joined = !prefix.is_empty();
                    } else {
                        joined = false;
                    }
                }
                TokenTree::Group(group) => {
                    let inner = if joined { std::mem::take(&mut path) } else { Vec::new() };
                    self.flush(&mut path, line, false);
                    self.scan(group.stream(), &inner);
                    joined = false;
                }
                TokenTree::Literal(literal) => {
                    self.flush(&mut path, line, false);
                    joined = false;
                    self.scan_string(&literal.to_string());
                }
            }
        }
        self.flush(&mut path, line, false);
    }

    /// A string that reads as a path (`#[serde(with = "crate::units::text")]`).
    fn scan_string(&mut self, literal: &str) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(literal) else { return };
        if let Ok(path) = text.parse::<syn::Path>() {
            self.visit_path(&path);
        }
    }

    fn flush(&mut self, path: &mut Vec<String>, line: usize, is_macro: bool) {
        if path.len() > 1 || (is_macro && !path.is_empty()) {
            self.record(path, line, is_macro);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, items)) = &item.content else { return visit::visit_item_mod(self, item) };
        let outer = std::mem::take(&mut self.scopes);
        self.module.push(item.ident.to_string());
        self.scope(items.iter(), |collector| visit::visit_item_mod(collector, item));
        self.module.pop();
        self.scopes = outer;
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let items = block.stmts.iter().filter_map(|statement| match statement {
            syn::Stmt::Item(item) => Some(item),
            _ => None,
        });
        self.scope(items, |collector| visit::visit_block(collector, block));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for leaf in leaves(&item.tree) {
            let path = rooted(leaf.path, item.leading_colon.is_some());
            if let Some(path) = self.absolute(&path, Some(&leaf.name)) {
                self.used.insert(Used { line: leaf.line, path, is_macro: false });
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // One segment is a local name; its `use` has been seen already.
        if path.segments.len() > 1 || path.leading_colon.is_some() {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let line = path.segments[0].ident.span().start().line;
            self.record(&rooted(segments, path.leading_colon.is_some()), line, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name: Vec<_> = call.path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.record(&name, call.path.segments[0].ident.span().start().line, true);
        self.scan(call.tokens.clone(), &[]);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            Meta::List(list) => self.scan(list.tokens.clone(), &[]),
            other => visit::visit_meta(self, other),
        }
    }
}

struct Leaf {
    path: Vec<String>,
    name: String,
    line: usize,
}

/// The single imports that a `use` tree stands for; a glob ends in `*`.
fn leaves(tree: &UseTree) -> Vec<Leaf> {
    match tree {
        UseTree::Path(node) => {
            let head = node.ident.to_string();
            let mut inner = leaves(&node.tree);
            for leaf in &mut inner {
                if leaf.path == ["self"] {
                    leaf.path.clear();
                    if leaf.name == "self" {
                        leaf.name.clone_from(&head);
                    }
                }
                leaf.path.insert(0, head.clone());
            }
            inner
        }
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Name(node) => vec![leaf(&node.ident, &node.ident)],
        UseTree::Rename(node) => vec![leaf(&node.ident, &node.rename)],
        UseTree::Glob(node) => {
            let line = node.star_token.spans[0].start().line;
            vec![Leaf { path: vec!["*".to_owned()], name: "*".to_owned(), line }]
        }
    }
}

fn leaf(origin: &proc_macro2::Ident, name: &proc_macro2::Ident) -> Leaf {
    Leaf {
        path: vec![origin.to_string()],
        name: name.to_string(),
        line: origin.span().start().line,
    }
}

/// A path with a leading `::` starts with an empty segment: no local name can stand before it.
fn rooted(mut path: Vec<String>, leading_colon: bool) -> Vec<String> {
    if leading_colon {
        path.insert(0, String::new());
    }
    path
}

/// `#[cfg(test)]` or `#[cfg(all(test, …))]`; neither `any(test, …)` nor `not(test)`.
fn is_test(attributes: &[Attribute]) -> bool {
    let names_test = |tokens: &TokenStream| {
        tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(i) if i == "test"))
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let mut tokens = list.tokens.clone().into_iter();
            match (tokens.next(), tokens.next()) {
                (Some(TokenTree::Ident(ident)), None) => ident == "test",
                (Some(TokenTree::Ident(ident)), Some(TokenTree::Group(group))) => {
                    ident == "all" && names_test(&group.stream())
                }
                _ => false,
            }
        }
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
