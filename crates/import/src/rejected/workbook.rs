//! Rejected rows as a workbook, written as a stream.
//!
//! `rust_xlsxwriter` holds all cells in memory, or needs a temporary file, which a container with a
//! read-only file system does not have. A workbook with one sheet of texts needs neither.

use std::io::{self, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::xml::{push_escaped, push_reference};
use super::{OutputCell, RowWriter, Style};

/// Writes a workbook with one sheet, in which every cell is formatted as text: a spreadsheet then
/// keeps the zeros and digits of what is typed into it.
pub(super) struct WorkbookRows<W: Write> {
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
    // Cell formats: 0 of new cells, 1 text, 2 text and bold, 3 text on a coloured background.
    // Number format 49 is text. The first two fills are reserved.
    (
        "xl/styles.xml",
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
            r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#,
            r#"<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>"#,
            r#"<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>"#,
            r#"<fills count="3"><fill><patternFill patternType="none"/></fill>"#,
            r#"<fill><patternFill patternType="gray125"/></fill>"#,
            r#"<fill><patternFill patternType="solid"><fgColor rgb="FFFFC7CE"/><bgColor indexed="64"/></patternFill></fill></fills>"#,
            r#"<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"#,
            r#"<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>"#,
            r#"<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>"#,
            r#"<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>"#,
            r#"<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>"#,
            r#"<xf numFmtId="49" fontId="0" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFill="1"/>"#,
            r#"</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>"#,
            "</styleSheet>"
        ),
    ),
];

const SHEET_PART: &str = "xl/worksheets/sheet1.xml";

impl<W: Write> WorkbookRows<W> {
    /// Starts a workbook. The rows down to the header stay visible.
    pub(super) fn new(output: W, sheet: &str, header_row: u32) -> io::Result<Self> {
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

    fn push_cell(&mut self, row: u32, column: usize, cell: &OutputCell<'_>) {
        let xml = &mut self.buffer;
        let style = match cell.style {
            Style::Plain => "1",
            Style::Header => "2",
            Style::Marked => "3",
        };
        if cell.text.is_empty() && cell.style == Style::Plain {
            return;
        }
        xml.push_str("<c r=\"");
        push_reference(xml, column, row);
        xml.push_str("\" s=\"");
        xml.push_str(style);
        if cell.text.is_empty() {
            xml.push_str("\"/>");
            return;
        }
        xml.push_str("\" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
        push_escaped(xml, &cell.text);
        xml.push_str("</t></is></c>");
    }
}

impl<W: Write> RowWriter for WorkbookRows<W> {
    fn write(&mut self, row: u32, cells: &[OutputCell<'_>]) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.push_str("<row r=\"");
        self.buffer.push_str(&row.to_string());
        self.buffer.push_str("\">");
        for (column, cell) in cells.iter().enumerate() {
            self.push_cell(row, column, cell);
        }
        self.buffer.push_str("</row>");
        self.zip.write_all(self.buffer.as_bytes())
    }

    fn finish(mut self) -> io::Result<()> {
        self.zip.write_all(b"</sheetData></worksheet>")?;
        self.zip.finish()?.flush()
    }
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
