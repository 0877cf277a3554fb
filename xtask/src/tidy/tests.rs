//! The rules pass on the project itself and fail on trees that break them.

use super::source::{Function, Source};
use super::tree::Tree;
use super::{Rule, direction, documents, run, rust_files};

#[test]
fn the_project_is_tidy() {
    if let Err(message) = run(&[]) {
        panic!("{message}");
    }
}

/// Runs one rule; expects violations at exactly these places.
fn check<const COUNT: usize>(rule: Rule, files: [(&str, &str); COUNT], places: &[&str]) {
    let found: Vec<String> = rule(&Tree::from(files)).into_iter().map(|violation| violation.place).collect();
    assert_eq!(found, places);
}

fn lines(count: usize) -> String {
    "x\n".repeat(count)
}

#[test]
fn long_files_are_found_except_tests() {
    let long = lines(501);
    check(rust_files::are_short, [("io/a/src/lib.rs", &long)], &["io/a/src/lib.rs"]);
    check(rust_files::are_short, [("xtask/src/a.rs", &long)], &["xtask/src/a.rs"]);
    check(rust_files::are_short, [("io/a/src/lib.rs", &lines(500))], &[]);
    check(rust_files::are_short, [("io/a/src/b/tests.rs", &long)], &[]);
    check(rust_files::are_short, [("logic/a/tests/b.rs", &long)], &[]);
    check(rust_files::are_short, [("logic/a/benches/b.rs", &long)], &[]);
}

#[test]
fn long_functions_are_found() {
    let short = format!("fn f() {{\n{}}}\n", lines(68));
    let long = format!("\nfn f() {{\n{}}}\n", lines(69));
    let rule = rust_files::have_short_functions;
    check(rule, [("io/a/src/lib.rs", &short)], &[]);
    check(rule, [("io/a/src/lib.rs", &long)], &["io/a/src/lib.rs:2"]);
    check(rule, [("io/a/tests/b.rs", &long)], &[]);
}

#[test]
fn every_file_opens_with_what_it_is() {
    let rule = rust_files::say_what_they_are;
    check(rule, [("tests/e2e/main.rs", "//! Tests.\n")], &[]);
    check(rule, [("tests/e2e/main.rs", "fn main() {}\n")], &["tests/e2e/main.rs"]);
    check(rule, [("io/a/src/lib.rs", "//!\n//! Late.\n")], &["io/a/src/lib.rs"]);
    check(rule, [("io/a/src/lib.rs", "")], &["io/a/src/lib.rs"]);
}

#[test]
fn banned_words_are_found_in_code_and_comments_but_not_in_strings() {
    let rule = rust_files::use_no_banned_words;
    let place = "io/a/src/lib.rs:1";
    for bad in [
        "// TODO later",
        "/* FIXME */",
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"x\") }",
        "#[ignore]",
        "# [ allow ( dead_code ) ]",
        "#![allow(dead_code)]",
    ] {
        check(rule, [("io/a/src/lib.rs", bad)], &[place]);
    }
    for good in ["let a = \"TODO todo!\";", "#[ignore = \"slow\"]", "#[expect(dead_code)]"] {
        check(rule, [("io/a/src/lib.rs", good)], &[]);
    }
}

#[test]
fn names_that_say_nothing_are_found() {
    let rule = rust_files::have_telling_names;
    check(rule, [("io/a/src/utils.rs", "")], &["io/a/src/utils.rs"]);
    check(rule, [("io/a/src/common/mod.rs", "")], &["io/a/src/common/mod.rs"]);
    check(rule, [("io/a/src/proxy_main.rs", "")], &["io/a/src/proxy_main.rs"]);
    check(rule, [("io/a/src/main.rs", "")], &[]);
}

