//! Findings as JSON, for editors and pipelines.

use super::{Diagnostic, Outcome, Severity};
use crate::source::Place;
use serde_json::{Map, Value, json};

pub(super) fn render(outcome: &Outcome) -> String {
    let errors: Vec<Value> = outcome.diagnostics.iter().map(diagnostic).collect();
    json!({ "ok": outcome.errors() == 0, "errors": errors }).to_string()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let mut object = Map::new();
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    object.insert("code".into(), diagnostic.code.into());
    object.insert("severity".into(), severity.into());
    object.insert("message".into(), diagnostic.message.as_str().into());
    if let Some(at) = &diagnostic.place {
        place(&mut object, at);
    }
    if let Some(help) = &diagnostic.help {
        object.insert("help".into(), help.as_str().into());
    }
    if !diagnostic.labels.is_empty() {
        object.insert("notes".into(), diagnostic.labels.iter().map(|(at, text)| note(at, text)).collect());
    }
    Value::Object(object)
}

fn note(at: &Place, text: &str) -> Value {
    let mut object = Map::new();
    object.insert("message".into(), text.into());
    place(&mut object, at);
    Value::Object(object)
}

fn place(object: &mut Map<String, Value>, at: &Place) {
    object.insert("file".into(), at.file.as_str().into());
    object.insert("line".into(), at.line.into());
    object.insert("column".into(), at.column.into());
    object.insert("end_line".into(), at.end_line.into());
    object.insert("end_column".into(), at.end_column.into());
}
