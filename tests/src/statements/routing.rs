//! Rule: each table of a workspace is limited to one workspace, the same for all of them.
//!
//! Citus sends such a statement to the one node with all rows of the workspace. It would plan any
//! other statement itself, and rejects most of them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, CopySource, Cte, Delete, Expr, FromTable, Insert, Join,
    JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, Statement, TableObject,
    TableWithJoins, Update, UpdateTableFromKind, Visit, Visitor,
};

use super::WORKSPACE_TABLES;
use super::parse::{Relation, column, last_name, parameter, relations, relations_of};

/// Returns the reasons why Citus cannot send a statement to one node.
pub(super) fn violations(statements: &[Statement]) -> Vec<String> {
    let mut routing = Routing::default();
    for statement in statements {
        routing.add_cte_names(statement);
    }
    for statement in statements {
        let result = statement.visit(&mut routing);
        debug_assert!(result.is_continue(), "the visitor never breaks");
    }
    if routing.workspaces.len() > 1 {
        let workspaces = &routing.workspaces;
        let message = format!("workspace_id is compared with {workspaces:?}: use one parameter");
        routing.violations.push(message);
    }
    routing.violations
}

/// Returns whether statements read or write a table of a workspace.
pub(super) fn has_workspace_table(statements: &[Statement]) -> bool {
    let mut found = false;
    for statement in statements {
        let result = sqlparser::ast::visit_relations(statement, |name| {
            found |= is_workspace_table(&last_name(name));
            ControlFlow::<()>::Continue(())
        });
        debug_assert!(result.is_continue(), "the closure never breaks");
    }
    found
}

fn is_workspace_table(table: &str) -> bool {
    WORKSPACE_TABLES.contains(&table)
}

#[derive(Default)]
struct Routing {
    /// Names of the common table expressions, which hide tables of the same name.
    cte_names: BTreeSet<String>,
    /// Parameters that `workspace_id` is compared with.
    workspaces: BTreeSet<String>,
    violations: Vec<String>,
}

