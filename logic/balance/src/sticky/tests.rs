//! Sticky cookies: what was written is found again, and nothing else.

use super::*;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const SECRET: &[u8] = b"0123456789abcdef";

fn sticky() -> Sticky {
    Sticky::new("evener", SECRET, b"web").unwrap()
}

fn find(values: &[&str]) -> Option<u64> {
    sticky().find(values.iter().map(|value| value.as_bytes()))
}

fn cookie(id: u64) -> String {
    format!("evener={}", sticky().value_for(id))
}

#[test]
fn what_was_written_is_found() {
    for id in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
        assert_eq!(find(&[&cookie(id)]), Some(id));
    }
}

#[test]
fn values_have_one_length_and_need_no_quotes() {
    for id in 0..1000 {
        let value = sticky().value_for(id);
        assert_eq!(value.len(), 32);
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{value}");
    }
}

/// A value computed with another implementation of HMAC-SHA-256.
#[test]
fn the_value_never_changes() {
    let id = sticky().id_of(b"10.0.0.7:8080");
    assert_eq!(
        (format!("{id:016x}"), sticky().value_for(id)),
        ("8ea0684c0c1ff96b".into(), "jqBoTAwf-Wt-f8I0ka9hsyPKzWKPkvv_".into())
    );
}

#[test]
fn it_is_found_among_others() {
    let ours = cookie(7);
    for value in [
        format!("a=1; {ours}; b=2"),
        format!("{ours};b=2"),
        format!("a=1;{ours}"),
        format!("a=1;\t {ours} \t;"),
        format!(";;; ;{ours}"),
        format!("a=\"x; {ours}"),
        format!("a; =b; =; {ours}"),
        format!("xevener=1; evenerx=2; evener; evener=; {ours}"),
    ] {
        assert_eq!(find(&[&value]), Some(7), "{value}");
    }
    // HTTP/2 may split the field.
    assert_eq!(find(&["a=1", "", "b=2", &ours, "c=3"]), Some(7));
}

#[test]
fn other_forms_are_not_found() {
    let value = sticky().value_for(7);
    for cookie in [
        String::new(),
        value.clone(),
        format!("Evener={value}"),
        format!("evener=\"{value}\""),
        format!("evener ={value}"),
        format!("evener= {value}"),
        format!("evener={value}="),
        format!("evener={value}{value}"),
        format!("evener={}", &value[1..]),
        format!("evener={}", &value[..31]),
        format!("evener=={}", &value[..31]),
        format!("evener={value},a=1"),
        format!("evener={}+", &value[..31]),
        format!("evener={}\0", &value[..31]),
    ] {
        assert_eq!(find(&[&cookie]), None, "{cookie:?}");
    }
}

#[test]
fn every_change_is_noticed() {
    let value = sticky().value_for(7).into_bytes();
    for place in 0..value.len() {
        for character in b"ABYZabyz0189-_" {
            let mut changed = value.clone();
            changed[place] = *character;
            let expected = (changed == value).then_some(7);
            let cookie = [b"evener=", &changed[..]].concat();
            assert_eq!(sticky().find([&cookie[..]]), expected);
        }
    }
}

#[test]
fn a_cookie_is_good_for_its_secret_name_and_context_only() {
    let value = sticky().value_for(7);
    let found = |other: Sticky| {
        let cookie = format!("{}={value}", other.name());
        other.find([cookie.as_bytes()])
    };
    assert_eq!(found(sticky()), Some(7));
    assert_eq!(found(Sticky::new("evener", b"0123456789abcdeF", b"web").unwrap()), None);
    assert_eq!(found(Sticky::new("evener", SECRET, b"api").unwrap()), None);
    assert_eq!(found(Sticky::new("other", SECRET, b"web").unwrap()), None);
    // Parts are not run together.
    assert_eq!(found(Sticky::new("evenerw", SECRET, b"eb").unwrap()), None);
}

#[test]
fn the_first_valid_one_wins() {
    let (seven, eight) = (cookie(7), cookie(8));
    assert_eq!(find(&[&format!("{seven}; {eight}")]), Some(7));
    assert_eq!(find(&[&eight, &seven]), Some(8));
    let forged = format!("evener={}", "A".repeat(32));
    assert_eq!(find(&[&format!("{forged}; {forged}; {forged}; {seven}")]), Some(7));
    // Nobody has that many.
    assert_eq!(find(&[&format!("{forged}; {forged}; {forged}; {forged}; {seven}")]), None);
}

