//! Transactions: how they run, commit, and share a commit.

pub(crate) mod group_commit;
pub(crate) mod run;
