//! Measurements of imports.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::targets::{Bound, Target, target};
use super::{Report, milliseconds};
use Bound::{AtLeast, AtMost};

/// Form in which the same 20,000 devices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportForm {
    /// `POST /devices`, in batches of a thousand.
    Json,
    /// `POST /devices/import` of a text file.
    Csv,
    /// `POST /devices/import` of a workbook.
    Xlsx,
}

impl ImportForm {
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Xlsx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON, 20 x 1,000",
            Self::Csv => "CSV, 20,000 rows",
            Self::Xlsx => "xlsx, 20,000 rows",
        }
    }
}

/// Measurement of an import.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImportSample {
    pub(crate) duration: Duration,
    /// Bytes by which the peak memory exceeds that of the server before its first import. Of the
    /// program, its peak memory.
    pub(crate) memory_rise: u64,
}

impl fmt::Display for ImportSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, megabytes) = (self.duration.as_secs_f64(), self.megabytes());
        write!(f, "{seconds:.2} s, {megabytes:.0} MB")
    }
}

impl ImportSample {
    fn megabytes(&self) -> f64 {
        self.memory_rise as f64 / 1e6
    }
}

/// All imports of a run.
#[derive(Debug, Default)]
pub(super) struct Imports {
    requests: Vec<(ImportForm, ImportSample)>,
    /// Imports by the program, by their number of rows.
    program: Vec<(usize, ImportSample)>,
}

impl Report {
    pub(crate) fn add_import(&mut self, form: ImportForm, sample: ImportSample) {
        self.imports.requests.push((form, sample));
    }

    pub(crate) fn add_program_import(&mut self, rows: usize, sample: ImportSample) {
        self.imports.program.push((rows, sample));
    }
}

impl Imports {
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn samples(&self, form: ImportForm) -> impl Iterator<Item = &ImportSample> {
        let samples = self.requests.iter();
        samples.filter_map(move |(sent, sample)| (*sent == form).then_some(sample))
    }

    /// Returns the median of the durations, in seconds.
    fn seconds(&self, form: ImportForm) -> Option<f64> {
        let mut seconds: Vec<f64> = self
            .samples(form)
            .map(|sample| sample.duration.as_secs_f64())
            .collect();
        seconds.sort_by(f64::total_cmp);
        let (lower, upper) = (seconds.len().checked_sub(1)? / 2, seconds.len() / 2);
        Some(f64::midpoint(seconds[lower], seconds[upper]))
    }

    /// Returns the maximum of all rounds, in megabytes (10^6 bytes).
    fn megabytes(&self, form: ImportForm) -> Option<f64> {
        let samples = self.samples(form).map(ImportSample::megabytes);
        samples.max_by(f64::total_cmp)
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        let ratio = self
            .seconds(ImportForm::Csv)
            .zip(self.seconds(ImportForm::Json));
        let (smallest, largest) = (self.program.first(), self.program.last());
        let memory = smallest.zip(largest);
        vec![
            target(
                "import of 20,000 rows as CSV : batches as JSON, time",
                "",
                AtMost(1.5),
                None,
                ratio.map(|(csv, json)| csv / json),
            ),
            target(
                "memory above idle in MB, CSV of 20,000 rows",
                "",
                AtMost(120.0),
                None,
                self.megabytes(ImportForm::Csv),
            ),
            target(
                "seconds, xlsx of 20,000 rows",
                "",
                AtMost(2.0),
                None,
                self.seconds(ImportForm::Xlsx),
            ),
            target(
                "memory above idle in MB, xlsx of 20,000 rows",
                "",
                AtMost(150.0),
                None,
                self.megabytes(ImportForm::Xlsx),
            ),
            target(
                "rows/s, devices import of 500,000 rows",
                "",
                AtLeast(20_000.0),
                None,
                largest.map(|(rows, sample)| *rows as f64 / sample.duration.as_secs_f64()),
            ),
            target(
                "memory of devices import, 500,000 : 100,000 rows",
                "",
                AtMost(1.2),
                None,
                memory.map(|((_, small), (_, large))| large.megabytes() / small.megabytes()),
            ),
        ]
    }

    pub(super) fn json(&self) -> Value {
        let entry = |name: String, sample: &ImportSample| {
            json!({
                "name": name,
                "ms": milliseconds(sample.duration),
                "memory_bytes": sample.memory_rise,
            })
        };
        let requests = self.requests.iter();
        let requests = requests.map(|(form, sample)| entry(form.name().to_owned(), sample));
        let program = self.program.iter();
        let program = program.map(|(rows, sample)| entry(format!("program, {rows} rows"), sample));
        requests.chain(program).collect()
    }
}

impl fmt::Display for Imports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| import | s | MB above idle |\n|---|---|---|")?;
        for form in ImportForm::ALL {
            if let (Some(seconds), Some(megabytes)) = (self.seconds(form), self.megabytes(form)) {
                writeln!(f, "| {} | {seconds:.2} | {megabytes:.0} |", form.name())?;
            }
        }
        for (rows, sample) in &self.program {
            let (seconds, megabytes) = (sample.duration.as_secs_f64(), sample.megabytes());
            writeln!(
                f,
                "| `devices import`, {rows} rows | {seconds:.2} | {megabytes:.0} in all |"
            )?;
        }
        writeln!(f)
    }
}
