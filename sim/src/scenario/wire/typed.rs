//! From the tree to the types: a reader whose errors say where, what was found and what was expected.
//!
//! Enums are read in the way that suits operations: a variant without contents is a plain string,
//! and one with contents is an object that has the variant's name among its fields.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::super::place::{Aim, Complaint, Place};
use super::tree::Json;
use crate::bad_input::{nearest, one_of, quoted};

/// A value of the tree, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct At<'t, 'p> {
    pub(super) json: &'t Json,
    pub(super) place: &'p Place<'p>,
}

impl At<'_, '_> {
    /// What stands here, in the words of a sentence.
    fn found(&self) -> String {
        found(match self.json {
            Json::Null => Unexpected::Unit,
            Json::Bool(value) => Unexpected::Bool(*value),
            Json::Natural(value) => Unexpected::Unsigned(*value),
            Json::Negative(value) => Unexpected::Signed(*value),
            Json::Float(value) => Unexpected::Float(*value),
            Json::String(value) => Unexpected::Str(value),
            Json::List(_) => Unexpected::Seq,
            Json::Object(_) => Unexpected::Map,
        })
    }

    /// The variant of an enum that stands here.
    fn variant(
        &self,
        noun: &str,
        known: &'static [&'static str],
    ) -> Result<&'static str, Complaint> {
        let named = |name: &str| known.iter().copied().find(|&variant| variant == name);
        match self.json {
            Json::String(word) => named(word).ok_or_else(|| unknown(noun, word, known)),
            Json::Object(fields) => {
                let mut verbs = fields.iter().filter_map(|(name, _)| named(name));
                match (verbs.next(), verbs.next()) {
                    (Some(verb), None) => Ok(verb),
                    (Some(one), Some(other)) => Err(Complaint::custom(format_args!(
                        "{one:?} and {other:?} cannot stand in one object"
                    ))),
                    (None, _) => Err(no_verb(noun, fields, known)),
                }
            }
            _ => Err(found_but(&self.found(), &one_of(known.iter().copied()))),
        }
    }
}

/// None of an object's fields is the name of a variant: the one that looks most like one is meant.
fn no_verb(noun: &str, fields: &[(String, Json)], known: &'static [&'static str]) -> Complaint {
    let looks_like = |(name, _): &&(String, Json)| nearest(name, known.iter().copied()).is_some();
    match fields.iter().find(looks_like).or(fields.first()) {
        Some((name, _)) => unknown(noun, name, known).at(Aim::Verb(name.clone())),
        None => found_but("an empty object", &one_of(known.iter().copied())),
    }
}

/// What was found, and what was expected.
fn found_but(found: &str, expected: &str) -> Complaint {
    Complaint::new(format!("found {found}, expected {expected}")).expected(expected)
}

/// The near name says enough where there is one; else all that are known.
fn unknown(noun: &str, name: &str, known: &'static [&'static str]) -> Complaint {
    let all = || known.iter().copied();
    let mut problem = format!("unknown {noun} {}", quoted(name));
    if nearest(name, all()).is_none() {
        problem += &format!(", expected {}", one_of(all()));
    }
    let unknown = Complaint::new(problem).expected(one_of(all()));
    unknown.near(name, all()).about(name)
}

