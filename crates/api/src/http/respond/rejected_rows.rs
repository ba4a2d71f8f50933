//! Files of rejected rows.

use actix_web::HttpResponse;
use actix_web::http::header::{
    Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue, VARY,
};
use devices_import::RejectedFile;

/// Returns a 200 with a file to be saved, named after the file that was sent.
pub(crate) fn response(file: RejectedFile, file_name: Option<&str>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(file.media_type())
        .insert_header((VARY, "Accept"))
        .insert_header(attachment(file.name(file_name)))
        .body(file.bytes)
}

fn attachment(name: String) -> ContentDisposition {
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
    use super::*;

    #[test]
    fn name_that_is_not_ascii_is_sent_in_both_forms() {
        let header = attachment("Geräte.rejected.csv".to_owned()).to_string();
        assert_eq!(
            header,
            "attachment; filename=\"Ger_te.rejected.csv\"; \
             filename*=UTF-8''Ger%C3%A4te.rejected.csv"
        );
    }
}