impl Visitor for Routing {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.check(&select.from, select.selection.as_ref());
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Insert(insert) => self.check_insert(insert),
            Statement::Update(update) => self.check_update(update),
            Statement::Delete(delete) => self.check_delete(delete),
            Statement::Copy {
                source:
                    CopySource::Table {
                        table_name,
                        columns,
                    },
                ..
            } => {
                let first = columns.first().map(|column| column.value.to_lowercase());
                self.check_first_column(&last_name(table_name), first);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Routing {
    fn add_cte_names(&mut self, statement: &Statement) {
        struct Names<'a>(&'a mut BTreeSet<String>);
        impl Visitor for Names<'_> {
            type Break = ();

            fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
                let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
                let name = |cte: &Cte| cte.alias.name.value.to_lowercase();
                self.0.extend(ctes.map(name));
                ControlFlow::Continue(())
            }
        }
        let result = statement.visit(&mut Names(&mut self.cte_names));
        debug_assert!(result.is_continue(), "the visitor never breaks");
    }

    fn is_workspace_table(&self, table: &str) -> bool {
        is_workspace_table(table) && !self.cte_names.contains(table)
    }

    /// Checks that each table of a FROM clause has a condition `workspace_id = $n`.
    fn check(&mut self, from: &[TableWithJoins], selection: Option<&Expr>) {
        let tables: Vec<_> = relations(from)
            .into_iter()
            .filter(|relation| self.is_workspace_table(&relation.table))
            .collect();
        let mut filters = selection.map(filters).unwrap_or_default();
        filters.extend(
            from.iter()
                .flat_map(|table| &table.joins)
                .flat_map(join_filters),
        );
        for Relation { table, alias } in &tables {
            let is_filter = |qualifier: &Option<String>| match qualifier {
                Some(qualifier) => qualifier == alias,
                None => tables.len() == 1,
            };
            let filter = filters.iter().find(|(qualifier, _)| is_filter(qualifier));
            if let Some((_, parameter)) = filter {
                self.workspaces.insert(parameter.clone());
            } else {
                let message = format!("{table} has no condition {alias}.workspace_id = $n");
                self.violations.push(message);
            }
        }
    }

    fn check_update(&mut self, update: &Update) {
        let mut from = vec![update.table.clone()];
        if let Some(UpdateTableFromKind::AfterSet(tables)) = &update.from {
            from.extend(tables.iter().cloned());
        }
        self.check(&from, update.selection.as_ref());
        let assigns_workspace = update.assignments.iter().any(|assignment| {
            matches!(&assignment.target,
                AssignmentTarget::ColumnName(name) if last_name(name) == "workspace_id")
        });
        if assigns_workspace {
            let message = "UPDATE of workspace_id would move a row to another shard";
            self.violations.push(message.to_owned());
        }
    }

    fn check_delete(&mut self, delete: &Delete) {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let mut from = from.clone();
        from.extend(delete.using.iter().flatten().cloned());
        self.check(&from, delete.selection.as_ref());
    }

    /// Checks that the rows of an INSERT begin with a parameter for their workspace.
    ///
    /// Does not compare the parameters of several rows in VALUES: each row has one of its own.
    fn check_insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else {
            return;
        };
        let table = last_name(name);
        if !self.is_workspace_table(&table) {
            return;
        }
        self.check_first_column(&table, insert.columns.first().map(last_name));
        let body = insert.source.as_ref().map(|source| source.body.as_ref());
        let workspaces: Option<Vec<_>> = match body {
            Some(SetExpr::Values(values)) => {
                let rows = values.rows.iter();
                rows.map(|row| row.first().and_then(parameter)).collect()
            }
            Some(SetExpr::Select(select)) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => {
                    parameter(expr).map(|workspace| vec![workspace])
                }
                _ => None,
            },
            _ => None,
        };
        match workspaces.as_deref() {
            Some(&[workspace]) => {
                self.workspaces.insert(workspace.to_owned());
            }
            Some(_) => {}
            None => {
                let message =
                    format!("INSERT INTO {table} does not begin its rows with a parameter");
                self.violations.push(message);
            }
        }
    }

    fn check_first_column(&mut self, table: &str, first: Option<String>) {
        if self.is_workspace_table(table) && first.as_deref() != Some("workspace_id") {
            let message = format!("the first column written to {table} is not workspace_id");
            self.violations.push(message);
        }
    }
}

/// Qualifier and parameter of a condition `workspace_id = $n`.
type Filter = (Option<String>, String);

/// Returns the filters of the ON clause of a join.
///
/// The one of a LEFT JOIN limits only the table that is joined: rows of the others remain without
/// a match.
fn join_filters(join: &Join) -> Vec<Filter> {
    match &join.join_operator {
        JoinOperator::Join(JoinConstraint::On(expr))
        | JoinOperator::Inner(JoinConstraint::On(expr)) => filters(expr),
        JoinOperator::Left(JoinConstraint::On(expr))
        | JoinOperator::LeftOuter(JoinConstraint::On(expr)) => {
            let joined = relations_of(&join.relation);
            let is_joined = |alias: &String| joined.iter().any(|table| table.alias == *alias);
            let mut filters = filters(expr);
            filters.retain(|(qualifier, _)| qualifier.as_ref().is_some_and(is_joined));
            filters
        }
        _ => Vec::new(),
    }
}

/// Returns the filters of a condition that must hold whenever it holds.
fn filters(condition: &Expr) -> Vec<Filter> {
    match condition {
        Expr::Nested(inner) => filters(inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => [filters(left), filters(right)].concat(),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => filter(left, right).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn filter(left: &Expr, right: &Expr) -> Option<Filter> {
    let (qualifier, name) = column(left)?;
    let parameter = parameter(right)?;
    (name == "workspace_id").then(|| (qualifier, parameter.to_owned()))
}
