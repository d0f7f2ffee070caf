//! Where a source can be broken, and how: the list of [cargo-mutants](https://mutants.rs).
//!
//! | what | becomes |
//! |---|---|
//! | the body of a function | values of its return type |
//! | a binary operator | its neighbours |
//! | `!` and `-` | nothing |
//! | an arm of a match that has an arm `_` | nothing |
//! | the guard of an arm | `true` and `false` |
//! | a field in front of `..base` | nothing |
//!
//! Left out are constants, which the compiler evaluates, macros, tests, `Default` and functions called `new`.

use std::collections::HashMap;
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, BinOp, Block, Expr, ExprBinary, ExprMatch, ExprStruct, ExprUnary, Pat, Signature,
    Type, UnOp,
};

use crate::values;

/// A place that can be broken.
#[derive(Debug)]
pub struct Point {
    /// What is there, in bytes of the file.
    pub range: Range<usize>,
    /// How a change stands in its place.
    pub form: Form,
    /// What can stand there instead.
    pub changes: Vec<Change>,
}

/// How the original and its changes stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// An expression: one of them is the value.
    Value,
    /// The beginning of a function: a change returns before everything else.
    Entry,
    /// The body of a function that returns `impl Iterator`, all of whose answers must have one type: a change is an
    /// `Option` of the only item.
    Iterator,
    /// Behind the pattern of an arm that has no guard: the change makes it match nothing.
    Arm,
}

/// One way to break a point: a mutant.
#[derive(Debug)]
pub struct Change {
    /// What stands there instead.
    pub text: String,
    /// What was done, for the reader of a list.
    pub what: String,
}

/// Every point of a file.
pub fn points(source: &str, file: &syn::File) -> Vec<Point> {
    let mut finder = Finder {
        source,
        function: String::new(),
        points: Vec::new(),
        places: HashMap::new(),
    };
    finder.visit_file(file);
    finder.points
}

struct Finder<'a> {
    source: &'a str,
    /// The name of the function around.
    function: String,
    points: Vec<Point>,
    /// Where in `points` a place is.
    places: HashMap<(usize, usize, Form), usize>,
}

impl Finder<'_> {
    fn text(&self, node: &impl Spanned) -> &str {
        &self.source[node.span().byte_range()]
    }

    fn add(&mut self, range: Range<usize>, form: Form, text: impl Into<String>, what: &str) {
        let key = (range.start, range.end, form);
        let at = *self.places.entry(key).or_insert_with(|| {
            self.points.push(Point {
                range,
                form,
                changes: Vec::new(),
            });
            self.points.len() - 1
        });
        self.points[at].changes.push(Change {
            text: text.into(),
            what: format!("{what} in {}", self.function),
        });
    }

    fn add_value(&mut self, node: &impl Spanned, text: impl Into<String>, what: &str) {
        self.add(node.span().byte_range(), Form::Value, text, what);
    }

    /// A function: what it can answer at once, and what is inside.
    fn function(&mut self, attrs: &[Attribute], sig: &Signature, block: &Block) {
        if sig.constness.is_some() || is_test(attrs) || block.stmts.is_empty() {
            return;
        }
        let outer = std::mem::replace(&mut self.function, sig.ident.to_string());
        let braces = block.brace_token.span;
        let inside = braces.open().byte_range().end..braces.close().byte_range().start;
        match values::iterator_item(&sig.output) {
            Some(item) => {
                self.add(
                    inside.clone(),
                    Form::Iterator,
                    "None",
                    "replace the body with no item",
                );
                for value in values::of_type(item) {
                    let what = format!("replace the body with one item, {value},");
                    self.add(
                        inside.clone(),
                        Form::Iterator,
                        format!("Some({value})"),
                        &what,
                    );
                }
            }
            None => {
                let entry = inside.start..inside.start;
                for value in values::of_return_type(&sig.output) {
                    if self.source[inside.clone()].trim() != value {
                        let shown = if value.is_empty() { "()" } else { &value };
                        let what = format!("replace the body with {shown}");
                        self.add(entry.clone(), Form::Entry, format!("return {value}"), &what);
                    }
                }
            }
        }
        self.visit_block(block);
        self.function = outer;
    }
}

