//! Writer of workbooks.

use std::io::{self, Write};

use chrono::NaiveDate;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::xml::{push_escaped, push_reference};
use crate::{Cell, Style, Value};

/// Writes a workbook with one sheet, whose memory does not depend on the number of rows. Texts and
/// new cells are formatted as text: a spreadsheet then keeps the zeros and digits of what is typed
/// into them.
pub struct WorkbookWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    /// XML of a row.
    buffer: String,
}

/// Parts of a workbook other than the names and cells of its sheets.
const PARTS: &[(&str, &str)] = &[
    (
        "[Content_Types].xml",
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">"#,
            r#"<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>"#,
            r#"<Default Extension="xml" ContentType="application/xml"/>"#,
            r#"<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>"#,
            r#"<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>"#,
            r#"<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>"#,
            "</Types>"
        ),
    ),
    (
        "_rels/.rels",
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#,
            r#"<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>"#,
            "</Relationships>"
        ),
    ),
    (
        "xl/_rels/workbook.xml.rels",
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#,
            r#"<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>"#,
            r#"<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>"#,
            "</Relationships>"
        ),
    ),
    // Cell formats: 0 general, 1 text, 2 text and bold, 3 text on a coloured background, 4 date, 5
    // two decimals. Number format 49 is text, 2 is `0.00`, and those from 164 on are custom. The
    // first two fills are reserved.
    (
        "xl/styles.xml",
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#,
            r#"<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/></numFmts>"#,
            r#"<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>"#,
            r#"<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>"#,
            r#"<fills count="3"><fill><patternFill patternType="none"/></fill>"#,
            r#"<fill><patternFill patternType="gray125"/></fill>"#,
            r#"<fill><patternFill patternType="solid"><fgColor rgb="FFFFC7CE"/><bgColor indexed="64"/></patternFill></fill></fills>"#,
            r#"<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"#,
            r#"<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>"#,
            r#"<cellXfs count="6"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>"#,
            r#"<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>"#,
            r#"<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>"#,
            r#"<xf numFmtId="49" fontId="0" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFill="1"/>"#,
            r#"<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>"#,
            r#"<xf numFmtId="2" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>"#,
            r#"</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>"#,
            "</styleSheet>"
        ),
    ),
];

const SHEET_PART: &str = "xl/worksheets/sheet1.xml";

impl<W: Write> WorkbookWriter<W> {
    /// Starts a workbook. The rows down to the header stay visible.
    ///
    /// # Errors
    /// Returns the error of the output, as all methods do.
    pub fn new(output: W, sheet: &str, header_row: u32) -> io::Result<Self> {
        let mut zip = ZipWriter::new_stream(output);
        for (name, xml) in PARTS {
            zip.start_file(*name, file_options())?;
            zip.write_all(xml.as_bytes())?;
        }
        zip.start_file("xl/workbook.xml", file_options())?;
        zip.write_all(workbook_xml(sheet).as_bytes())?;
        zip.start_file(SHEET_PART, file_options())?;
        zip.write_all(sheet_start(header_row).as_bytes())?;
        let buffer = String::new();
        Ok(Self { zip, buffer })
    }

    /// Writes the row with this number, from 1. Numbers must ascend.
    ///
    /// # Errors
    /// Returns the error of the output, and one if the sheet has more than 4 GiB when inflated.
    pub fn write_row<'c>(
        &mut self,
        row: u32,
        cells: impl IntoIterator<Item = Cell<'c>>,
    ) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.push_str("<row r=\"");
        self.buffer.push_str(&row.to_string());
        self.buffer.push_str("\">");
        for (column, cell) in cells.into_iter().enumerate() {
            push_cell(&mut self.buffer, row, column, &cell);
        }
        self.buffer.push_str("</row>");
        self.zip.write_all(self.buffer.as_bytes())
    }

    /// Writes the end of the workbook.
    ///
    /// # Errors
    /// Returns the error of the output.
    pub fn finish(mut self) -> io::Result<()> {
        self.zip.write_all(b"</sheetData></worksheet>")?;
        self.zip.finish()?.flush()
    }
}

fn push_cell(xml: &mut String, row: u32, column: usize, cell: &Cell<'_>) {
    let style = match (&cell.value, cell.style) {
        (Value::Text(text), Style::Plain) if text.is_empty() => return,
        (Value::Text(_), Style::Plain) => 1,
        (Value::Text(_), Style::Header) => 2,
        (Value::Text(_), Style::Marked) => 3,
        (Value::Date(_), _) => 4,
        (Value::Decimal(_), _) => 5,
        (Value::Boolean(_), _) => 0,
    };
    xml.push_str("<c r=\"");
    push_reference(xml, column, row);
    xml.push_str("\" s=\"");
    xml.push_str(&style.to_string());
    match &cell.value {
        Value::Text(text) if text.is_empty() => xml.push_str("\"/>"),
        Value::Text(text) => {
            xml.push_str("\" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
            push_escaped(xml, text);
            xml.push_str("</t></is></c>");
        }
        Value::Decimal(number) => push_number(xml, *number),
        Value::Date(date) => push_number(xml, day_number(*date)),
        Value::Boolean(value) => {
            xml.push_str("\" t=\"b\"><v>");
            xml.push(if *value { '1' } else { '0' });
            xml.push_str("</v></c>");
        }
    }
}

fn push_number(xml: &mut String, number: f64) {
    xml.push_str("\"><v>");
    xml.push_str(&number.to_string());
    xml.push_str("</v></c>");
}

/// Returns the number of a date, as Excel counts days from 1 March 1900 on.
fn day_number(date: NaiveDate) -> f64 {
    const FIRST_NUMBER: i64 = 61;
    let days = (date - Value::FIRST_DATE).num_days();
    (days + FIRST_NUMBER) as f64
}

fn file_options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn workbook_xml(sheet: &str) -> String {
    let mut xml = concat!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" "#,
        r#"xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">"#,
        r#"<sheets><sheet name=""#
    )
    .to_owned();
    push_escaped(&mut xml, sheet);
    xml.push_str(r#"" sheetId="1" r:id="rId1"/></sheets></workbook>"#);
    xml
}

fn sheet_start(header_row: u32) -> String {
    let first = header_row.saturating_add(1);
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#,
            r#"<sheetViews><sheetView workbookViewId="0"><pane ySplit="{header}" topLeftCell="A{first}" "#,
            r#"activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>"#,
            r#"<cols><col min="1" max="257" width="18" style="1" customWidth="1"/></cols><sheetData>"#
        ),
        header = header_row,
        first = first
    )
}
