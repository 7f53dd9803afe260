//! A strict reader of JSON (RFC 8259).

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Truth(bool),
    /// As it was written.
    Number(String),
    Text(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// The value of a key, which has to be there.
    #[track_caller]
    pub fn get(&self, key: &str) -> &Self {
        let Self::Object(pairs) = self else { panic!("no object: {self:?}") };
        pairs.get(key).unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }

    /// Shortly: strings with quotation marks, everything else as it was written.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Truth(truth) => truth.to_string(),
            Self::Number(number) => number.clone(),
            Self::Text(text) => format!("{text:?}"),
            Self::Array(_) | Self::Object(_) => format!("{self:?}"),
        }
    }

    pub fn keys(&self) -> Vec<&str> {
        let Self::Object(pairs) = self else { panic!("no object: {self:?}") };
        pairs.keys().map(String::as_str).collect()
    }
}

/// The value that is all of this text.
#[track_caller]
pub fn parse(text: &str) -> Value {
    read(text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text };
    let value = reader.value()?;
    reader.space();
    if reader.rest.is_empty() { Ok(value) } else { Err(format!("more than a value: {:?}", reader.rest)) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, text: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.take(text) { Ok(()) } else { Err(format!("{text} missing before {:?}", self.rest)) }
    }

    fn value(&mut self) -> Result<Value, String> {
        self.space();
        match self.rest.chars().next() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.text().map(Value::Text),
            Some('-' | '0'..='9') => self.number(),
            _ if self.take("true") => Ok(Value::Truth(true)),
            _ if self.take("false") => Ok(Value::Truth(false)),
            _ if self.take("null") => Ok(Value::Null),
            _ => Err(format!("no value: {:?}", self.rest)),
        }
    }

    fn object(&mut self) -> Result<Value, String> {
        self.expect("{")?;
        let mut pairs = BTreeMap::new();
        while !self.take("}") {
            if !pairs.is_empty() {
                self.expect(",")?;
            }
            self.space();
            let key = self.text()?;
            self.expect(":")?;
            let value = self.value()?;
            if pairs.insert(key.clone(), value).is_some() {
                return Err(format!("{key} twice"));
            }
        }
        Ok(Value::Object(pairs))
    }

    fn array(&mut self) -> Result<Value, String> {
        self.expect("[")?;
        let mut values = Vec::new();
        while !self.take("]") {
            if !values.is_empty() {
                self.expect(",")?;
            }
            values.push(self.value()?);
        }
        Ok(Value::Array(values))
    }

    fn number(&mut self) -> Result<Value, String> {
        let end = self.rest.find(|sign: char| !"+-.eE0123456789".contains(sign)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let has_zero = digits.len() > 1 && digits.starts_with('0') && !digits[1..].starts_with(['.', 'e', 'E']);
        if has_zero
            || !digits.starts_with(|sign: char| sign.is_ascii_digit())
            || number.ends_with('.')
            || number.parse::<f64>().is_err()
        {
            return Err(format!("no number: {number}"));
        }
        Ok(Value::Number(number.to_owned()))
    }

    fn text(&mut self) -> Result<String, String> {
        self.rest = self.rest.strip_prefix('"').ok_or_else(|| format!("no string: {:?}", self.rest))?;
        let mut text = String::new();
        loop {
            let sign = self.next()?;
            match sign {
                '"' => return Ok(text),
                '\\' => {
                    let escaped = self.next()?;
                    text.push(match escaped {
                        '"' | '\\' | '/' => escaped,
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'u' => {
                            let digits: String = (0..4).map(|_| self.next()).collect::<Result<_, _>>()?;
                            let number = u32::from_str_radix(&digits, 16).map_err(|_| format!("\\u{digits}"))?;
                            // halves of pairs are not needed here
                            char::from_u32(number).ok_or_else(|| format!("\\u{digits}"))?
                        }
                        _ => return Err(format!("\\{escaped}")),
                    });
                }
                '\0'..=' ' if sign != ' ' => return Err(format!("{sign:?} in a string")),
                _ => text.push(sign),
            }
        }
    }

    fn next(&mut self) -> Result<char, String> {
        let sign = self.rest.chars().next().ok_or("a string without an end")?;
        self.rest = &self.rest[sign.len_utf8()..];
        Ok(sign)
    }
}

#[test]
fn the_reader_is_strict() {
    let value = parse(r#" { "a" : [1, -2.5e3, true, null, "x\n\u0041\"é"], "b": {} } "#);
    assert_eq!(value.get("a").shown(), format!("{:?}", value.get("a")));
    assert_eq!(value.keys(), ["a", "b"]);
    for bad in [
        "",
        "{",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "01",
        "1.",
        "+1",
        "\"\u{1}\"",
        "\"\\x\"",
        "\"a",
        "tru",
        "1 2",
        "{\"a\":1,\"a\":2}",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
