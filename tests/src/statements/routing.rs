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
use super::parse::{Relation, column, last_name, parameter, relations};

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
        let conditions = conditions(&select.from, select.selection.as_ref());
        self.check(relations(&select.from), &conditions);
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

    /// Checks that each table has a condition `workspace_id = $n`.
    fn check(&mut self, relations: Vec<Relation>, conditions: &[&Expr]) {
        let tables: Vec<_> = relations
            .into_iter()
            .filter(|relation| self.is_workspace_table(&relation.table))
            .collect();
        let filters: Vec<_> = conditions.iter().filter_map(|expr| filter(expr)).collect();
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
        let conditions = conditions(&from, update.selection.as_ref());
        self.check(relations(&from), &conditions);
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
        let conditions = conditions(&from, delete.selection.as_ref());
        self.check(relations(&from), &conditions);
    }

    /// Checks that the rows of an INSERT begin with a parameter for their workspace.
    fn check_insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else {
            return;
        };
        let table = last_name(name);
        self.check_first_column(&table, insert.columns.first().map(last_name));
        let body = insert.source.as_ref().map(|source| source.body.as_ref());
        let is_parameter = match body {
            Some(SetExpr::Values(values)) => values
                .rows
                .iter()
                .all(|row| row.first().and_then(parameter).is_some()),
            Some(SetExpr::Select(select)) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => {
                    let workspace = parameter(expr);
                    self.workspaces.extend(workspace.map(str::to_owned));
                    workspace.is_some()
                }
                _ => false,
            },
            _ => false,
        };
        if self.is_workspace_table(&table) && !is_parameter {
            let message = format!("INSERT INTO {table} does not begin its rows with a parameter");
            self.violations.push(message);
        }
    }

    fn check_first_column(&mut self, table: &str, first: Option<String>) {
        if self.is_workspace_table(table) && first.as_deref() != Some("workspace_id") {
            let message = format!("the first column written to {table} is not workspace_id");
            self.violations.push(message);
        }
    }
}

/// Returns the conditions of a WHERE clause and of the joins of a FROM clause, which all must hold.
fn conditions<'a>(from: &'a [TableWithJoins], selection: Option<&'a Expr>) -> Vec<&'a Expr> {
    let joins = from.iter().flat_map(|table| &table.joins);
    let mut conditions = Vec::new();
    for expr in selection
        .into_iter()
        .chain(joins.filter_map(join_condition))
    {
        add_conjuncts(expr, &mut conditions);
    }
    conditions
}

fn join_condition(join: &Join) -> Option<&Expr> {
    match &join.join_operator {
        JoinOperator::Join(JoinConstraint::On(expr))
        | JoinOperator::Inner(JoinConstraint::On(expr))
        | JoinOperator::Left(JoinConstraint::On(expr))
        | JoinOperator::LeftOuter(JoinConstraint::On(expr)) => Some(expr),
        _ => None,
    }
}

fn add_conjuncts<'a>(expr: &'a Expr, conjuncts: &mut Vec<&'a Expr>) {
    match expr {
        Expr::Nested(inner) => add_conjuncts(inner, conjuncts),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            add_conjuncts(left, conjuncts);
            add_conjuncts(right, conjuncts);
        }
        _ => conjuncts.push(expr),
    }
}

/// Returns qualifier and parameter of the condition `workspace_id = $n`.
fn filter(condition: &Expr) -> Option<(Option<String>, String)> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = condition
    else {
        return None;
    };
    let (qualifier, name) = column(left)?;
    let parameter = parameter(right)?;
    (name == "workspace_id").then(|| (qualifier, parameter.to_owned()))
}