#[test]
fn logic_depends_on_nothing_that_touches_the_world() {
    let rule = direction::logic_is_pure;
    for bad in [
        "[dependencies]\nevener-runtime.workspace = true",
        "[dependencies]\ntokio = \"1\"",
        "[dev-dependencies]\nsocket2 = { version = \"1\" }",
        "[dependencies.rustix]\nversion = \"1\"",
        "[target.'cfg(unix)'.dependencies]\nlibc = \"1\"",
    ] {
        check(rule, [("logic/http/Cargo.toml", bad)], &["logic/http/Cargo.toml"]);
    }
    let good = "[package]\nname = \"tokio\"\n[dependencies]\n# tokio\nhttparse = \"1\"\n";
    check(rule, [("logic/http/Cargo.toml", good)], &[]);
    let plan = "[dependencies]\nhttparse = \"1\"\n";
    check(rule, [("logic/plan/Cargo.toml", plan)], &["logic/plan/Cargo.toml"]);
    let new_crate = ("io/tls/Cargo.toml", "");
    let user = ("logic/http/Cargo.toml", "[dependencies]\nevener-tls.workspace = true");
    check(rule, [new_crate, user], &["logic/http/Cargo.toml"]);
}

#[test]
fn nothing_depends_on_the_binary_and_io_crates_point_inwards() {
    let rule = direction::crates_point_inwards;
    let on_binary = "[dependencies]\nevener = { path = \"../bin/evener\" }";
    check(rule, [("xtask/Cargo.toml", on_binary)], &["xtask/Cargo.toml"]);
    let on_proxy = "[dependencies]\nevener-proxy.workspace = true";
    check(rule, [("io/upstream/Cargo.toml", on_proxy)], &["io/upstream/Cargo.toml"]);
    check(rule, [("bin/evener/Cargo.toml", on_proxy)], &[]);
    let on_runtime = "[dependencies]\nevener-runtime.workspace = true";
    check(rule, [("io/upstream/Cargo.toml", on_runtime)], &[]);
    check(rule, [("io/unlisted/Cargo.toml", on_runtime)], &["io/unlisted/Cargo.toml"]);
}

#[test]
fn every_package_takes_the_shared_lints() {
    let rule = direction::packages_share_the_lints;
    let good = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
    check(rule, [("io/a/Cargo.toml", good)], &[]);
    check(rule, [("io/a/Cargo.toml", "[package]\n")], &["io/a/Cargo.toml"]);
    let own = "[lints]\nrust.unsafe_code = \"deny\"\n";
    check(rule, [("io/a/Cargo.toml", own)], &["io/a/Cargo.toml"]);
    check(rule, [("io/runtime/Cargo.toml", own)], &[]);
}

#[test]
fn imports_against_the_journey_are_found() {
    let rule = direction::proxy_imports_follow_the_journey;
    let inside = "io/proxy/src/exchange/retry.rs";
    for bad in [
        "use crate::client::Client;",
        "use crate::{\n    tunnel,\n    client::{Head, Body},\n};",
        "fn f() { crate::listener::open(); }",
        "use super::super::client;",
    ] {
        check(rule, [(inside, bad)], &[inside]);
    }
    for good in [
        "use crate::tunnel::Tunnel;",
        "use crate::{tunnel::{client}, exchange};",
        "// crate::client",
        "use super::client;",
        "use my_crate::client;",
    ] {
        check(rule, [(inside, good)], &[]);
    }
    let sibling = "io/proxy/src/exchange/mod.rs";
    check(rule, [(sibling, "use super::client;")], &[sibling]);
    check(rule, [("io/proxy/src/cellar.rs", "")], &["io/proxy/src/cellar.rs"]);
    check(rule, [("io/proxy/src/tunnel/tests.rs", "use crate::client;")], &[]);
}

#[test]
fn module_folders_hold_a_mod_file_and_no_twin() {
    let rule = documents::folders_have_their_mod_file;
    check(rule, [("io/a/src/b/c.rs", "")], &["io/a/src/b"]);
    check(rule, [("io/a/src/b/c.rs", ""), ("io/a/src/b/mod.rs", "")], &[]);
    let twin = [("io/a/src/b.rs", ""), ("io/a/src/b/mod.rs", "")];
    check(rule, twin, &["io/a/src/b"]);
    check(rule, [("io/a/src/b/mod.rs", ""), ("io/a/src/b/c/d.rs", "")], &["io/a/src/b/c"]);
    check(rule, [("io/a/tests/b/c.rs", ""), ("io/a/src/lib.rs", "")], &[]);
}

