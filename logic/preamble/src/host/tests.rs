//! Names that pass, and what they become; names that do not.

use super::{canonical_name, is_address};

fn check(name: &str, expected: Option<&str>) {
    assert_eq!(canonical_name(name.as_bytes()).as_deref(), expected, "{name}");
}

#[test]
fn names_become_canonical() {
    check("a", Some("a"));
    check("Example.COM", Some("example.com"));
    check("example.com.", Some("example.com"));
    check("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
    check("_srv.a_b.example", Some("_srv.a_b.example"));
    check("10.0.0.1", Some("10.0.0.1"));
}

#[test]
fn other_text_is_refused() {
    for name in ["", ".", "..", "a..b", ".a", "a..", "-a.b", "a-.b", "a.-", "*.a", "a b", "a:1", "[::1]", "a/b", "a\0"]
    {
        check(name, None);
    }
    check("b\u{fc}cher.example", None);
    assert_eq!(canonical_name(b"a\xff"), None);
}

#[test]
fn lengths_have_bounds() {
    let label = "a".repeat(63);
    check(&label, Some(&label));
    check(&"a".repeat(64), None);
    let name = [label.as_str(); 4].join(".");
    check(&name[2..], Some(&name[2..]));
    check(&format!("{}.", &name[2..]), Some(&name[2..]));
    check(&name[1..], None);
}

#[test]
fn addresses_end_in_digits() {
    for address in ["10.0.0.1", "1.2", "0x7f.1", "7", "a.1"] {
        assert!(is_address(address), "{address}");
    }
    for name in ["a", "1.a", "10.0.0.1a", "a1"] {
        assert!(!is_address(name), "{name}");
    }
}
