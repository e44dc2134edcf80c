//! Where in the syntax of a file mutants act.

use crate::mutant::{Genre, Position};
use proc_macro2::Span;
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprBinary, Member, Pat, ReturnType, Signature, Type};

/// How a mutant gets into the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// As one of two values of the expression `whole`: in the mutant's, its replacement stands for `cut`.
    Choice { whole: Range<usize>, cut: Range<usize> },
    /// As one of two values of a field: in the mutant's, `base` gives it. `name` is said if the field's was left out.
    Field { value: Range<usize>, base: Range<usize>, field: String, shorthand: bool },
    /// As a return before this first statement of a function.
    Return(usize),
    /// As a guard after this end of a pattern.
    Guard(usize),
}

/// Why a switch is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The value is computed when the code is compiled.
    Constant,
    /// The function may be called when the code is compiled.
    ConstFn,
    /// The function has one type of result, which is not that of the replacement.
    OpaqueResult,
    /// The operator joins conditions with `let`, where no other operator may be.
    LetChain,
}

/// A place for mutants.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) place: Place,
    pub(crate) obstacle: Option<Obstacle>,
}

/// The places of a file, by the genre of the mutant and the position at which cargo-mutants says that it begins.
pub(crate) type Sites = BTreeMap<(Genre, Position), Site>;

/// Finds the places of a file.
pub(crate) fn find(text: &str) -> syn::Result<Sites> {
    let mut finder = Finder { sites: Sites::new(), obstacle: None };
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.sites)
}

struct Finder {
    sites: Sites,
    /// Why no switch is possible in the syntax that is being visited.
    obstacle: Option<Obstacle>,
}

/// Operators by how tightly they bind. A mutant of an operator is always of the same class.
#[derive(PartialEq, Eq)]
enum Class {
    Assignment,
    Lazy,
    Comparison,
    Arithmetic,
}

impl Class {
    fn of(operator: &BinOp) -> Self {
        match operator {
            BinOp::And(_) | BinOp::Or(_) => Self::Lazy,
            BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                Self::Comparison
            }
            BinOp::Add(_) | BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_) | BinOp::Rem(_) => Self::Arithmetic,
            BinOp::BitXor(_) | BinOp::BitAnd(_) | BinOp::BitOr(_) | BinOp::Shl(_) | BinOp::Shr(_) => {
                Self::Arithmetic
            }
            _ => Self::Assignment,
        }
    }
}

/// Returns whether an operand of a chain of `&&` and `||` is a `let`, so that the chain is no expression.
fn has_let(chain: &Expr) -> bool {
    match chain {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl Finder {
    fn add(&mut self, genre: Genre, at: Span, place: Place, obstacle: Option<Obstacle>) {
        let start = at.start();
        let at = Position { line: start.line, column: start.column + 1 };
        self.sites.insert((genre, at), Site { place, obstacle: self.obstacle.or(obstacle) });
    }

    /// Visits what an obstacle surrounds.
    fn within(&mut self, obstacle: Option<Obstacle>, visit: impl FnOnce(&mut Self)) {
        let before = self.obstacle;
        self.obstacle = before.or(obstacle);
        visit(self);
        self.obstacle = before;
    }

    /// Adds the operators of a chain. A mutant may bind tighter than the operator for which it stands, so the text of the whole chain is
    /// that of the mutant.
    fn add_chain(&mut self, part: &ExprBinary, whole: &Range<usize>, obstacle: Option<Obstacle>) {
        let operator = part.op.span();
        let place = Place::Choice { whole: whole.clone(), cut: operator.byte_range() };
        self.add(Genre::BinaryOperator, operator, place, obstacle);
        for operand in [&part.left, &part.right] {
            match operand.as_ref() {
                Expr::Binary(inner) if Class::of(&inner.op) == Class::of(&part.op) => {
                    self.add_chain(inner, whole, obstacle);
                }
                other => self.visit_expr(other),
            }
        }
    }

    fn add_function(&mut self, signature: &Signature, body: &syn::Block) {
        let opaque =
            matches!(&signature.output, ReturnType::Type(_, kind) if matches!(**kind, Type::ImplTrait(_)));
        if let Some(first) = body.stmts.first() {
            let place = Place::Return(first.span().byte_range().start);
            self.add(Genre::FnValue, first.span(), place, opaque.then_some(Obstacle::OpaqueResult));
        }
    }
}

fn const_fn(signature: &Signature) -> Option<Obstacle> {
    signature.constness.is_some().then_some(Obstacle::ConstFn)
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.within(const_fn(&item.sig), |finder| {
            finder.add_function(&item.sig, &item.block);
            visit::visit_item_fn(finder, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within(const_fn(&item.sig), |finder| {
            finder.add_function(&item.sig, &item.block);
            visit::visit_impl_item_fn(finder, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.add_function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_item_const(finder, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_impl_item_const(finder, item));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_trait_item_const(finder, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_item_static(finder, item));
    }

    fn visit_expr_const(&mut self, block: &'ast syn::ExprConst) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_expr_const(finder, block));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_variant(finder, variant));
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.within(Some(Obstacle::Constant), |finder| visit::visit_type_array(finder, array));
    }

    fn visit_expr_repeat(&mut self, array: &'ast syn::ExprRepeat) {
        self.visit_expr(&array.expr);
        self.within(Some(Obstacle::Constant), |finder| finder.visit_expr(&array.len));
    }

    fn visit_expr_binary(&mut self, chain: &'ast ExprBinary) {
        let conditions = Class::of(&chain.op) == Class::Lazy
            && [&chain.left, &chain.right].into_iter().any(|side| has_let(side));
        self.add_chain(chain, &chain.span().byte_range(), conditions.then_some(Obstacle::LetChain));
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let operator = unary.op.span();
        let place = Place::Choice { whole: unary.span().byte_range(), cut: operator.byte_range() };
        self.add(Genre::UnaryOperator, operator, place, None);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Pat::Guard(guarded) = &arm.pat {
            let guard = guarded.guard.span();
            let place = Place::Choice { whole: guard.byte_range(), cut: guard.byte_range() };
            self.add(Genre::MatchArmGuard, guard, place, None);
        } else {
            let place = Place::Guard(arm.pat.span().byte_range().end);
            self.add(Genre::MatchArm, arm.span(), place, None);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        for field in &made.fields {
            if let (Some(base), Member::Named(name)) = (&made.rest, &field.member) {
                let place = Place::Field {
                    value: field.expr.span().byte_range(),
                    base: base.span().byte_range(),
                    field: name.to_string(),
                    shorthand: field.colon_token.is_none(),
                };
                self.add(Genre::StructField, field.span(), place, None);
            }
        }
        visit::visit_expr_struct(self, made);
    }
}
