//! Matches of search queries in search documents.

use devices_domain::{
    DeviceFields, Email, FieldValue, NewDevice, RawRow, RawValue, Search, SearchDocument,
    SearchTerm, SearchWord, ShortText, UserFields, Weight,
};
use proptest::prelude::*;
use rstest::rstest;

/// Returns the fields of a device with a comment, or `None` if the comment is not valid.
fn device_with_comment(comment: &str) -> Option<DeviceFields> {
    let mut row = RawRow::for_device();
    for field in ["name", "type", "category"] {
        row.set(field, RawValue::text("x"));
    }
    row.set("comment", RawValue::text(comment));
    NewDevice::from_row(&row).ok().map(|device| device.fields)
}

fn document(comment: &str) -> SearchDocument {
    let fields = device_with_comment(comment).expect("the comment is valid");
    SearchDocument::for_device(&fields)
}

fn lexemes(document: &SearchDocument) -> Vec<&str> {
    document.lexemes().map(|(lexeme, _)| lexeme).collect()
}

/// Returns the lexemes of each word of a term.
fn words(term: &SearchTerm) -> Vec<&[String]> {
    term.words().iter().map(SearchWord::lexemes).collect()
}

/// Returns whether a query finds a document, as a repository decides it.
fn finds(query: &str, document: &SearchDocument) -> bool {
    let search = Search::parse(query).expect("the query is valid");
    let search = search.expect("the query has a term");
    let lexemes = lexemes(document);
    let matches = |prefix: &String| lexemes.iter().any(|lexeme| lexeme.starts_with(prefix));
    let terms = search.terms();
    let mut words = terms.iter().flat_map(SearchTerm::words);
    words.all(|word| word.lexemes().iter().all(matches))
}

#[rstest]
#[case::cyrillic("Ноутбук Артёма", &["ноутбук", "НОУТ", "артема", "артём"])]
#[case::french("Réservé à GRÂCE", &["reserve", "grâce", "GRA\u{302}CE", "a"])]
#[case::german("Große Straße", &["STRASSE", "strasse", "grosse", "STRAẞ"])]
#[case::turkish("İstanbul ISPARTA", &["istanbul", "ısparta", "isparta", "İSTANBUL"])]
#[case::greek("Νίκος", &["νικος", "ΝΊΚΟΣ", "νίκοσ"])]
#[case::chinese("在东京都庁附近", &["东京", "京都庁", "附", "在东京都庁附近", "东京 附近"])]
#[case::japanese("新しいノートパソコンです", &["ノート", "パソコン", "ﾉｰﾄ", "新しい", "い"])]
#[case::thai("เครื่องคอมพิวเตอร์", &["คอมพิวเตอร์", "เครื่อง", "คอม", "ร์"])]
#[case::khmer("កុំព្យូទ័រយួរដៃ", &["យួរ", "កុំព្យូទ័រ"])]
#[case::korean("삼성 노트북", &["노트", "노트북", "\u{1102}\u{1169}트북"])]
#[case::arabic("حاسوب محمول", &["حاسوب", "محم"])]
#[case::hindi("हिन्दी लैपटॉप", &["हिन्दी", "लैपटॉप", "लैप"])]
#[case::full_width("ＭａｃＢｏｏｋ", &["macbook", "ｍａｃ"])]
#[case::ligature("Oﬃce", &["office", "Oﬀ"])]
#[case::scripts_without_blanks_between("iPhone15用ケース", &["iphone15", "用", "ケース", "iphone"])]
#[case::emoji("Rechner 💻", &["💻", "rechner 💻"])]
#[case::emoji_sequence("👩\u{200D}💻 ❤\u{FE0F}", &["💻", "👩", "👩💻", "❤"])]
#[case::symbols("C++ & C#: -> ok", &["&", "++", "+", "#", "->", "-", "c++", "c#", "c++ ->"])]
#[case::spacing_accent("a ´ b", &["´"])]
#[case::soft_hyphen("Schreib\u{AD}tisch", &["schreibtisch", "schreib\u{AD}tisch"])]
#[case::zero_width("Note\u{200B}book \u{FEFF}X\u{2060}1", &["notebook", "note\u{200D}book", "x1"])]
#[case::line_separator("first\u{2028}second", &["second"])]
fn query_finds_the_text(#[case] text: &str, #[case] queries: &[&str]) {
    let document = document(text);
    for query in queries {
        assert!(
            finds(query, &document),
            "{query:?} in {:?}",
            lexemes(&document)
        );
    }
}