impl<'a> Visit<'a> for Finder<'_> {
    fn visit_item_const(&mut self, _: &'a syn::ItemConst) {}
    fn visit_item_static(&mut self, _: &'a syn::ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'a syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'a syn::TraitItemConst) {}
    fn visit_item_enum(&mut self, _: &'a syn::ItemEnum) {}
    fn visit_expr_const(&mut self, _: &'a syn::ExprConst) {}
    fn visit_type(&mut self, _: &'a Type) {}
    fn visit_pat(&mut self, _: &'a Pat) {}
    fn visit_attribute(&mut self, _: &'a Attribute) {}

    fn visit_item_mod(&mut self, it: &'a syn::ItemMod) {
        if !is_test(&it.attrs) {
            visit::visit_item_mod(self, it);
        }
    }

    fn visit_item_impl(&mut self, it: &'a syn::ItemImpl) {
        let of = it.trait_.as_ref().and_then(|of| of.0.segments.last());
        if of.is_none_or(|of| of.ident != "Default") {
            visit::visit_item_impl(self, it);
        }
    }

    fn visit_item_fn(&mut self, it: &'a syn::ItemFn) {
        self.function(&it.attrs, &it.sig, &it.block);
    }

    fn visit_impl_item_fn(&mut self, it: &'a syn::ImplItemFn) {
        if it.sig.ident != "new" {
            self.function(&it.attrs, &it.sig, &it.block);
        }
    }

    fn visit_trait_item_fn(&mut self, it: &'a syn::TraitItemFn) {
        if let Some(block) = &it.default {
            self.function(&it.attrs, &it.sig, block);
        }
    }

    fn visit_expr_binary(&mut self, it: &'a ExprBinary) {
        let (left, op, right) = (
            self.text(&*it.left),
            self.text(&it.op),
            self.text(&*it.right),
        );
        // `let` stands in no chain but one of `&&`.
        if !has_let(&it.left) && !has_let(&it.right) {
            let to = |new: &&str| {
                let text = format!("({left}) {new} ({right})");
                (text, format!("replace {op} with {new}"))
            };
            let changes: Vec<_> = neighbours(&it.op).iter().map(to).collect();
            for (text, what) in changes {
                self.add_value(it, text, &what);
            }
        }
        visit::visit_expr_binary(self, it);
    }

    fn visit_expr_unary(&mut self, it: &'a ExprUnary) {
        if matches!(it.op, UnOp::Not(_) | UnOp::Neg(_)) {
            let what = format!("delete {}", self.text(&it.op));
            self.add_value(it, format!("({})", self.text(&*it.expr)), &what);
        }
        visit::visit_expr_unary(self, it);
    }

    fn visit_expr_match(&mut self, it: &'a ExprMatch) {
        self.visit_expr(&it.expr);
        let has_rest = it.arms.iter().any(|arm| matches!(arm.pat, Pat::Wild(_)));
        for arm in &it.arms {
            match &arm.pat {
                Pat::Wild(_) => {}
                Pat::Guard(guarded) => {
                    if !has_let(&guarded.guard) {
                        for new in ["true", "false"] {
                            let what = format!("replace the guard of an arm with {new}");
                            self.add_value(&*guarded.guard, new, &what);
                        }
                    }
                    self.visit_expr(&guarded.guard);
                }
                pattern if has_rest => {
                    let end = pattern.span().byte_range().end;
                    let what = format!("delete the arm {}", short(self.text(pattern)));
                    self.add(end..end, Form::Arm, "false", &what);
                }
                _ => {}
            }
            self.visit_expr(&arm.body);
        }
    }

    fn visit_expr_struct(&mut self, it: &'a ExprStruct) {
        if it.rest.is_some() {
            let whole = it.span().byte_range();
            for pair in it.fields.pairs() {
                let field = pair.value().span().byte_range();
                let end = pair
                    .punct()
                    .map_or(field.end, |comma| comma.span().byte_range().end);
                let (before, after) = (whole.start..field.start, end..whole.end);
                let text = format!("{}{}", &self.source[before], &self.source[after]);
                let what = format!("delete the field {}", short(&self.source[field]));
                self.add_value(it, text, &what);
            }
        }
        visit::visit_expr_struct(self, it);
    }
}

/// What an operator becomes.
fn neighbours(op: &BinOp) -> &'static [&'static str] {
    match op {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Lt(_) => &["==", ">", "<="],
        BinOp::Gt(_) => &["==", "<", ">="],
        BinOp::Le(_) => &[">"],
        BinOp::Ge(_) => &["<"],
        BinOp::Add(_) => &["-", "*"],
        BinOp::Sub(_) | BinOp::Mul(_) => &["+", "/"],
        BinOp::Div(_) => &["%", "*"],
        BinOp::Rem(_) => &["/", "+"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::BitAnd(_) => &["|", "^"],
        BinOp::BitOr(_) => &["&", "^"],
        BinOp::BitXor(_) => &["|", "&"],
        BinOp::AddAssign(_) => &["-=", "*="],
        BinOp::SubAssign(_) | BinOp::MulAssign(_) => &["+=", "/="],
        BinOp::DivAssign(_) => &["%=", "*="],
        BinOp::RemAssign(_) => &["/=", "+="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        BinOp::BitAndAssign(_) => &["|="],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::BitXorAssign(_) => &["|=", "&="],
        _ => &[],
    }
}

/// Whether a chain of conditions binds something.
fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(it) => has_let(&it.left) || has_let(&it.right),
        _ => false,
    }
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| match &attr.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        syn::Meta::NameValue(_) => false,
    })
}

/// The beginning of a text, on one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::points;

    /// Each change of a source, as the text that it makes of its place.
    fn changes(source: &str) -> Vec<String> {
        let file = syn::parse_file(source).expect("it is Rust");
        let points = points(source, &file);
        let text = |it: super::Change| it.text;
        points
            .into_iter()
            .flat_map(|it| it.changes)
            .map(text)
            .collect()
    }

    #[test]
    fn a_function_answers_at_once() {
        assert_eq!(
            changes("fn f() -> bool { g() }"),
            ["return true", "return false"]
        );
        assert_eq!(
            changes("fn f() -> Option<u8> { None }"),
            ["return Some(0)", "return Some(1)"]
        );
        assert_eq!(changes("fn f() { g() }"), ["return "]);
        let item = "fn f() -> impl Iterator<Item = u8> { g() }";
        assert_eq!(changes(item), ["None", "Some(0)", "Some(1)"]);
    }

    #[test]
    fn what_is_left_out_has_no_changes() {
        for source in [
            "fn f() {}",
            "const C: u8 = 1 + 2;",
            "#[cfg(test)] mod tests { fn f() -> u8 { 1 + 2 } }",
            "impl T { fn new() -> u8 { 1 + 2 } }",
            "impl Default for T { fn default() -> u8 { 1 + 2 } }",
        ] {
            assert!(changes(source).is_empty(), "{source}");
        }
    }

    #[test]
    fn operators_have_neighbours() {
        assert_eq!(
            changes("fn f() { a < b }")[1..],
            ["(a) == (b)", "(a) > (b)", "(a) <= (b)"]
        );
        assert_eq!(
            changes("fn f() { a += -b }")[1..],
            ["(a) -= (-b)", "(a) *= (-b)", "(b)"]
        );
        assert_eq!(changes("fn f() { if let A = b && !c {} }")[1..], ["(c)"]);
    }

    #[test]
    fn arms_and_guards_go() {
        let with_rest = "fn f() { match a { B => c, D if e => f, _ => g } }";
        assert_eq!(changes(with_rest)[1..], ["false", "true", "false"]);
        assert_eq!(changes("fn f() { match a { B => c, D => f } }").len(), 1);
        assert_eq!(changes("fn f() { A { b: 1, ..c } }")[1..], ["A {  ..c }"]);
    }
}
