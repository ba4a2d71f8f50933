//! Tables of a run.

use std::fmt;

use super::group::{Group, MAX_SPREAD};
use super::{Kind, Report, milliseconds};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        writeln!(f, "PostgreSQL: {}\n", settings.join(", "))?;
        self.fmt_lists(f)?;
        if !self.imports.is_empty() {
            write!(f, "{}", self.imports)?;
        }
        if self.cells.is_empty() && self.imports.is_empty() {
            return Ok(());
        }
        if !self.cells.is_empty() {
            self.fmt_windows(f)?;
            self.fmt_comparisons(f)?;
        }
        self.fmt_targets(f)
    }
}

impl Report {
    fn fmt_lists(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lists.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "| list | path | total | p50 ms | max ms |\n|---|---|---|---|---|"
        )?;
        for list in &self.lists {
            writeln!(
                f,
                "| {} | `{}` | {} | {:.1} | {:.1} |",
                list.name,
                list.path,
                list.total,
                milliseconds(list.p50),
                milliseconds(list.max)
            )?;
        }
        writeln!(f)
    }

    fn fmt_windows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:>6} {:>8} {:>10} {:>8} {:>8} {:>8} {:>7} {:>8} {:>18} {:>6}  ratio",
            "measured",
            "batch",
            "clients",
            "devices/s",
            "spread",
            "p50 ms",
            "p99 ms",
            "errors",
            "peak MB",
            "CPU us per device",
            "index"
        )?;
        for group in self.groups() {
            self.fmt_window(&group, f)?;
        }
        writeln!(
            f,
            "Medians of the rounds. spread: (max - min) : median of devices/s; ! if the rounds \
             scatter by more than {:.0} %,\neven repeated. CPU: clients + server + PostgreSQL. \
             index: CPU us of server and PostgreSQL to index a device later.",
            MAX_SPREAD * 100.0
        )
    }

    fn fmt_window(&self, group: &Group<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, batch, clients) = group.key();
        let mark = if group.is_scattered() { "!" } else { "" };
        let spread = format!("{:.0}%{mark}", group.spread() * 100.0);
        let optional = |value: Option<f64>, decimals: usize| {
            value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
        };
        let cpu = format!(
            "{:.1}+{:.1}+{}",
            group.client_cpu(),
            group.server_cpu(),
            optional(group.postgres_cpu(), 1)
        );
        let ratios = match kind {
            Kind::Service(operation) => self.ratios(operation, batch, clients),
            _ => Vec::new(),
        };
        let ratios: Vec<String> = ratios
            .into_iter()
            .map(|(ratio, reference)| format!("{ratio:.2} of {}", reference.name()))
            .collect();
        writeln!(
            f,
            "{:<22} {batch:>6} {clients:>8} {:>10.0} {spread:>8} {:>8.2} {:>8.2} {:>7} {:>8} \
             {cpu:>18} {:>6}  {}",
            kind.name(),
            group.rate(),
            group.p50(),
            group.p99(),
            group.errors(),
            optional(group.peak_memory(), 0),
            optional(group.index_cpu(), 1),
            ratios.join(", ")
        )
    }

    /// Compares the service with the baseline, where one was measured in turn.
    fn fmt_comparisons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.groups().into_iter().filter_map(|baseline| {
            let (Kind::Baseline(operation), batch, clients) = baseline.key() else {
                return None;
            };
            let service = self.group(Kind::Service(operation), batch, clients)?;
            Some((service, baseline))
        });
        let mut pairs = pairs.peekable();
        if pairs.peek().is_some() {
            writeln!(
                f,
                "\nservice : baseline, ratios of medians; of devices/s in single rounds, too\n\
                 {:<14} {:>6} {:>8} {:>12} {:>15} {:>9} {:>9} {:>9} {:>9}",
                "measured",
                "batch",
                "clients",
                "devices/s",
                "single rounds",
                "p50",
                "p99",
                "CPU",
                "index"
            )?;
        }
        pairs.try_for_each(|(service, baseline)| fmt_comparison(&service, &baseline, f))
    }

    fn fmt_targets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<54} {:>9} {:>8} {:>8} {:>9}",
            "target", "before", "required", "stretch", "measured"
        )?;
        for target in self.targets() {
            let Some(measured) = target.measured else {
                continue;
            };
            let stretch = target
                .stretch
                .map_or_else(String::new, |value| value.to_string());
            writeln!(
                f,
                "{:<54} {:>9} {:>8} {stretch:>8} {measured:>9.2}  {}",
                target.name,
                target.before,
                target.required.to_string(),
                target.verdict()
            )?;
        }
        Ok(())
    }
}

fn fmt_comparison(
    service: &Group<'_>,
    baseline: &Group<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (kind, batch, clients) = service.key();
    let rounds = service.ratios_of_rounds(baseline);
    let cpu = |group: &Group<'_>| group.server_cpu() + group.postgres_cpu().unwrap_or_default();
    let index = service.index_cpu().zip(baseline.index_cpu());
    writeln!(
        f,
        "{:<14} {batch:>6} {clients:>8} {:>12.2} {:>15} {:>9.2} {:>9.2} {:>9.2} {:>9}",
        kind.name(),
        service.rate() / baseline.rate(),
        format!("{:.2} to {:.2}", rounds[0], rounds[rounds.len() - 1]),
        service.p50() / baseline.p50(),
        service.p99() / baseline.p99(),
        cpu(service) / cpu(baseline),
        index.map_or_else(String::new, |(service, baseline)| format!(
            "{:.2}",
            service / baseline
        ))
    )
}
