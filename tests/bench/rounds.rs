//! Rounds of measurements, and their repetition.

use std::collections::BTreeSet;

use crate::report::Report;

/// Number of times that scattered measurements are repeated, each in all rounds.
const MAX_REPETITIONS: usize = 2;

/// Runs `measure` with each of `steps`, `rounds` times in turn. A step adds cells to the report
/// that are compared with each other. If the rounds of one of these scatter, all cells of the step
/// are discarded and measured again.
pub(crate) fn run<S>(
    rounds: usize,
    steps: &[S],
    report: &mut Report,
    mut measure: impl FnMut(&S, usize, &mut Report),
) {
    let mut pending: Vec<&S> = steps.iter().collect();
    for repetition in 0..=MAX_REPETITIONS {
        let mut measured = vec![BTreeSet::new(); pending.len()];
        for round in 1..=rounds {
            eprintln!("round {round} of {rounds}");
            for (step, keys) in pending.iter().zip(&mut measured) {
                let first = report.len();
                measure(step, round, report);
                keys.extend(report.keys_from(first));
            }
        }
        let scattered = pending.into_iter().zip(measured);
        let scattered = scattered.filter(|(_, keys)| report.is_scattered(keys));
        let (steps, keys): (Vec<&S>, Vec<_>) = scattered.unzip();
        if steps.is_empty() || repetition == MAX_REPETITIONS {
            return;
        }
        eprintln!("repeating {} measurements that scatter", steps.len());
        for keys in &keys {
            report.discard(keys);
        }
        pending = steps;
    }
}

/// Returns the subjects in the order of a round. It alternates: the first window after a heavy one
/// may be slower, whichever build it measures.
pub(crate) fn in_turn<T>(subjects: &[T], round: usize) -> Vec<&T> {
    let mut subjects: Vec<&T> = subjects.iter().collect();
    if round.is_multiple_of(2) {
        subjects.reverse();
    }
    subjects
}
