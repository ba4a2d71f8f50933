//! All measurements of a run as JSON.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::{Cell, Report, milliseconds};

impl Report {
    /// Writes all measurements to a JSON file, including those that were discarded.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let targets = self.targets().into_iter().map(|target| {
            json!({
                "name": target.name,
                "required": target.required.to_string(),
                "stretch": target.stretch,
                "measured": target.measured,
                "verdict": target.verdict(),
            })
        });
        let lists = self.lists.iter().map(|list| {
            json!({
                "name": list.name,
                "path": list.path,
                "total": list.total,
                "p50_ms": milliseconds(list.p50),
                "max_ms": milliseconds(list.max),
                "errors": list.errors,
            })
        });
        let report = json!({
            "postgresql": self.settings,
            "targets": targets.collect::<Vec<Value>>(),
            "lists": lists.collect::<Vec<Value>>(),
            "imports": self.imports.json(),
            "windows": self.cells.iter().map(window).collect::<Vec<Value>>(),
        });
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(file, format!("{report:#}\n"))
    }
}

fn window(cell: &Cell) -> Value {
    let (kind, batch, clients) = cell.key;
    json!({
        "kind": kind.name(),
        "batch": batch,
        "clients": clients,
        "discarded": cell.is_discarded,
        "devices_per_second": cell.sample.rate,
        "p50_ms": milliseconds(cell.sample.p50),
        "p99_ms": milliseconds(cell.sample.p99),
        "errors": cell.sample.errors,
        "devices": cell.sample.devices,
        "peak_memory_bytes": cell.peak_memory,
        "index_cpu_microseconds_per_device": cell.index_cpu,
        "cpu_seconds": {
            "clients": cell.cpu.clients,
            "server": cell.cpu.server,
            "postgres": cell.cpu.postgres,
        },
    })
}