#[test]
fn documents_must_be_there_and_the_map_stays_short() {
    assert!(documents::are_present(&Tree::from([])).len() > 5);
    let long = lines(200);
    let found = documents::are_present(&Tree::from([("ARCHITECTURE.md", long.as_str())]));
    assert!(found.iter().any(|violation| violation.message.contains("200 lines")));
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let rule = documents::decisions_are_numbered;
    let (first, third) = ("docs/decisions/0001-a.md", "docs/decisions/0003-c.md");
    check(rule, [(first, "# A")], &[]);
    check(rule, [(first, "# A"), (third, "# C")], &[third]);
    check(rule, [(first, "A")], &[first]);
    check(rule, [("docs/decisions/a.md", "# A")], &["docs/decisions/a.md"]);
    let twin = "docs/decisions/0001-b.md";
    check(rule, [(first, "# A"), (twin, "# B")], &[twin]);
    check(rule, [], &["docs/decisions/"]);
}

/// What the scanner sees: name, first line, line count.
fn check_functions(text: &str, expected: &[(&str, usize, usize)]) {
    let expected: Vec<Function> = expected
        .iter()
        .map(|&(name, first_line, line_count)| Function { name: name.to_owned(), first_line, line_count })
        .collect();
    assert_eq!(Source::parse(text).functions(), expected, "{text}");
}

#[test]
fn functions_are_measured_from_fn_to_closing_brace() {
    check_functions("fn a() {}", &[("a", 1, 1)]);
    check_functions(
        "/// Doc.\n#[test]\npub(crate) async fn a<T>(\n    b: T,\n)\nwhere\n    T: Copy,\n{\n}\n",
        &[("a", 3, 7)],
    );
    check_functions("fn a() {\n    fn b() {\n    }\n}\n", &[("a", 1, 4), ("b", 2, 2)]);
    check_functions("trait A { fn b(&self); fn c(&self) -> [u8; 2]; }", &[]);
    check_functions("fn a(b: fn(u8) -> u8, c: [u8; { 2 }]) -> u8 { b(1) }", &[("a", 1, 1)]);
    check_functions("type A = fn(u8) -> u8; struct fnord { }", &[]);
    check_functions("let r#fn = { }; fn r#match() { }", &[("r#match", 1, 1)]);
}

#[test]
fn braces_in_literals_and_comments_do_not_count() {
    for body in [
        "\"}\"",
        "\"\\\"}\"",
        "r\"}\\\"",
        "r#\"}\"}\"#",
        "br##\"}\"#}\"##",
        "b\"}\"",
        "c\"}\"",
        "'}'",
        "b'}'",
        "'\\''; '}'",
        "'\\u{7d}'; '\"'",
        "/* } /* } */ } */",
        "// }",
        "f::<'a>('{', '}')",
        "let a: &'static str = \"}\"",
    ] {
        let text = format!("fn a() {{\n{body}\n}}\nfn b() {{\n}}\n");
        check_functions(&text, &[("a", 1, 3), ("b", 4, 2)]);
    }
    check_functions("// fn a() {}\n\"fn b() {}\" /* fn c() {} */", &[]);
}

#[test]
fn layers_keep_every_line_where_it_was() {
    let text = "let a = \"one\ntwo\"; // three\n/* four\nfive */ let b;";
    let source = Source::parse(text);
    let code: Vec<&str> = source.code.lines().map(str::trim_end).collect();
    assert_eq!(code, ["let a = \"", "   \";", "", "        let b;"]);
    let comments: Vec<&str> = source.comments.lines().map(str::trim).collect();
    assert_eq!(comments, ["", "// three", "/* four", "five */"]);
}
