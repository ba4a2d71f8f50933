//! Medians of the rounds of a measurement.

use super::{Cell, Key, milliseconds};
use crate::processes::CpuTime;

/// Largest spread of a measurement that is not repeated.
pub(super) const MAX_SPREAD: f64 = 0.4;

/// Rounds of the same measurement, at least one.
pub(super) struct Group<'a>(Vec<&'a Cell>);

impl<'a> Group<'a> {
    pub(super) fn new(rounds: Vec<&'a Cell>) -> Self {
        Self(rounds)
    }

    pub(super) fn key(&self) -> Key {
        self.0[0].key
    }

    fn median(&self, value: impl Fn(&Cell) -> f64) -> f64 {
        let values = sorted(self.0.iter().map(|cell| value(cell)));
        let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
        f64::midpoint(values[lower], values[upper])
    }

    /// Devices per second.
    pub(super) fn rate(&self) -> f64 {
        self.median(|cell| cell.sample.rate)
    }

    /// Difference between the fastest and the slowest round, relative to the median.
    pub(super) fn spread(&self) -> f64 {
        let rates = sorted(self.0.iter().map(|cell| cell.sample.rate));
        (rates[rates.len() - 1] - rates[0]) / self.rate()
    }

    pub(super) fn is_scattered(&self) -> bool {
        self.spread() > MAX_SPREAD
    }

    /// Milliseconds.
    pub(super) fn p50(&self) -> f64 {
        self.median(|cell| milliseconds(cell.sample.p50))
    }

    /// Milliseconds.
    pub(super) fn p99(&self) -> f64 {
        self.median(|cell| milliseconds(cell.sample.p99))
    }

    pub(super) fn errors(&self) -> usize {
        self.0.iter().map(|cell| cell.sample.errors).sum()
    }

    /// Maximum of all rounds, in megabytes (10^6 bytes).
    pub(super) fn peak_memory(&self) -> Option<f64> {
        let peaks = self.0.iter().filter_map(|cell| cell.peak_memory);
        peaks.max().map(|peak| peak as f64 / 1e6)
    }

    fn cpu(&self, part: impl Fn(CpuTime) -> f64) -> f64 {
        self.median(|cell| 1e6 * part(cell.cpu) / cell.sample.devices.max(1) as f64)
    }

    /// CPU microseconds of the clients per device.
    pub(super) fn client_cpu(&self) -> f64 {
        self.cpu(|cpu| cpu.clients)
    }

    /// CPU microseconds of the servers per device.
    pub(super) fn server_cpu(&self) -> f64 {
        self.cpu(|cpu| cpu.server)
    }

    /// CPU microseconds of PostgreSQL per device.
    pub(super) fn postgres_cpu(&self) -> Option<f64> {
        self.0[0].cpu.postgres?;
        Some(self.cpu(|cpu| cpu.postgres.unwrap_or_default()))
    }

    /// CPU microseconds to index a device, in the first round that measured it.
    pub(super) fn index_cpu(&self) -> Option<f64> {
        self.0.iter().find_map(|cell| cell.index_cpu)
    }

    /// Returns the rates of this group relative to those of another, round by round, sorted.
    pub(super) fn ratios_of_rounds(&self, other: &Self) -> Vec<f64> {
        let pairs = self.0.iter().zip(&other.0);
        sorted(pairs.map(|(cell, other)| cell.sample.rate / other.sample.rate))
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
