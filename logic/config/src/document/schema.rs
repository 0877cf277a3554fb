//! The JSON schema of a config, for editors. It is looser than the reader: a text with `${NAME}` may become anything,
//! and what texts mean is only hinted at.

use crate::keys::{Form, Key, Kind, SECTIONS, Section, TOP, Without};
use serde_json::{Map, Value, json};

/// A string in which a variable stands.
const VARIABLE: &str = "\\$\\{";

pub(crate) fn schema() -> String {
    let mut root = object(&TOP);
    let mut all = Map::new();
    all.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    all.insert("title".into(), "evener.toml".into());
    all.append(&mut root);
    let definitions: Map<String, Value> = SECTIONS
        .iter()
        .filter(|section| section.id != TOP.id)
        .map(|section| (section.id.to_owned(), Value::Object(object(section))))
        .collect();
    all.insert("$defs".into(), Value::Object(definitions));
    let mut text = format!("{:#}", Value::Object(all));
    text.push('\n');
    text
}

fn object(section: &Section) -> Map<String, Value> {
    let properties: Map<String, Value> =
        section.keys().map(|key| (key.name.to_owned(), Value::Object(property(key)))).collect();
    let required: Vec<&str> =
        section.keys().filter(|key| matches!(key.without, Without::Required)).map(|key| key.name).collect();
    let mut object = Map::new();
    object.insert("description".into(), section.doc.into());
    object.insert("type".into(), "object".into());
    object.insert("properties".into(), Value::Object(properties));
    object.insert("additionalProperties".into(), false.into());
    // Included files have no sites of their own, or no other than routes; so the top requires nothing.
    if !required.is_empty() && section.id != TOP.id {
        object.insert("required".into(), required.into());
    }
    object
}

fn property(key: &Key) -> Map<String, Value> {
    let mut property = Map::new();
    property.insert("description".into(), key.doc.into());
    if let Without::Default(default) = key.without {
        property.insert("default".into(), literal(default));
    }
    if let Value::Object(mut kind) = kind(key.kind) {
        property.append(&mut kind);
    }
    property
}

/// A default as JSON: a text in quotes or a number is the same in TOML and JSON.
fn literal(default: &str) -> Value {
    serde_json::from_str(default).unwrap_or_else(|_| default.into())
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Bytes => json!({ "type": "integer", "minimum": 0 }),
        Kind::Number(numbers) => json!({ "enum": numbers }),
        Kind::Text(form) => text(form),
        Kind::List(item) => json!({ "type": "array", "items": self::kind(*item) }),
        Kind::OneOrMore(item) => {
            json!({ "anyOf": [self::kind(*item), { "type": "array", "items": self::kind(*item) }] })
        }
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(|item| self::kind(*item)).collect::<Vec<_>>() }),
        Kind::Map => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Table(section) => json!({ "$ref": reference(section) }),
        Kind::Tables(section) => json!({ "type": "array", "items": { "$ref": reference(section) } }),
        Kind::Named(section) => json!({ "type": "object", "additionalProperties": { "$ref": reference(section) } }),
    }
}

fn text(form: Form) -> Value {
    match form {
        Form::Word(words) => json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": VARIABLE }] }),
        Form::Duration => {
            json!({ "type": "string", "pattern": format!("^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$|{VARIABLE}") })
        }
        Form::Size => json!({ "type": "string", "pattern": format!("^[0-9]+([kKMGT]?B|[KMGT]iB)?$|{VARIABLE}") }),
        Form::Share => json!({ "type": "string", "pattern": format!("^[0-9]+(\\.[0-9]+)?%$|{VARIABLE}") }),
        Form::Other { .. } => json!({ "type": "string" }),
    }
}

fn reference(section: &Section) -> String {
    format!("#/$defs/{}", section.id)
}
