//! The documents in `docs/` are those that the program makes. `EVENER_BLESS=1` writes them.

#![expect(clippy::disallowed_methods, reason = "the documents are files")]

use evener_config::{NoWorld, load_text, reference, schema};
use evener_plan::{Server, ServerAddress};
use serde_json::Value;
use std::path::Path;

#[test]
fn the_reference_page_is_current() {
    current("docs/config.md", &reference());
}

#[test]
fn the_schema_is_current() {
    current("docs/evener.schema.json", &schema());
}

fn current(path: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("EVENER_BLESS").is_some() {
        std::fs::write(&path, made).expect("the folder of documents can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the document is there");
    assert!(kept == made, "{} is out of date: run this test with EVENER_BLESS=1", path.display());
}

#[test]
fn the_examples_of_the_reference_are_toml() {
    let page = reference();
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or("")).collect();
    assert!(blocks.len() > 40, "only {} examples", blocks.len());
    for block in blocks {
        if let Err(error) = toml::de::DeTable::parse(block) {
            panic!("{block}{error}");
        }
    }
}

#[test]
fn the_first_example_of_the_reference_is_a_whole_config() {
    let page = reference();
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("there is one");
    let outcome = load_text("evener.toml", block, &NoWorld);
    assert!(outcome.plan.is_some(), "{}", outcome.render(false));
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let mut references = Vec::new();
    collect(&schema, &mut references);
    assert!(references.len() > 8);
    for reference in references {
        assert!(schema.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                references.push(reference.clone());
            }
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn findings_as_json_have_their_places() {
    let text = "[[site]]\nto = \"127.0.0.1:1\"\nlisen = \":80\"\n";
    let outcome = load_text("evener.toml", text, &NoWorld);
    let json: Value = serde_json::from_str(&outcome.to_json()).expect("it is JSON");
    let expected = serde_json::json!({ "ok": false, "errors": [{
        "code": "unknown-key", "severity": "error", "message": "unknown key `lisen` in [[site]]",
        "file": "evener.toml", "line": 3, "column": 1, "end_line": 3, "end_column": 6,
        "help": "did you mean `listen`?",
    }] });
    assert_eq!(json, expected);
    let fine = load_text("evener.toml", "[[site]]\nto = \"127.0.0.1:1\"\n", &NoWorld);
    assert_eq!(fine.to_json(), "{\"ok\":true,\"errors\":[]}");
    assert_eq!(fine.render(true), "");
}

#[test]
fn a_warning_alone_is_ok_and_has_its_note() {
    let text = "[[site]]\nto = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n";
    let outcome = load_text("evener.toml", text, &NoWorld);
    assert!(outcome.plan.is_some());
    let json: Value = serde_json::from_str(&outcome.to_json()).expect("it is JSON");
    assert_eq!(json["ok"], true);
    assert_eq!(json["errors"][0]["severity"], "warning");
    assert_eq!(json["errors"][0]["notes"][0]["column"], 7);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_without_a_place() {
    let outcome = evener_config::load("nowhere.toml", &NoWorld);
    assert!(outcome.plan.is_none());
    assert!(outcome.render(false).contains("cannot read `nowhere.toml`"), "{}", outcome.render(false));
    assert!(outcome.diagnostics[0].place.is_none());
}

#[test]
fn findings_have_a_bound() {
    let text = "[[site]]\n".to_owned() + &(0..2000).map(|number| format!("key{number} = 1\n")).collect::<String>();
    let outcome = load_text("evener.toml", &text, &NoWorld);
    assert_eq!(outcome.diagnostics.len(), 500);
    assert!(outcome.omitted >= 1500);
    assert!(outcome.render(false).ends_with("more that are not listed\n"));
}

#[test]
fn color_is_only_there_if_asked_for() {
    let outcome = load_text("evener.toml", "x = 1", &NoWorld);
    assert!(!outcome.render(false).contains('\u{1b}'));
    assert!(outcome.render(true).contains('\u{1b}'));
}

#[test]
fn the_host_of_a_server_is_its_name_as_written() {
    let server = |label: &str, address| Server { label: label.to_owned(), address, weight: 1, tier: 0 };
    let tcp = || ServerAddress::Tcp(vec![([10, 0, 0, 1], 80).into()]);
    assert_eq!(server("app.local:80", tcp()).host(), "app.local:80");
    assert_eq!(server("app.local:80 (10.0.0.1:80)", tcp()).host(), "app.local:80");
    assert_eq!(server("unix:/run/a b.sock", ServerAddress::Unix("/run/a b.sock".to_owned())).host(), "localhost");
}