#[rstest]
#[case::word_suffix("Notebook", &["book"])]
#[case::other_symbol("C++", &["&", "+++", "C++ &"])]
#[case::absent_emoji("Rechner 💻", &["🖥", "💻💻"])]
#[case::other_order("東京都庁", &["都京", "京東"])]
#[case::longer_than_the_text("東京", &["東京都"])]
fn query_does_not_find_the_text(#[case] text: &str, #[case] queries: &[&str]) {
    let document = document(text);
    for query in queries {
        assert!(
            !finds(query, &document),
            "{query:?} in {:?}",
            lexemes(&document)
        );
    }
}

#[test]
fn term_with_letters_ignores_its_symbols() {
    let search = Search::parse("(sn-1) 東京!").unwrap().unwrap();
    let [serial_number, place] = search.terms() else {
        panic!("expected two terms, got {search:?}");
    };
    assert_eq!(words(serial_number), [["1"], ["sn"]]);
    assert_eq!(serial_number.identifier(), Some("(SN-1)"));
    assert_eq!(words(place), [["東京"]]);
}

#[test]
fn identifier_has_three_visible_characters() {
    let identifier = |text: &str| {
        let search = Search::parse(text).unwrap().unwrap();
        search.terms()[0].identifier().map(str::to_owned)
    };
    assert_eq!(identifier("ab"), None);
    assert_eq!(identifier("a\u{200B}b"), None);
    assert_eq!(identifier("a\u{200B}b-1").as_deref(), Some("AB-1"));
    assert_eq!(identifier("ａｂ１").as_deref(), Some("AB1"));
}

#[test]
fn long_run_is_matched_by_its_beginning() {
    let run: String = ('一'..).take(100).collect();
    let search = Search::parse(&run).unwrap().unwrap();
    let [term] = search.terms() else {
        panic!("expected one term, got {search:?}");
    };
    assert_eq!(words(term)[0].len(), 32);
    assert!(finds(&run, &document(&run)));
}

