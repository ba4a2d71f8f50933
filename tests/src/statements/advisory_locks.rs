//! Rule: all statements that take the same advisory lock run on the same kind of node.
//!
//! A statement with a table of a workspace runs on the worker that has its shard, any other one on
//! the coordinator. An advisory lock excludes only other holders on the same node.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sqlparser::ast::{Function, Statement};

use super::parse::{for_each_function, last_name};
use super::routing::has_workspace_table;

/// First statement that took each lock.
#[derive(Default)]
pub(super) struct Takers {
    by_lock: BTreeMap<String, Taker>,
}

struct Taker {
    runs_on_worker: bool,
    statement: String,
}

/// Takers of all statements of this process.
pub(super) static TAKERS: Mutex<Takers> = Mutex::new(Takers {
    by_lock: BTreeMap::new(),
});

impl Takers {
    /// Records the locks that a statement takes. Returns those that another statement takes on
    /// another kind of node.
    pub(super) fn add(&mut self, statements: &[Statement]) -> Vec<String> {
        let runs_on_worker = has_workspace_table(statements);
        let mut locks = Vec::new();
        for statement in statements {
            for_each_function(statement, |function| locks.extend(lock(function)));
        }
        let mut violations = Vec::new();
        for lock in locks {
            let taker = self.by_lock.entry(lock).or_insert_with_key(|_| Taker {
                runs_on_worker,
                statement: statements.iter().map(ToString::to_string).collect(),
            });
            if taker.runs_on_worker != runs_on_worker {
                let other = &taker.statement;
                violations.push(format!(
                    "only one of two takers of an advisory lock has a table of a workspace; the \
                     other is: {other}"
                ));
            }
        }
        violations
    }
}

/// Returns the key of the advisory lock that a function takes, with `$` for each parameter.
fn lock(function: &Function) -> Option<String> {
    let name = last_name(&function.name);
    let takes_lock = name.contains("advisory") && !name.contains("unlock");
    takes_lock.then(|| {
        let key = function.args.to_string();
        key.split('$')
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
            .collect::<Vec<_>>()
            .join("$")
    })
}
