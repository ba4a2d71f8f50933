//! Files of rejected rows.

use actix_web::HttpResponse;
use actix_web::http::header::{
    Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue, VARY,
};

use devices_import::RejectedFile;

/// Media type of CSV (RFC 4180).
pub(crate) const CSV: &str = "text/csv";

/// Media type of a workbook.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Returns a 200 with a file to be saved, named after the file that was sent.
pub(crate) fn response(file: RejectedFile, file_name: Option<&str>) -> HttpResponse {
    let RejectedFile { bytes, encoding } = file;
    let (media_type, extension) = match encoding {
        Some(encoding) => {
            let charset = encoding.to_lowercase();
            (format!("{CSV}; charset={charset}; header=present"), "csv")
        }
        None => (XLSX.to_owned(), "xlsx"),
    };
    HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((VARY, "Accept"))
        .insert_header(attachment(&stem(file_name), extension))
        .body(bytes)
}

/// Maximum length of the name without its extensions, in characters.
const MAX_STEM: usize = 100;

/// Returns the name of a file without its folder and its extension. Keeps letters, digits, blanks
/// and `-_.()`: a client may use the name for a file, and show it.
fn stem(file_name: Option<&str>) -> String {
    let name = file_name.unwrap_or_default();
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let is_kept = |c: &char| c.is_alphanumeric() || " -_.()".contains(*c);
    let kept: String = stem.chars().filter(is_kept).take(MAX_STEM).collect();
    let kept = kept.trim_matches([' ', '.']);
    if kept.is_empty() {
        "devices".to_owned()
    } else {
        kept.to_owned()
    }
}

fn attachment(stem: &str, extension: &str) -> ContentDisposition {
    let name = format!("{stem}.rejected.{extension}");
    let ascii = name.replace(|c: char| !c.is_ascii(), "_");
    let mut parameters = vec![DispositionParam::Filename(ascii.clone())];
    if name != ascii {
        // RFC 6266, 4.3: clients that understand `filename*` prefer it.
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.into_bytes(),
        }));
    }
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("laptops.xlsx"), "laptops")]
    #[case(Some("Inventar 2026 (neu).v2.csv"), "Inventar 2026 (neu).v2")]
    #[case(Some("/etc/passwd"), "passwd")]
    #[case(Some(r"C:\Users\ada\Desktop\laptops.csv"), "laptops")]
    #[case(Some("../../.ssh/.config.csv"), "config")]
    #[case(Some("a\r\nSet-Cookie: b\u{202e}\"c.csv"), "aSet-Cookie bc")]
    #[case(Some("Geräte.csv"), "Geräte")]
    #[case(Some(".csv"), "devices")]
    #[case(Some(""), "devices")]
    #[case(None, "devices")]
    fn file_name_keeps_only_harmless_characters(
        #[case] sent: Option<&str>,
        #[case] expected: &str,
    ) {
        assert_eq!(stem(sent), expected);
    }

    #[test]
    fn long_file_name_is_cut() {
        assert_eq!(stem(Some(&"x".repeat(10_000))).len(), MAX_STEM);
    }

    #[test]
    fn name_that_is_not_ascii_is_sent_in_both_forms() {
        let header = attachment("Geräte", "csv").to_string();
        assert_eq!(
            header,
            "attachment; filename=\"Ger_te.rejected.csv\"; \
             filename*=UTF-8''Ger%C3%A4te.rejected.csv"
        );
    }
}
