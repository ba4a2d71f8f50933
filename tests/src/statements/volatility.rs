//! Rules: functions in statements that write.
//!
//! A node evaluates the functions of a statement that writes once, before it sends the statement to
//! the copies of the shard, which would otherwise differ. It can do so only if their values do not
//! depend on the rows. The rules repeat `TargetlistAndFunctionsSupported` and
//! `ErrorIfOnConflictNotSupported` in Citus's `multi_router_planner.c`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, DataType, Delete, Expr, Insert, OnConflictAction, OnInsert, Statement, Update,
    Visit, Visitor,
};

use super::parse::{for_each_function, for_each_outer_expression, has_column, last_name};

/// Volatility of a function, as in `pg_proc.provolatile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// Functions in statements that write. A function that is in none of the lists counts as volatile.
const IMMUTABLE_FUNCTIONS: [&str; 24] = [
    "abs",
    "array_agg",
    "array_append",
    "array_cat",
    "array_length",
    "array_remove",
    "array_replace",
    "cardinality",
    "coalesce",
    "count",
    "generate_series",
    "greatest",
    "hashint8",
    "hashtextextended",
    "least",
    "length",
    "lower",
    "max",
    "min",
    "octet_length",
    "strpos",
    "sum",
    "unnest",
    "upper",
];
const STABLE_FUNCTIONS: [&str; 8] = [
    "convert_from",
    "current_setting",
    "current_timestamp",
    "now",
    "starts_with",
    "statement_timestamp",
    "to_char",
    "transaction_timestamp",
];

fn volatility(function: &str) -> Volatility {
    if IMMUTABLE_FUNCTIONS.contains(&function) {
        Volatility::Immutable
    } else if STABLE_FUNCTIONS.contains(&function) {
        Volatility::Stable
    } else {
        Volatility::Volatile
    }
}

/// Returns the functions in the wrong places.
pub(super) fn violations(statement: &Statement) -> Vec<String> {
    let mut writes = Writes::default();
    let result = statement.visit(&mut writes);
    debug_assert!(result.is_continue(), "the visitor never breaks");
    writes.violations
}

/// Checks each statement that writes, those in common table expressions included.
#[derive(Default)]
struct Writes {
    violations: Vec<String>,
}

impl Visitor for Writes {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Insert(insert) => self.check_insert(insert),
            Statement::Update(update) => self.check_update(update),
            Statement::Delete(delete) => self.check_delete(delete),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Writes {
    fn check_insert(&mut self, insert: &Insert) {
        self.reject_functions(&insert.returning, Volatility::Stable, "in RETURNING");
        if let Some(OnInsert::OnConflict(conflict)) = &insert.on
            && let OnConflictAction::DoUpdate(update) = &conflict.action
        {
            self.reject_functions(update, Volatility::Stable, "in ON CONFLICT DO UPDATE");
        }
    }

    fn check_update(&mut self, update: &Update) {
        self.reject_functions(update, Volatility::Volatile, "in UPDATE");
        self.reject_functions(&update.returning, Volatility::Stable, "in RETURNING");
        self.check_values(&update.assignments);
        self.check_values(&update.selection);
    }

    fn check_delete(&mut self, delete: &Delete) {
        self.reject_functions(delete, Volatility::Volatile, "in DELETE");
        self.reject_functions(&delete.returning, Volatility::Stable, "in RETURNING");
        self.check_values(&delete.selection);
    }

    /// Rejects functions that are at least as volatile.
    fn reject_functions(&mut self, node: &impl Visit, rejected: Volatility, place: &str) {
        for_each_function(node, |function| {
            let name = last_name(&function.name);
            let found = volatility(&name);
            if found >= rejected {
                let message = format!("{name}() is {found:?}, which is not possible {place}");
                self.violations.push(message);
            }
        });
    }

    /// Rejects stable functions of columns, and other than immutable functions in CASE and
    /// COALESCE.
    fn check_values(&mut self, node: &impl Visit) {
        for_each_outer_expression(node, |expr| {
            if is_stable(expr) && has_column(expr) {
                let message = format!("{expr} is STABLE and refers to a column");
                self.violations.push(message);
            }
            if is_conditional(expr) {
                self.reject_functions(expr, Volatility::Stable, "in CASE or COALESCE");
            }
        });
    }
}

/// Returns whether an expression is a call of a stable function, or adds an interval to an instant,
/// which depends on the session's time zone. `AT TIME ZONE` makes a timestamp of an instant.
fn is_stable(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => volatility(&last_name(&function.name)) == Volatility::Stable,
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Plus | BinaryOperator::Minus,
            right,
        } => {
            let is_timestamp = |expr: &Expr| matches!(expr, Expr::AtTimeZone { .. });
            let has_interval = is_interval(left) || is_interval(right);
            has_interval && !is_timestamp(left) && !is_timestamp(right)
        }
        _ => false,
    }
}

fn is_interval(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) => true,
        Expr::TypedString(typed) => matches!(typed.data_type, DataType::Interval { .. }),
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::Interval { .. }),
        Expr::Function(function) => last_name(&function.name) == "make_interval",
        _ => false,
    }
}

fn is_conditional(expr: &Expr) -> bool {
    match expr {
        Expr::Case { .. } => true,
        Expr::Function(function) => last_name(&function.name) == "coalesce",
        _ => false,
    }
}
