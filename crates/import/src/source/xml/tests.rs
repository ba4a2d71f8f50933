use super::*;

fn estimate(part: &[u8]) -> MemoryEstimate {
    let mut estimate = MemoryEstimate::default();
    let mut scan = estimate.scan_part();
    for byte in part {
        scan.feed(*byte);
    }
    scan.finish(part.len() as u64);
    estimate
}

#[test]
fn shared_strings_are_counted() {
    let found = estimate(b"<?xml version=\"1.0\"?>\n<x:sst><x:si><t>a</t></x:si><si/></x:sst>");
    assert_eq!((found.shared_strings, found.deepest_nesting), (2, 3));
}

#[test]
fn utf16_is_scanned_like_utf8() {
    let part = "<sst uniqueCount='7'><si/><a><b>";
    let part: Vec<u8> = part.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = estimate(&part);
    assert_eq!((found.shared_strings, found.declared_strings), (1, 7));
    assert_eq!(found.deepest_nesting, 3);
}

#[test]
fn declared_strings_are_counted() {
    let declared = |part: &str| estimate(part.as_bytes()).declared_strings;
    for quote in ["'", "\""] {
        let part = format!("<sst count={quote}2500000{quote} uniqueCount = {quote}12{quote}>");
        assert_eq!(declared(&part), 12, "{part}");
    }
    assert_eq!(
        declared("<sst a='<b' uniqueCount='5'/><sst uniqueCount='4'/>"),
        5
    );
    assert_eq!(declared("<sst uuniqueCount='6' count='7'/>"), 6);
    assert_eq!(declared("<sst uniqueCount='' count='7'/>"), 0);
    let huge = estimate(b"<sst uniqueCount='99999999999999999999999999'/>");
    assert_eq!(huge.bytes(), u64::MAX);
    let large = estimate(b"<sst count='2500000' uniqueCount='1000'/>");
    assert!(large.bytes() < 30_000);
}

#[test]
fn closed_elements_are_not_nested() {
    assert_eq!(
        estimate("<a b='/'/><a></a>".repeat(9).as_bytes()).deepest_nesting,
        1
    );
    assert_eq!(
        estimate("<a b='/>'>".repeat(9).as_bytes()).deepest_nesting,
        9
    );
}

#[test]
fn hidden_closing_tags_do_not_reduce_nesting() {
    for part in [
        "<a b='</a>'>",
        "<a><!--</a>-->",
        "<a><![CDATA[</a>]]>",
        "<a><?x </a>?>",
    ] {
        let found = estimate(part.repeat(9).as_bytes());
        assert!(
            found.deepest_nesting >= 9,
            "{part}: {}",
            found.deepest_nesting
        );
    }
}

#[test]
fn copied_styles_are_multiplied() {
    let format = format!("<numFmt formatCode=\"{}\"/>", "0>".repeat(1000));
    let part = format + &"<xf/>".repeat(1000);
    assert!(estimate(part.as_bytes()).bytes() > 2_000_000);
    let irregular = format!("<!-- -->{part}");
    assert!(estimate(irregular.as_bytes()).bytes() > 2_000_000);
}

#[test]
fn long_tokens_are_excessive() {
    let text = "x".repeat(MAX_TOKEN_BYTES as usize);
    assert!(estimate(format!("<t>{text}</t>").as_bytes()).is_excessive);
    assert!(estimate(format!("<t a='{text}'/>").as_bytes()).is_excessive);
    assert!(!estimate(format!("<t>{}</t>", &text[9..]).as_bytes()).is_excessive);
}

#[test]
fn formulas_without_value_are_counted() {
    let count = |part: &str| estimate(part.as_bytes()).formulas_without_value;
    assert_eq!(count("<c r='A1'><f>1+1</f></c><c><v>1</v></c>"), 1);
    assert_eq!(count("<c><f>1+1</f><v /></c></row>"), 1);
    assert_eq!(count("<c><f t='shared' si='0'/><v></v></c>"), 1);
    assert_eq!(count("<c><f>1+1</f><v>2</v></c>"), 0);
    assert_eq!(count("<c r='A1' t=\"str\"><f>B1</f><v></v></c>"), 0);
    assert_eq!(
        count("<c s='1'/></sheetData><extLst><xm:f>A1</xm:f></extLst>"),
        0
    );
    assert_eq!(count("<c:chart><c:f>A1</c:f></c:chart>"), 0);
}
