//! TOML and JSON as one tree in which every key and value knows its place in the file.

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Source};

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) value: Value,
}

/// What a file of either syntax can hold.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// A bare date or time, which only TOML has.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// One key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

impl Table {
    /// The entry of a key; of a key that is there twice, the last one.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

impl Value {
    /// The name of the type, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The value as plain JSON, which is what a Worker can see of it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(value) | Self::Date(value) => value.clone().into(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(table) => table
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Reads TOML.
pub(crate) fn parse_toml(source: &Source) -> Result<Table, Diagnostic> {
    let parsed = DeTable::parse(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        source.error(&span, format!("this is not valid TOML: {}", error.message().trim()))
    })?;
    toml_table(parsed.get_ref(), source)
}

fn toml_table(table: &DeTable<'_>, source: &Source) -> Result<Table, Diagnostic> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        entries.push(Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            node: toml_node(value.get_ref(), value.span(), source)?,
        });
    }
    // The parser sorts by name; messages should come in the order of the file.
    entries.sort_by_key(|entry| entry.key_span.start);
    Ok(Table { entries })
}

fn toml_node(value: &DeValue<'_>, span: Range<usize>, source: &Source) -> Result<Node, Diagnostic> {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let Ok(number) = i64::from_str_radix(&digits, number.radix()) else {
                return Err(source.error(&span, "this number has more than 64 bits".to_owned()));
            };
            Value::Integer(number)
        }
        DeValue::Float(number) => match number.as_str().replace('_', "").parse::<f64>() {
            Ok(number) => Value::Float(number),
            Err(_) => return Err(source.error(&span, "this is not a number".to_owned())),
        },
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| toml_node(item.get_ref(), item.span(), source))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Table(toml_table(table, source)?),
    };
    Ok(Node { span, value })
}

/// Reads JSON with comments and trailing commas, and none of the other liberties of the parser.
pub(crate) fn parse_json(source: &Source) -> Result<Table, Diagnostic> {
    let options = jsonc_parser::ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let collect = jsonc_parser::CollectOptions::default();
    let parsed = jsonc_parser::parse_to_ast(&source.text, &collect, &options);
    let value = parsed
        .map_err(|error| {
            let range = error.range();
            let message = format!("this is not valid JSON: {}", error.kind());
            source.error(&(range.start..range.end), message)
        })?
        .value;
    match value {
        Some(ast::Value::Object(object)) => json_table(&object, source),
        Some(other) => {
            let message = "the file must hold one object, between `{` and `}`".to_owned();
            Err(source.error(&(other.start()..other.end()), message))
        }
        None => Err(source.error(&(0..0), "the file is empty".to_owned())),
    }
}

fn json_table(object: &ast::Object<'_>, source: &Source) -> Result<Table, Diagnostic> {
    let mut entries = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let name = property.name.range();
        entries.push(Entry {
            key: property.name.as_str().to_owned(),
            key_span: name.start..name.end,
            node: json_node(&property.value, source)?,
        });
    }
    Ok(Table { entries })
}

fn json_node(value: &ast::Value<'_>, source: &Source) -> Result<Node, Diagnostic> {
    let span = value.start()..value.end();
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.to_string()),
        ast::Value::NumberLit(number) => match json_number(number.value) {
            Some(number) => number,
            None => return Err(source.error(&span, "this is not a number".to_owned())),
        },
        ast::Value::BooleanLit(value) => Value::Bool(value.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(items) => Value::List(
            items.elements.iter().map(|item| json_node(item, source)).collect::<Result<_, _>>()?,
        ),
        ast::Value::Object(object) => Value::Table(json_table(object, source)?),
    };
    Ok(Node { span, value })
}

fn json_number(digits: &str) -> Option<Value> {
    if let Ok(number) = digits.parse::<i64>() {
        return Some(Value::Integer(number));
    }
    digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float)
}
