//! Currencies before or after an amount.

/// Codes of ISO 4217. Capitals only: `all`, `top` and `try` are words, too.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL \
    BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD \
    FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS \
    KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
    MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX \
    USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

/// Names and abbreviations, in any case. The codes are those that people write in small letters.
const WORDS: &[&str] = &[
    "euro", "euros", "eur", "usd", "gbp", "chf", "kr", "kč", "kc", "zł", "zl", "ft", "fr", "sfr",
    "rs", "lei", "leu", "лв", "руб",
];

/// Countries whose dollar is written with their letters: `US$`, `$CA`. Not `k` and `M`, which
/// multiply the amount.
const DOLLARS: &[&str] = &[
    "US", "CA", "C", "AU", "A", "NZ", "HK", "S", "SG", "R", "MX", "NT",
];

/// Returns whether a text is a currency: a symbol (`€`), a code (`EUR`) or a word (`kr`).
pub(super) fn is_currency(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let mut characters = text.chars();
    if characters.next().is_some_and(is_symbol) && characters.next().is_none() {
        return true;
    }
    let country = text.strip_suffix('$').or_else(|| text.strip_prefix('$'));
    if let Some(country) = country {
        return DOLLARS.contains(&country);
    }
    CODES.split(' ').any(|code| code == text) || WORDS.contains(&text.to_lowercase().as_str())
}

/// Returns whether a character may be part of a currency.
pub(super) fn is_currency_character(c: char) -> bool {
    c.is_alphabetic() || is_symbol(c)
}

fn is_symbol(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '\u{20A0}'..='\u{20CF}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("€")]
    #[case("$")]
    #[case("₹")]
    #[case("EUR")]
    #[case("eur")]
    #[case("Euro")]
    #[case("US$")]
    #[case("$CA")]
    #[case("Kč")]
    #[case("Ft")]
    #[case("лв")]
    fn currency_is_recognised(#[case] text: &str) {
        assert!(is_currency(text));
    }

    #[rstest]
    #[case("")]
    #[case("k")]
    #[case("k€")]
    #[case("M$")]
    #[case("Mio")]
    #[case("mo")]
    #[case("Stk")]
    #[case("Tsd")]
    #[case("pcs")]
    #[case("all")]
    #[case("€€")]
    fn other_word_is_no_currency(#[case] text: &str) {
        assert!(!is_currency(text));
    }
}
