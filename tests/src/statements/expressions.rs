//! Rules: expressions that a cluster evaluates on another node, or rejects.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Assignment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Insert,
    OnConflictAction, OnInsert, Query, Select, SetExpr, Statement, TableFactor, Visit, Visitor,
    visit_expressions, visit_relations,
};

use super::WORKSPACE_TABLES;
use super::parse::{alias_or_name, column, last_name, relations};

/// Functions of sequences.
const SEQUENCE_FUNCTIONS: [&str; 4] = ["nextval", "currval", "lastval", "setval"];

/// Setting that need not reach the workers: the tokens of rate limits may be lost in a crash, but
/// need not be.
const LOCAL_SETTING: &str = "('synchronous_commit'";

/// The table that is replicated to each node.
const REFERENCE_TABLE: &str = "workspaces";

/// Returns the expressions of a statement that a cluster does not evaluate as one PostgreSQL does.
pub(super) fn violations(statement: &Statement) -> Vec<String> {
    let mut checks = Checks {
        has_table: has_table(statement),
        row_names: row_names(statement),
        violations: Vec::new(),
    };
    let result = statement.visit(&mut checks);
    debug_assert!(result.is_continue(), "the visitor never breaks");
    checks.violations
}

struct Checks {
    has_table: bool,
    /// Names that mean a whole row if they are used like a column.
    row_names: BTreeSet<String>,
    violations: Vec<String>,
}

impl Visitor for Checks {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.check_function(function);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.check_correlation(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Insert(insert) => {
                self.check_values(insert);
                if let Some(OnInsert::OnConflict(conflict)) = &insert.on
                    && let OnConflictAction::DoUpdate(update) = &conflict.action
                {
                    self.check_assignments(&update.assignments);
                }
            }
            Statement::Update(update) => self.check_assignments(&update.assignments),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Checks {
    fn check_function(&mut self, function: &Function) {
        let name = last_name(&function.name);
        // The worker that runs the statement has a range of the sequence of its own, and the
        // serving role has no privilege on it there.
        if SEQUENCE_FUNCTIONS.contains(&name.as_str()) && self.has_table {
            self.report(format!("{name}() beside a table runs on a worker"));
        }
        // Workers get the effect of SET LOCAL, but not of this function.
        let arguments = function.args.to_string();
        if name == "set_config" && !arguments.starts_with(LOCAL_SETTING) {
            self.report("set_config() has no effect on workers".to_owned());
        }
        if let FunctionArguments::List(list) = &function.args {
            for argument in &list.args {
                self.check_argument(&name, argument);
            }
        }
    }

    /// Rejects whole rows: the row type of a shard is not that of the table.
    fn check_argument(&mut self, function: &str, argument: &FunctionArg) {
        let row = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                Some(name.to_string())
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => match column(expr) {
                Some((None, name)) if self.row_names.contains(&name) => Some(name),
                _ => None,
            },
            _ => None,
        };
        if let Some(row) = row {
            self.report(format!("{function}({row}) has a whole row as its argument"));
        }
    }

    /// Rejects an array element or slice as the new value of a column. Citus 13.2 takes it for an
    /// assignment to an element, and crashes when it writes the statement for a shard.
    fn check_assignments(&mut self, assignments: &[Assignment]) {
        for Assignment { target, value } in assignments {
            let mut value = value;
            while let Expr::Nested(inner) = value {
                value = inner;
            }
            if matches!(value, Expr::CompoundFieldAccess { .. }) {
                let advice = "wrap the value in another function, such as coalesce()";
                self.report(format!("{target} = {value} crashes Citus: {advice}"));
            }
        }
    }

    /// Rejects subqueries on tables of workspaces that refer to a row of the replicated table.
    fn check_correlation(&mut self, select: &Select) {
        let outer = relations(&select.from);
        let Some(reference) = outer.iter().find(|table| table.table == REFERENCE_TABLE) else {
            return;
        };
        for query in subqueries(select) {
            let has_workspace_table = tables(&query)
                .iter()
                .any(|table| WORKSPACE_TABLES.contains(&table.as_str()));
            let mut is_correlated = false;
            let result = visit_expressions(&query, |expr| {
                let qualifier = column(expr).and_then(|(qualifier, _)| qualifier);
                is_correlated |= qualifier.as_deref() == Some(&reference.alias);
                ControlFlow::<()>::Continue(())
            });
            debug_assert!(result.is_continue(), "the closure never breaks");
            if has_workspace_table && is_correlated {
                self.report(format!("the subquery {query} refers to {REFERENCE_TABLE}"));
            }
        }
    }

    /// Rejects subqueries in VALUES.
    fn check_values(&mut self, insert: &Insert) {
        let body = insert.source.as_ref().map(|source| source.body.as_ref());
        let Some(SetExpr::Values(values)) = body else {
            return;
        };
        let result = visit_expressions(values, |expr| {
            if matches!(expr, Expr::Subquery(_) | Expr::Exists { .. }) {
                self.violations.push(format!(
                    "the subquery {expr} is in VALUES: use INSERT .. SELECT"
                ));
            }
            ControlFlow::<()>::Continue(())
        });
        debug_assert!(result.is_continue(), "the closure never breaks");
    }

    fn report(&mut self, violation: String) {
        self.violations.push(violation);
    }
}

/// Returns the names of all tables of a statement or query.
fn tables(node: &impl Visit) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    let result = visit_relations(node, |name| {
        tables.insert(last_name(name));
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(result.is_continue(), "the closure never breaks");
    tables
}

fn has_table(statement: &Statement) -> bool {
    let is_table =
        |table: &String| table == REFERENCE_TABLE || WORKSPACE_TABLES.contains(&table.as_str());
    tables(statement).iter().any(is_table)
}

/// Returns the names of tables, and the aliases of tables and subqueries.
fn row_names(statement: &Statement) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            match factor {
                TableFactor::Table {
                    name,
                    alias,
                    args: None,
                    ..
                } => {
                    self.0.insert(alias_or_name(alias.as_ref(), name));
                }
                TableFactor::Derived {
                    alias: Some(alias), ..
                } => {
                    self.0.insert(alias.name.value.to_lowercase());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(BTreeSet::new());
    let result = statement.visit(&mut names);
    debug_assert!(result.is_continue(), "the visitor never breaks");
    names.0
}

/// Returns the subqueries in the expressions of a SELECT, not those in its FROM clause.
fn subqueries(select: &Select) -> Vec<Query> {
    #[derive(Default)]
    struct Subqueries {
        depth: usize,
        queries: Vec<Query>,
    }
    impl Visitor for Subqueries {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            if self.depth == 0 {
                self.queries.push(query.clone());
            }
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut subqueries = Subqueries::default();
    for result in [
        select.selection.visit(&mut subqueries),
        select.projection.visit(&mut subqueries),
    ] {
        debug_assert!(result.is_continue(), "the visitor never breaks");
    }
    subqueries.queries
}
