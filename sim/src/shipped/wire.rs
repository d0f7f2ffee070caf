//! Schemas: JSON that tests hold to the types that it describes, so that nobody builds their generator to use the command.

#[cfg(test)]
use std::path::Path;

use serde_json::Value;

/// A schema that travels with the command.
///
/// # Panics
///
/// If it is none: a test holds each to the types that it describes.
pub fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a test wrote it")
}

/// Holds the schema in this file of the crate to the types that it describes, or writes it anew with `UPDATE_EXPECT=1`.
#[cfg(test)]
pub(crate) fn hold_schema(file: &str, is: &str, of_types: schemars::Schema) {
    let should = serde_json::to_string(&of_types).expect("a schema is plain data") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|it| it == "1") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        std::fs::write(path, should).expect("the tree can be written");
        return;
    }
    assert!(
        is == should,
        "{file} is not the schema of its types; UPDATE_EXPECT=1 writes it anew"
    );
}
