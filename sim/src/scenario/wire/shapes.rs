//! Values that have more than one form in the file, and objects whose fields are names.

#[cfg(test)]
use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// Things by name, in the order of the file; no name stands twice, because the reader takes no field twice.
#[derive(Debug)]
pub(in crate::scenario) struct Named<T>(pub(in crate::scenario) Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Named<T>, D::Error> {
        reader.deserialize_map(Names(PhantomData))
    }
}

#[cfg(test)]
impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

struct Names<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Names<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Named<T>, A::Error> {
        let mut things = Vec::new();
        while let Some(name) = fields.next_key()? {
            things.push((name, fields.next_value()?));
        }
        Ok(Named(things))
    }
}

/// A type that is read in the form it has in the file; each gives its visitor's methods.
macro_rules! forms {
    ($($(#[$doc:meta])* enum $name:ident ($expected:literal) {
        $($(#[$form_doc:meta])* $form:ident($contents:ty),)*
    } { $($methods:item)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[cfg_attr(test, derive(JsonSchema))]
        #[cfg_attr(test, schemars(untagged))]
        pub(in crate::scenario) enum $name {
            $($(#[$form_doc])* $form($contents),)*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<$name, D::Error> {
                struct Form;

                impl<'de> Visitor<'de> for Form {
                    type Value = $name;

                    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    $($methods)*
                }

                reader.deserialize_any(Form)
            }
        }
    )*};
}

pub(super) use forms;

forms! {
    /// The first value of a variable, or those of an array; each has 32 bits.
    enum Var("a whole number of 32 bits, or a list of such") {
        /// A plain variable.
        One(i32),
        /// An array.
        Array(Vec<i32>),
    } {
        fn visit_u64<E: Error>(self, value: u64) -> Result<Var, E> {
            match i32::try_from(value) {
                Ok(value) => Ok(Var::One(value)),
                Err(_) => Err(E::invalid_type(Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Var, E> {
            match i32::try_from(value) {
                Ok(value) => Ok(Var::One(value)),
                Err(_) => Err(E::invalid_type(Unexpected::Signed(value), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Var, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(Var::Array)
        }
    }

    /// An integer, or an expression.
    enum Value("a whole number of 64 bits or an expression") {
        /// An integer.
        Number(i64),
        /// An expression.
        Expr(String),
    } {
        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            match i64::try_from(value) {
                Ok(value) => Ok(Value::Number(value)),
                Err(_) => Err(E::invalid_type(Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(Value::Number(value))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
            Ok(Value::Expr(text.to_owned()))
        }
    }

    /// A name, or several.
    enum OneOrMore("a name or a list of names") {
        /// One.
        One(String),
        /// Several.
        More(Vec<String>),
    } {
        fn visit_str<E: Error>(self, name: &str) -> Result<OneOrMore, E> {
            Ok(OneOrMore::One(name.to_owned()))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMore, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore::More)
        }
    }

    /// An NTSTATUS, by number or by name.
    enum Status("a whole number from 0 to 4294967295 or the name of an NTSTATUS") {
        /// Its number.
        Number(u32),
        /// Its name, such as `STATUS_CANCELLED`.
        Name(String),
    } {
        fn visit_u64<E: Error>(self, value: u64) -> Result<Status, E> {
            match u32::try_from(value) {
                Ok(value) => Ok(Status::Number(value)),
                Err(_) => Err(E::invalid_type(Unexpected::Unsigned(value), &self)),
            }
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Status, E> {
            Ok(Status::Name(name.to_owned()))
        }
    }
}

/// 0.
impl Default for Value {
    fn default() -> Value {
        Value::Number(0)
    }
}

/// Success.
impl Default for Status {
    fn default() -> Status {
        Status::Number(0)
    }
}

/// Makes the schema of an enum say what its reader does: a variant with contents is an object that
/// has the variant's name among its own fields, not a field around the contents.
#[cfg(test)]
pub(super) fn verbs_inside(schema: &mut Schema) {
    let variants = schema.get_mut("oneOf").and_then(|it| it.as_array_mut());
    for variant in variants.into_iter().flatten() {
        let fields = variant.get("properties").and_then(|it| it.as_object());
        if let Some((_, contents)) = fields.and_then(|fields| fields.iter().next()) {
            *variant = contents.clone();
        }
    }
}
