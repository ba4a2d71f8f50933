//! Targets: ratios and limits that a run should reach.

use std::fmt;

use super::Operation::{Batch, Create, Get, Patch};
use super::{BatchRequest, Kind, Report};
use Bound::{AtLeast, AtMost};

/// Bound of a measured value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measured >= bound,
            Self::AtMost(bound) => measured <= bound,
        }
    }

    /// Returns the bound in the same direction with another value.
    fn with_value(self, value: f64) -> Self {
        match self {
            Self::AtLeast(_) => Self::AtLeast(value),
            Self::AtMost(_) => Self::AtMost(value),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

/// Value of a run with its bounds.
pub(super) struct Target {
    pub(super) name: String,
    /// Value before statements were kept prepared.
    pub(super) before: &'static str,
    pub(super) required: Bound,
    pub(super) stretch: Option<f64>,
    /// `None` if the run did not measure it.
    pub(super) measured: Option<f64>,
}

impl Target {
    pub(super) fn verdict(&self) -> &'static str {
        let Some(measured) = self.measured else {
            return "not measured";
        };
        let stretch = self.stretch.map(|value| self.required.with_value(value));
        if !self.required.is_met(measured) {
            "missed"
        } else if stretch.is_some_and(|stretch| stretch.is_met(measured)) {
            "stretch met"
        } else {
            "met"
        }
    }
}

pub(super) fn target(
    name: impl Into<String>,
    before: &'static str,
    required: Bound,
    stretch: impl Into<Option<f64>>,
    measured: Option<f64>,
) -> Target {
    Target {
        name: name.into(),
        before,
        required,
        stretch: stretch.into(),
        measured,
    }
}

impl Report {
    /// Returns all targets, in the order of the table.
    pub(super) fn targets(&self) -> Vec<Target> {
        let mut targets = self.targets_of_small_batches();
        targets.extend(self.targets_of_large_batches());
        targets.extend(self.targets_of_requests_by_id());
        targets.extend(self.targets_of_batches());
        targets.extend(self.targets_of_limits());
        targets.extend(self.targets_of_growth());
        targets.extend(self.imports.targets());
        targets
    }

    fn targets_of_small_batches(&self) -> Vec<Target> {
        let to_insert = |clients| self.ratio((Create, 1, clients), Kind::Insert, clients);
        let to_copy = |batch| self.ratio((Create, batch, 1), Kind::Copy, 1);
        let service = self.group(Kind::Service(Create), 1, 1);
        let express = self.group(Kind::Express, 1, 1);
        vec![
            target(
                "1 x 1 : prepared INSERT, 1 connection",
                "0.20",
                AtLeast(0.5),
                0.7,
                to_insert(1),
            ),
            target(
                "1 x 1, p50 : Express",
                "2.2",
                AtMost(1.0),
                0.8,
                service
                    .zip(express)
                    .map(|(service, express)| service.p50() / express.p50()),
            ),
            target(
                "1 x 8 : prepared INSERT, 8",
                "0.30",
                AtLeast(0.6),
                0.9,
                to_insert(8),
            ),
            target(
                "1 x 32 : prepared INSERT, 32",
                "0.69-0.91",
                AtLeast(1.0),
                1.2,
                to_insert(32),
            ),
            target("10 x 1 : COPY, 1", "0.37", AtLeast(0.6), 0.75, to_copy(10)),
            target(
                "100 x 1 : COPY, 1",
                "0.43",
                AtLeast(0.65),
                0.8,
                to_copy(100),
            ),
        ]
    }

    fn targets_of_large_batches(&self) -> Vec<Target> {
        let to_copy = |batch| self.ratio((Create, batch, 8), Kind::Copy, 2);
        let service = self.group(Kind::Service(Create), 1_000, 8);
        let copy = self.group(Kind::Copy, 1_000, 2);
        let postgres_cpu = service.as_ref().zip(copy);
        let postgres_cpu = postgres_cpu
            .and_then(|(service, copy)| Some(service.postgres_cpu()? / copy.postgres_cpu()?));
        vec![
            target(
                "100 x 8 : COPY, 2",
                "0.64-0.80",
                AtLeast(0.8),
                0.9,
                to_copy(100),
            ),
            target(
                "1,000 x 8 : COPY, 2",
                "0.68-0.78",
                AtLeast(0.8),
                0.95,
                to_copy(1_000),
            ),
            target(
                "1,000 x 8 : Express",
                "3.6",
                AtLeast(4.0),
                5.0,
                self.ratio((Create, 1_000, 8), Kind::Express, 8),
            ),
            target(
                "PostgreSQL's CPU time per device, 1,000 x 8 : COPY's",
                "1.16",
                AtMost(1.08),
                1.03,
                postgres_cpu,
            ),
            target(
                "server's CPU time per device in us, 1,000 x 8",
                "5.3",
                AtMost(4.0),
                3.0,
                service.map(|service| service.server_cpu()),
            ),
        ]
    }

    fn targets_of_requests_by_id(&self) -> Vec<Target> {
        vec![
            target(
                "GET, 8 clients : prepared SELECT, 8",
                "",
                AtLeast(0.5),
                0.8,
                self.ratio((Get, 1, 8), Kind::Select, 8),
            ),
            target(
                "PATCH, 1 client : prepared UPDATE, 1",
                "",
                AtLeast(0.4),
                0.6,
                self.ratio((Patch, 1, 1), Kind::Update, 1),
            ),
        ]
    }

    /// Times of batches with options, relative to that of creating as many devices.
    fn targets_of_batches(&self) -> Vec<Target> {
        let rate = |request| {
            let group = self.group(Kind::Service(Batch(request)), 1_000, 1);
            group.map(|group| group.rate())
        };
        let requests = [
            ("update, a searched field", BatchRequest::UpdateComment, 2.5),
            ("update, another field", BatchRequest::UpdateInvoice, 2.5),
            ("update, nothing changes", BatchRequest::UpdateNothing, 1.0),
            ("skip", BatchRequest::Skip, 0.8),
            ("validate, new devices", BatchRequest::ValidateCreate, 0.6),
            ("validate, an update", BatchRequest::ValidateUpdate, 0.6),
            ("atomic=false, all rows fail", BatchRequest::FailAll, 1.0),
        ];
        let targets = requests.map(|(name, request, bound)| {
            let rates = rate(BatchRequest::Create).zip(rate(request));
            target(
                format!("{name} : create, time of 1,000 x 1"),
                "",
                AtMost(bound),
                None,
                rates.map(|(create, other)| create / other),
            )
        });
        targets.into()
    }

    fn targets_of_limits(&self) -> Vec<Target> {
        let service = |batch, clients| self.group(Kind::Service(Create), batch, clients);
        let rejected = self.group(Kind::Rejected, 1_000, 1).zip(service(1_000, 1));
        vec![
            target(
                "p99 : p50, 100 x 8",
                "2.04",
                AtMost(2.5),
                None,
                service(100, 8).map(|group| group.p99() / group.p50()),
            ),
            target(
                "peak memory in MB, 1,000 x 32",
                "100",
                AtMost(200.0),
                None,
                service(1_000, 32).and_then(|group| group.peak_memory()),
            ),
            target(
                "p50 of a rejected batch : accepted, 1,000 x 1",
                "0.29",
                AtMost(1.0),
                None,
                rejected.map(|(rejected, accepted)| rejected.p50() / accepted.p50()),
            ),
        ]
    }

    fn targets_of_growth(&self) -> Vec<Target> {
        let groups = self.groups().into_iter();
        let targets = groups.filter_map(|group| {
            let (Kind::Filled(devices), batch, clients) = group.key() else {
                return None;
            };
            let empty = self.group(Kind::EmptyControl(devices), batch, clients);
            let name = format!("1,000 x 8, {devices} devices stored : none");
            let ratio = empty.map(|empty| group.rate() / empty.rate());
            Some(target(name, "0.98", AtLeast(0.8), None, ratio))
        });
        targets.collect()
    }
}