impl<'de> Deserializer<'de> for At<'de, '_> {
    type Error = Complaint;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        let value = match self.json {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Natural(value) => visitor.visit_u64(*value),
            Json::Negative(value) => visitor.visit_i64(*value),
            Json::Float(value) => visitor.visit_f64(*value),
            Json::String(value) => visitor.visit_borrowed_str(value),
            Json::List(list) => visitor.visit_seq(Elements {
                list: list.iter().enumerate(),
                place: self.place,
            }),
            Json::Object(fields) => visitor.visit_map(Fields {
                fields: fields.iter(),
                names: BTreeSet::new(),
                value: None,
                place: self.place,
            }),
        };
        value.map_err(|complaint| complaint.or_at(self.place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        match self.json {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        match self.json {
            Json::Object(_) => self.deserialize_any(visitor),
            // A list must not pass for an object by the order of its elements.
            _ => Err(found_but(&self.found(), "an object").or_at(self.place)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        let value = self
            .variant(name, variants)
            .and_then(|name| visitor.visit_enum(Variant { at: self, name }));
        value.map_err(|complaint| complaint.or_at(self.place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'t, 'p> {
    list: std::iter::Enumerate<std::slice::Iter<'t, Json>>,
    place: &'p Place<'p>,
}

impl<'t> SeqAccess<'t> for Elements<'t, '_> {
    type Error = Complaint;

    fn next_element_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Complaint> {
        let Some((index, json)) = self.list.next() else {
            return Ok(None);
        };
        let place = &self.place.index(index);
        seed.deserialize(At { json, place }).map(Some)
    }
}

struct Fields<'t, 'p> {
    fields: std::slice::Iter<'t, (String, Json)>,
    /// The names read so far.
    names: BTreeSet<&'t str>,
    /// The field whose name was read last, until its value is.
    value: Option<&'t (String, Json)>,
    place: &'p Place<'p>,
}

impl<'t> MapAccess<'t> for Fields<'t, '_> {
    type Error = Complaint;

    fn next_key_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Complaint> {
        self.value = self.fields.next();
        if let Some((name, _)) = self.value
            && !self.names.insert(name)
        {
            let twice = Complaint::new(format!("{name:?} stands twice"));
            return Err(twice.at(Aim::Field(name.clone())));
        }
        self.value
            .map(|(name, _)| seed.deserialize(BorrowedStrDeserializer::new(name)))
            .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Complaint> {
        let (name, json) = self.value.take().expect("its name was read before");
        let place = &self.place.field(name);
        seed.deserialize(At { json, place })
    }
}

struct Variant<'t, 'p> {
    at: At<'t, 'p>,
    name: &'static str,
}

impl<'t, 'p> EnumAccess<'t> for Variant<'t, 'p> {
    type Error = Complaint;
    type Variant = Variant<'t, 'p>;

    fn variant_seed<S: DeserializeSeed<'t>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Variant<'t, 'p>), Complaint> {
        let value = seed.deserialize(BorrowedStrDeserializer::new(self.name))?;
        Ok((value, self))
    }
}

impl<'t> VariantAccess<'t> for Variant<'t, '_> {
    type Error = Complaint;

    fn unit_variant(self) -> Result<(), Complaint> {
        match self.at.json {
            Json::String(_) => Ok(()),
            _ => Err(Complaint::custom(format_args!(
                "{0:?} stands alone, as the string {0:?}",
                self.name
            ))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Complaint> {
        match self.at.json {
            Json::String(_) => Err(Complaint::custom(format_args!(
                "{0:?} does not stand alone, but in an object such as {{ {0:?}: ... }}",
                self.name
            ))),
            _ => seed.deserialize(self.at),
        }
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, _: V) -> Result<V::Value, Complaint> {
        unreachable!("the types of the file have no such variant")
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Complaint> {
        unreachable!("the types of the file have no such variant")
    }
}

impl std::error::Error for Complaint {}

impl Display for Complaint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl Error for Complaint {
    fn custom<T: Display>(problem: T) -> Complaint {
        Complaint::new(problem.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Complaint {
        found_but(&found(unexpected), &wanted(&expected.to_string()))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Complaint {
        Complaint::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Complaint {
        unknown("field", field, known).at(Aim::Field(field.to_owned()))
    }

    fn missing_field(field: &'static str) -> Complaint {
        Complaint::custom(format_args!("the field {field:?} is missing"))
    }
}

/// What was found, in the words of a sentence.
fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Unit => String::from("null"),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => fraction(value),
        Unexpected::Str(text) => format!("the string {}", quoted(text)),
        Unexpected::Seq => String::from("a list"),
        Unexpected::Map => String::from("an object"),
        other => other.to_string(),
    }
}

/// A number that is no integer of 64 bits, which may be only a way to write one.
fn fraction(value: f64) -> String {
    if value.fract() != 0.0 {
        format!("the fraction {value}")
    } else if value.abs() >= 2_f64.powi(63) {
        String::from("a number of more than 64 bits")
    } else {
        format!("{value:?}, written with a point or an exponent")
    }
}

/// What serde's own types expect, in the words of a sentence.
fn wanted(expected: &str) -> String {
    let range = |min: i64, max: i64| format!("a whole number from {min} to {max}");
    match expected {
        "u8" => range(0, u8::MAX.into()),
        "u32" => range(0, u32::MAX.into()),
        "i32" => range(i32::MIN.into(), i32::MAX.into()),
        "i64" => String::from("a whole number from -2^63 to 2^63 - 1"),
        "a boolean" => String::from("true or false"),
        "a sequence" => String::from("a list"),
        "a map" => String::from("an object"),
        other => other.to_owned(),
    }
}
