//! Parses SQL statements, and finds the parts of their syntax trees that the rules are about.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, ObjectName, Query, Statement, TableAlias, TableFactor, TableWithJoins, Value,
    Visit, Visitor, visit_expressions,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};

/// Parses statements that are separated by semicolons.
pub(super) fn parse(sql: &str) -> Result<Vec<Statement>, ParserError> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize()?;
    let tokens = tokens
        .into_iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    Parser::new(&dialect)
        .with_tokens(without_lock_strength(tokens))
        .parse_statements()
}

/// Replaces `FOR NO KEY UPDATE` and `FOR KEY SHARE`, which the parser does not know, by
/// `FOR UPDATE` and `FOR SHARE`. No rule depends on the strength of a lock.
fn without_lock_strength(tokens: Vec<Token>) -> Vec<Token> {
    let keyword = |token: &Token| match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if matches!(keyword(&token), Keyword::UPDATE | Keyword::SHARE) {
            let strength = [Keyword::KEY, Keyword::NO];
            let before: Vec<_> = kept.iter().rev().take(3).map(keyword).collect();
            if let Some(length) = before.iter().position(|word| *word == Keyword::FOR)
                && strength.starts_with(&before[..length])
            {
                kept.truncate(kept.len() - length);
            }
        }
        kept.push(token);
    }
    kept
}

/// A table or view of a FROM clause, or the target of a statement.
pub(super) struct Relation {
    /// Name of the table.
    pub(super) table: String,
    /// Name that columns are qualified with.
    pub(super) alias: String,
}

/// Returns the tables and views of a FROM clause, without those of its subqueries.
pub(super) fn relations(from: &[TableWithJoins]) -> Vec<Relation> {
    let factors = from
        .iter()
        .flat_map(|table| std::iter::once(&table.relation).chain(joined(table)));
    factors.flat_map(relations_of).collect()
}

fn joined(table: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    table.joins.iter().map(|join| &join.relation)
}

/// Returns the tables and views of one item of a FROM clause, without those of its subqueries.
pub(super) fn relations_of(factor: &TableFactor) -> Vec<Relation> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => vec![Relation {
            table: last_name(name),
            alias: alias_or_name(alias.as_ref(), name),
        }],
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => relations(std::slice::from_ref(table_with_joins)),
        _ => Vec::new(),
    }
}

/// Returns the name that columns of a table are qualified with, in lower case.
pub(super) fn alias_or_name(alias: Option<&TableAlias>, name: &ObjectName) -> String {
    match alias {
        Some(alias) => alias.name.value.to_lowercase(),
        None => last_name(name),
    }
}

/// Returns the last part of a qualified name, in lower case.
pub(super) fn last_name(name: &ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map_or_else(String::new, |ident| ident.value.to_lowercase())
}

/// Returns the parameter that an expression consists of, such as `$1` or `$1::bigint`.
pub(super) fn parameter(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => parameter(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Returns qualifier and name of a column.
pub(super) fn column(expr: &Expr) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Nested(inner) => column(inner),
        Expr::Identifier(name) => Some((None, name.value.to_lowercase())),
        Expr::CompoundIdentifier(names) => {
            let (name, qualifiers) = names.split_last()?;
            let qualifier = qualifiers.last()?.value.to_lowercase();
            Some((Some(qualifier), name.value.to_lowercase()))
        }
        _ => None,
    }
}

/// Calls `found` with each function call, those in subqueries included.
pub(super) fn for_each_function(node: &impl Visit, mut found: impl FnMut(&Function)) {
    let result = visit_expressions(node, |expr| {
        if let Expr::Function(function) = expr {
            found(function);
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(result.is_continue(), "the closure never breaks");
}

/// Calls `found` with each expression that is not part of a subquery.
pub(super) fn for_each_outer_expression(node: &impl Visit, found: impl FnMut(&Expr)) {
    struct Outer<F> {
        depth: usize,
        found: F,
    }
    impl<F: FnMut(&Expr)> Visitor for Outer<F> {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if self.depth == 0 {
                (self.found)(expr);
            }
            ControlFlow::Continue(())
        }
    }
    let result = node.visit(&mut Outer { depth: 0, found });
    debug_assert!(result.is_continue(), "the visitor never breaks");
}

/// Returns whether an expression refers to a column outside of its subqueries.
pub(super) fn has_column(node: &impl Visit) -> bool {
    let mut has_column = false;
    for_each_outer_expression(node, |expr| has_column |= column(expr).is_some());
    has_column
}
