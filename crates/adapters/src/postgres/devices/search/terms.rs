//! Terms of a search, as SQL conditions on search documents.

use devices_domain::{Search, SearchTerm, SearchWord, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::postgres::query::search_sql::{contains_pattern, tsquery_text};
use crate::postgres::query::statement::{Statement, Value};

/// Maximum number of assignees of a word whose devices the index finds.
const MAX_ASSIGNEES: usize = 5_000;

/// Maximum number of assignees that are compared as a list. The planner takes long for a longer
/// one: it looks up the frequency of each.
const MAX_LISTED_ASSIGNEES: usize = 500;

/// The terms of a search, with the assignees that their words match.
pub(super) struct Terms {
    pub(super) terms: Vec<Term>,
    /// Text of the `tsquery` that matches any lexeme of the search.
    any_lexeme: String,
}

/// One term of a search.
pub(super) struct Term {
    pub(super) words: Vec<Word>,
    /// LIKE pattern that finds the term in identifiers.
    pub(super) pattern: Option<String>,
}

/// One word of a term.
pub(super) struct Word {
    /// Text of the `tsquery` that matches the word.
    pub(super) tsquery: String,
    assignees: Assignees,
    /// `true` if one of its lexemes has less than three characters: very many lexemes of documents
    /// begin with it.
    pub(super) has_short_lexeme: bool,
}

/// The assignees that a word matches, deleted ones included: archived devices keep them.
struct Assignees {
    ids: Vec<i64>,
    /// `false` if there are more than [`MAX_ASSIGNEES`].
    is_complete: bool,
}

#[derive(QueryableByName)]
struct AssigneesRow {
    #[diesel(sql_type = Array<BigInt>)]
    ids: Vec<i64>,
}

impl Terms {
    /// Looks up the assignees that the words of a search match, all with one statement.
    pub(super) fn resolve(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        search: &Search,
    ) -> QueryResult<Self> {
        let terms = search.terms();
        let words: Vec<&SearchWord> = terms.iter().flat_map(SearchTerm::words).collect();
        let tsqueries = words.iter().map(|word| tsquery_text(word.lexemes(), " & "));
        let tsqueries: Vec<String> = tsqueries.collect();
        let assignees = find_assignees(connection, workspace, &tsqueries)?;
        let has_short_lexeme = words.iter().map(|word| {
            let mut lexemes = word.lexemes().iter();
            lexemes.any(|lexeme| lexeme.chars().count() < 3)
        });
        let resolved = tsqueries.into_iter().zip(assignees).zip(has_short_lexeme);
        let mut resolved = resolved.map(|((tsquery, assignees), has_short_lexeme)| Word {
            tsquery,
            assignees,
            has_short_lexeme,
        });
        let lexemes = words.iter().copied().flat_map(SearchWord::lexemes);
        Ok(Self {
            any_lexeme: tsquery_text(lexemes, " | "),
            terms: terms
                .iter()
                .map(|term| Term {
                    words: resolved.by_ref().take(term.words().len()).collect(),
                    pattern: term.identifier().map(contains_pattern),
                })
                .collect(),
        })
    }

    /// Returns all words, each with its term.
    pub(super) fn words(&self) -> impl Iterator<Item = (&Term, &Word)> {
        let terms = self.terms.iter();
        terms.flat_map(|term| term.words.iter().map(move |word| (term, word)))
    }

    /// Returns the condition that all terms match the document `found`. Requires that `$1` is the
    /// workspace.
    pub(super) fn condition(&self, statement: &mut Statement) -> String {
        let terms = self.terms.iter().map(|term| term.condition(statement));
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the expression for the rank of the document `found`, of type `real`: that of the
    /// document plus that of its assignee. Requires that `$1` is the workspace.
    pub(super) fn rank(&self, statement: &mut Statement) -> String {
        let tsquery = statement.bind(Value::Text(self.any_lexeme.clone()));
        let document = format!("ts_rank(found.document, {tsquery}::tsquery)");
        let words = || self.terms.iter().flat_map(|term| &term.words);
        if words().all(|word| word.assignees.ids.is_empty()) {
            return document;
        }
        format!(
            "({document} + coalesce(( \
                 SELECT ts_rank(assignee.search_document, {tsquery}::tsquery) \
                 FROM users AS assignee \
                 WHERE assignee.workspace_id = $1 AND assignee.id = found.user_id), 0))::real"
        )
    }
}

impl Term {
    /// Returns the condition that the term matches the document `found`. The parts are in the
    /// order of their costs.
    pub(super) fn condition(&self, statement: &mut Statement) -> String {
        let words = self.words.iter().map(|word| word.condition(statement));
        let words = words.collect::<Vec<_>>().join(" AND ");
        match &self.pattern {
            None => format!("({words})"),
            Some(pattern) => {
                let pattern = statement.bind(Value::Text(pattern.clone()));
                format!("(({words}) OR found.identifiers LIKE {pattern})")
            }
        }
    }
}

impl Word {
    fn condition(&self, statement: &mut Statement) -> String {
        let tsquery = statement.bind(Value::Text(self.tsquery.clone()));
        let document = format!("found.document @@ {tsquery}::tsquery");
        let Assignees { ids, is_complete } = &self.assignees;
        if ids.is_empty() {
            return document;
        }
        if *is_complete && ids.len() <= MAX_LISTED_ASSIGNEES {
            let ids = statement.bind(Value::Integers(ids.clone()));
            return format!("({document} OR found.user_id = ANY ({ids}))");
        }
        // A condition can occur several times in a statement: the alias is that of its parameter.
        let user = format!("user_of_{}", tsquery.trim_start_matches('$'));
        // A scalar subquery probes one user per device. PostgreSQL may instead read all users for
        // an EXISTS.
        format!(
            "({document} OR ( \
                 SELECT {user}.search_document @@ {tsquery}::tsquery FROM users AS {user} \
                 WHERE {user}.workspace_id = $1 AND {user}.id = found.user_id))"
        )
    }

    /// Returns the condition that the document `found` matches the word, or its identifiers
    /// contain the term of the word. All matches of the term meet it.
    pub(super) fn necessary_condition(&self, term: &Term, statement: &mut Statement) -> String {
        let condition = self.condition(statement);
        match &term.pattern {
            None => condition,
            Some(pattern) => {
                let pattern = statement.bind(Value::Text(pattern.clone()));
                format!("({condition} OR found.identifiers LIKE {pattern})")
            }
        }
    }

    /// Returns the assignees that the word matches, or `None` if they are too many.
    pub(super) fn assignees(&self) -> Option<&[i64]> {
        let Assignees { ids, is_complete } = &self.assignees;
        is_complete.then_some(ids)
    }
}

/// Returns the assignees that match each of these `tsquery` texts.
fn find_assignees(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    tsqueries: &[String],
) -> QueryResult<Vec<Assignees>> {
    let mut statement = Statement::default();
    let workspace = statement.bind(Value::Integer(workspace.0));
    let max = statement.bind(Value::Integer(MAX_ASSIGNEES as i64 + 1));
    let selects: Vec<String> = tsqueries
        .iter()
        .enumerate()
        .map(|(word, tsquery)| {
            let tsquery = statement.bind(Value::Text(tsquery.clone()));
            format!(
                "SELECT {word} AS word, ARRAY( \
                     SELECT user_{word}.id FROM users AS user_{word} \
                     WHERE user_{word}.workspace_id = {workspace} \
                       AND user_{word}.search_document @@ {tsquery}::tsquery \
                     LIMIT {max}) AS ids"
            )
        })
        .collect();
    statement.push(&format!("{} ORDER BY word", selects.join(" UNION ALL ")));
    let rows: Vec<AssigneesRow> = statement.load(connection)?;
    let assignees = rows.into_iter().map(|AssigneesRow { ids }| Assignees {
        is_complete: ids.len() <= MAX_ASSIGNEES,
        ids,
    });
    Ok(assignees.collect())
}