#[test]
fn huge_input_is_not_searched_to_the_end() {
    let ours = cookie(7);
    let noise = "a=b; ".repeat(3_000);
    assert_eq!(find(&[&format!("{noise}{ours}")]), Some(7));
    let huge = "a=b; ".repeat(1_000_000);
    assert_eq!(find(&[&format!("{huge}{ours}")]), None);
    assert_eq!(find(&[&format!("{ours}; {huge}")]), Some(7));
    let fields = vec!["evener=x"; 100_000];
    assert_eq!(find(&fields), None);
    let nothing = vec![""; 100_000];
    assert_eq!(find(&nothing), None);
}

#[test]
fn ids_tell_nothing_without_the_secret() {
    let id =
        |secret: &[u8], context: &[u8], address: &[u8]| Sticky::new("evener", secret, context).unwrap().id_of(address);
    let plain = id(SECRET, b"web", b"10.0.0.7:8080");
    assert_eq!(plain, id(SECRET, b"web", b"10.0.0.7:8080"));
    assert_ne!(plain, id(SECRET, b"web", b"10.0.0.8:8080"));
    assert_ne!(plain, id(b"another secret!!", b"web", b"10.0.0.7:8080"));
    assert_ne!(plain, id(SECRET, b"api", b"10.0.0.7:8080"));
}

#[test]
fn set_cookie_has_its_attributes() {
    let value = sticky().value_for(7);
    let check = |max_age: Option<u64>, is_secure: bool, rest: &str| {
        let field = sticky().set_cookie(7, max_age.map(Duration::from_secs), is_secure);
        assert_eq!(field, format!("evener={value}; Path=/; HttpOnly; SameSite=Lax{rest}"));
    };
    check(None, false, "");
    check(Some(3600), false, "; Max-Age=3600");
    check(Some(0), true, "; Max-Age=0; Secure");
    check(None, true, "; Secure");
}

#[test]
fn bad_names_and_secrets_are_refused() {
    let long = "a".repeat(NAME_BYTES_MAX + 1);
    for name in ["", "a b", "a;b", "a=b", "a\r\nb", "a\"b", "a,b", "é", "a\u{7f}", &long] {
        assert_eq!(Sticky::new(name, SECRET, b"").err(), Some(StickyError::Name), "{name:?}");
    }
    for name in ["a", "__Host-evener", "A.b_c~d!", &"a".repeat(NAME_BYTES_MAX)] {
        assert!(Sticky::new(name, SECRET, b"").is_ok(), "{name:?}");
    }
    assert_eq!(Sticky::new("a", &SECRET[1..], b"").err(), Some(StickyError::Secret));
    assert!(Sticky::new("a", &[7; 1000], b"").is_ok());
}

#[test]
fn the_secret_is_not_printed() {
    assert_eq!(format!("{:?}", sticky()), "Sticky { name: \"evener\", .. }");
}

proptest! {
    #[test]
    fn any_id_comes_back(id in any::<u64>(), name in "[a-zA-Z0-9_-]{1,64}", secret in prop::collection::vec(any::<u8>(), 16..80)) {
        let sticky = Sticky::new(&name, &secret, b"").unwrap();
        let cookie = format!("a=b; {name}={}; c=d", sticky.value_for(id));
        prop_assert_eq!(sticky.find([cookie.as_bytes()]), Some(id));
    }

    #[test]
    fn any_bytes_are_read_without_panic(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        prop_assert_eq!(sticky().find(fields.iter().map(Vec::as_slice)), None);
    }

    /// Near misses: pieces of the grammar in any order.
    #[test]
    fn any_grammar_is_read_without_panic(pieces in prop::collection::vec("evener|=|;| |[A-Za-z0-9_-]{31,33}|\"|\t|\u{e9}", 0..60)) {
        prop_assert_eq!(find(&[&pieces.concat()]), None);
    }

    #[test]
    fn any_name_is_taken_or_refused(name in any::<String>()) {
        if let Ok(sticky) = Sticky::new(&name, SECRET, b"") {
            let field = sticky.set_cookie(1, None, false);
            prop_assert!(!field.contains(['\r', '\n', '\0']) && field.matches(';').count() == 3);
        }
    }
}