#[test]
fn lexeme_has_the_weights_of_its_sections() {
    let mut row = RawRow::for_device();
    row.set("name", RawValue::text("Dell Latitude"));
    row.set("type", RawValue::text("laptop"));
    row.set("category", RawValue::text("computers"));
    row.set("brand", RawValue::text("Dell"));
    row.set("serial_number", RawValue::text("SN-1"));
    row.set("comment", RawValue::text("DELL by Ada"));
    let document = SearchDocument::for_device(&NewDevice::from_row(&row).unwrap().fields);
    let expected = [
        ("-", vec![Weight::A]),
        ("1", vec![Weight::A]),
        ("ada", vec![Weight::D]),
        ("by", vec![Weight::D]),
        ("computers", vec![Weight::B]),
        ("dell", vec![Weight::A, Weight::B, Weight::D]),
        ("laptop", vec![Weight::B]),
        ("latitude", vec![Weight::A]),
        ("sn", vec![Weight::A]),
    ];
    let found = document
        .lexemes()
        .map(|(text, weights)| (text, weights.iter().collect()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn user_document_has_names_and_address() {
    let mut user = UserFields::new(Email::from_trusted("Grâce@Example.com".to_owned()));
    user.first_name = Some(ShortText::from_trusted("Grâce"));
    user.last_name = Some(ShortText::from_trusted("Hopper"));
    let document = SearchDocument::for_user(&user);
    let expected = [".", "@", "com", "example", "grace", "hopper"];
    assert_eq!(lexemes(&document), expected);
}

#[rstest]
#[case::expands_to_eighteen("\u{FDFA}".repeat(10_000))]
#[case::expands_in_words("a\u{FDFA}".repeat(5_000))]
#[case::long_words("x".repeat(10_000))]
#[case::long_words_of_four_bytes("𐐨".repeat(10_000))]
#[case::no_blanks(('\u{4E00}'..).take(10_000).collect())]
#[case::four_bytes_without_blanks(('\u{20000}'..).take(10_000).collect())]
#[case::squared_words(('\u{3300}'..='\u{3357}').cycle().take(10_000).collect())]
#[case::symbols(('\u{2200}'..='\u{2BFF}').cycle().take(10_000).collect())]
fn document_is_bounded(#[case] comment: String) {
    let document = document(&comment);
    assert!(document.lexemes().len() <= SearchDocument::MAX_LEXEMES);
    // Per lexeme: alignment, the number of positions, and a position per weight.
    let bytes = document
        .lexemes()
        .map(|(lexeme, _)| lexeme.len() + 11)
        .sum::<usize>();
    assert!(bytes < 1 << 20, "{bytes}");
    // The longest lexeme of a tsvector has 2,046 bytes.
    assert!(document.lexemes().all(|(lexeme, _)| lexeme.len() < 2_046));
}

#[test]
fn text_that_does_not_grow_is_searched_to_its_end() {
    for character in ['x', '\u{4E00}', '한', '\u{20000}', '💻'] {
        let comment = character.to_string().repeat(9_990) + " end";
        assert!(finds("end", &document(&comment)), "{character}");
    }
    let distinct: String = ('\u{4E00}'..).take(9_990).collect();
    assert!(finds("end", &document(&(distinct + " end"))));
}

#[test]
fn comment_that_grows_hides_no_identifying_field() {
    let mut row = RawRow::for_device();
    row.set("comment", RawValue::text("a\u{FDFA}".repeat(5_000)));
    for field in ["name", "type", "category", "brand", "model", "processor"] {
        row.set(field, RawValue::text(format!("the {field}")));
    }
    row.set("tags", RawValue::List(vec![RawValue::text("tagged")]));
    let document = SearchDocument::for_device(&NewDevice::from_row(&row).unwrap().fields);
    for word in ["name", "category", "brand", "model", "processor", "tagged"] {
        assert!(finds(word, &document), "{word}");
    }
}

/// Text of several scripts with blanks, symbols, combining and invisible characters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-ZÀ-ſа-яА-Я0-9 \u{AD}\u{200B}\u{301}'.&+-]{0,40}",
        "[一-三ア-ン가-깋ก-๎ \u{3099}💻❤\u{FE0F}]{0,40}",
    ]
}

/// Asserts that a query finds the text that it was taken from, unless it is not a query.
fn assert_found(query: &str, document: &SearchDocument) -> Result<(), TestCaseError> {
    // Other queries are blank, or over a limit.
    if let Ok(Some(_)) = Search::parse(query) {
        prop_assert!(finds(query, document), "{:?} in {:?}", query, document);
    }
    Ok(())
}

proptest! {
    #[test]
    fn device_is_found_by_its_words_and_their_beginnings(text in text()) {
        if let Some(fields) = device_with_comment(&text) {
            let document = SearchDocument::for_device(&fields);
            for word in text.split_whitespace() {
                assert_found(word, &document)?;
            }
            for (lexeme, _) in document.lexemes() {
                for (end, _) in lexeme.char_indices().skip(1) {
                    assert_found(&lexeme[..end], &document)?;
                }
            }
        }
    }

    #[test]
    fn text_without_blanks_is_found_by_every_substring(text in "[一-三ア-ン💻❤]{1,12}") {
        let document = document(&text);
        let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
        for start in &starts {
            for end in starts.iter().filter(|end| *end > start) {
                assert_found(&text[*start..*end], &document)?;
            }
        }
    }

    #[test]
    fn case_and_normalization_do_not_change_a_document(text in "[a-zA-ZÀ-ÿА-яΑ-ω0-9 .+-]{1,40}") {
        if let Some(fields) = device_with_comment(&text) {
            let document = SearchDocument::for_device(&fields);
            for variant in [text.to_uppercase(), text.to_lowercase()] {
                let variant = SearchDocument::for_device(&device_with_comment(&variant).unwrap());
                prop_assert_eq!(lexemes(&variant), lexemes(&document));
            }
        }
    }

    #[test]
    fn lexemes_are_sorted_distinct_and_short(text in text()) {
        if let Some(fields) = device_with_comment(&text) {
            let document = SearchDocument::for_device(&fields);
            let lexemes = lexemes(&document);
            prop_assert!(lexemes.is_sorted_by(|left, right| left.as_bytes() < right.as_bytes()));
            for lexeme in lexemes {
                prop_assert!(!lexeme.is_empty() && lexeme.chars().count() <= 255);
                prop_assert!(!lexeme.contains(char::is_whitespace));
            }
        }
    }

    #[test]
    fn any_query_is_read_or_rejected(text in any::<String>()) {
        if let Ok(Some(search)) = Search::parse(&text) {
            for term in search.terms() {
                prop_assert!((1..=Search::MAX_WORDS).contains(&term.words().len()));
                for word in term.words() {
                    prop_assert!((1..=32).contains(&word.lexemes().len()));
                }
            }
        }
    }

    #[test]
    fn email_folding_is_idempotent(text in "[a-zA-ZÀ-ÿß]{1,10}@[a-zA-ZÀ-ÿ]{1,10}") {
        let email = Email::parse(&RawValue::text(text.as_str())).unwrap();
        let folded = Email::from_trusted(email.folded().to_owned());
        prop_assert_eq!(folded.folded(), email.folded());
        let upper = Email::from_trusted(text.to_uppercase());
        prop_assert_eq!(upper.folded(), email.folded());
    }
}
