//! The document: markup, style and script as they stand beside this file, and the data.

use portsim_model::os_error::error_named;
use sha2::{Digest, Sha256};

use super::wire::{Head, Page, Sheet, json};
use crate::scenario::constants;

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("page/expression.js"),
    include_str!("page/states.js"),
    include_str!("page/course.js"),
    include_str!("page/view.js"),
    include_str!("page/main.js"),
];

/// A document that carries what it shows: all of it, or what it begins with where a process answers that knows more.
pub fn document(sheets: &[Sheet], generation: Option<usize>) -> String {
    let page = Page {
        format: "portsim-page/1",
        tool: env!("CARGO_PKG_VERSION"),
        constants: constants().collect(),
        portable: constants()
            .filter_map(|(name, _)| Some((name, error_named(name)? as u8)))
            .collect(),
        generation,
        sheets: sheets.iter().map(head).collect(),
    };
    let mut data = block("page", &json(&page));
    for (n, sheet) in sheets.iter().enumerate() {
        data += &block(&format!("sheet-{n}"), &json(sheet));
    }
    let script = format!("\"use strict\";\n{}", SCRIPTS.join("\n"));
    // What stands first is searched first, so that nothing is put into what was put in.
    let (before, rest) = split(FRAME, "@style@");
    let (between, rest) = split(rest, "@data@");
    let (close, after) = split(rest, "@script@");
    let before = before.replace("@style-hash@", &hash(STYLE));
    let before = before.replace("@script-hash@", &hash(&script));
    let connect = if generation.is_some() {
        "'self'"
    } else {
        "'none'"
    };
    let before = before.replace("@connect@", connect);
    [&before, STYLE, between, &data, close, &script, after].concat()
}

fn split<'t>(text: &'t str, mark: &str) -> (&'t str, &'t str) {
    text.split_once(mark).expect("the frame has every mark")
}

fn block(id: &str, json: &str) -> String {
    format!("<script type=\"application/json\" id=\"{id}\">{json}</script>\n")
}

fn head(sheet: &Sheet) -> Head {
    let sides = sheet.sides.iter();
    Head {
        name: sheet.name.clone(),
        sides: sides
            .clone()
            .map(|it| (it.system.clone(), it.verdict.clone(), it.tone))
            .collect(),
        why: sheet.why.clone(),
        states: sides
            .filter_map(|it| Some(it.states.as_ref()?.states.len()))
            .sum(),
    }
}

/// What a policy says of a style or a script that may be: no other one is.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text)))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut all = [0; 4];
        all[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(all);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            match place <= three.len() {
                true => text.push(digit.into()),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard() {
        // The examples of RFC 4648.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
