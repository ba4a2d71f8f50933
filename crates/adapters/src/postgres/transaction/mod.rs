//! Transactions: how they run on blocking threads, commit, and share a commit.

pub(crate) mod begin;
pub(crate) mod blocking;
pub(crate) mod commit_gate;
pub(crate) mod group_commit;
pub(crate) mod in_doubt;
pub(crate) mod run;
pub(crate) mod sampled_trace;
pub(crate) mod writers;
