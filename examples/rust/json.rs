//! JSON in a few lines, in the place of a library such as serde_json: enough for the vectors and the requests.
use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}
use Json::*;

pub fn object(entries: Vec<(&str, Json)>) -> Json {
    Object(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

impl Json {
    pub fn parse(text: &str) -> Json {
        let mut rest = text.as_bytes();
        value(&mut rest)
    }

    /// The entry of this name of an object; null if there is none.
    pub fn get(&self, key: &str) -> &Json {
        match self {
            Object(entries) => entries.get(key).unwrap_or(&Null),
            _ => &Null,
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = (&String, &Json)> {
        (if let Object(entries) = self { Some(entries) } else { None }).into_iter().flatten()
    }

    pub fn list(&self) -> &[Json] {
        if let List(values) = self { values } else { &[] }
    }

    pub fn text(&self) -> &str {
        if let Text(text) = self { text } else { "" }
    }

    pub fn number(&self) -> f64 {
        if let Number(number) = self { *number } else { f64::NAN }
    }
}

fn skip(rest: &mut &[u8], what: &[u8]) {
    while !rest.is_empty() && what.contains(&rest[0]) {
        *rest = &rest[1..];
    }
}

fn value(rest: &mut &[u8]) -> Json {
    skip(rest, b" \t\r\n,:");
    match rest[0] {
        b'"' => Text(string(rest)),
        b'[' => {
            let mut values = Vec::new();
            *rest = &rest[1..];
            while !ends(rest, b']') {
                values.push(value(rest));
            }
            List(values)
        }
        b'{' => {
            let mut entries = BTreeMap::new();
            *rest = &rest[1..];
            while !ends(rest, b'}') {
                let key = string(rest);
                entries.insert(key, value(rest));
            }
            Object(entries)
        }
        _ => {
            let length = rest.iter().position(|c| b",]} \t\r\n".contains(c)).unwrap_or(rest.len());
            let word = std::str::from_utf8(&rest[..length]).unwrap();
            *rest = &rest[length..];
            match word {
                "null" => Null,
                "true" | "false" => Bool(word == "true"),
                _ => Number(word.parse().expect("a number")),
            }
        }
    }
}

fn ends(rest: &mut &[u8], end: u8) -> bool {
    skip(rest, b" \t\r\n,:");
    let found = rest[0] == end;
    if found {
        *rest = &rest[1..];
    }
    found
}

fn string(rest: &mut &[u8]) -> String {
    let mut found = Vec::new();
    let mut at = 1;
    while rest[at] != b'"' {
        if rest[at] == b'\\' {
            at += 1;
            match rest[at] {
                b'n' => found.push(b'\n'),
                b't' => found.push(b'\t'),
                b'u' => {
                    let digits = std::str::from_utf8(&rest[at + 1..at + 5]).unwrap();
                    let code = u32::from_str_radix(digits, 16).unwrap();
                    found.extend(char::from_u32(code).unwrap_or('\u{fffd}').to_string().bytes());
                    at += 4;
                }
                other => found.push(other),
            }
        } else {
            found.push(rest[at]);
        }
        at += 1;
    }
    *rest = &rest[at + 1..];
    String::from_utf8_lossy(&found).into_owned()
}

impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Null => write!(out, "null"),
            Bool(truth) => write!(out, "{truth}"),
            Number(number) => write!(out, "{number}"),
            Text(text) => {
                write!(out, "\"")?;
                for c in text.chars() {
                    match c {
                        '"' | '\\' => write!(out, "\\{c}")?,
                        c if c < ' ' => write!(out, "\\u{:04x}", c as u32)?,
                        c => write!(out, "{c}")?,
                    }
                }
                write!(out, "\"")
            }
            List(values) => {
                let inside: Vec<String> = values.iter().map(Json::to_string).collect();
                write!(out, "[{}]", inside.join(", "))
            }
            Object(entries) => {
                let inside: Vec<String> = entries.iter().map(|(k, v)| format!("{}: {v}", Text(k.clone()))).collect();
                write!(out, "{{{}}}", inside.join(", "))
            }
        }
    }
}
