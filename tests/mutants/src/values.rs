//! What a function can answer without doing anything: values of its return type, as cargo-mutants chooses them.

use quote::ToTokens;
use syn::{GenericArgument, Path, PathArguments, ReturnType, Type, TypeImplTrait, TypeParamBound};

/// The values of a return type, as Rust expressions. Some of them do not compile: a type need not have a default.
pub fn of_return_type(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec![String::new()],
        ReturnType::Type(_, output) => of_type(output),
    }
}

/// The items of a type `impl Iterator<Item = ...>`, if it is one.
pub fn iterator_item(output: &ReturnType) -> Option<&Type> {
    match output {
        ReturnType::Type(_, output) => match &**output {
            Type::ImplTrait(it) => item(it),
            _ => None,
        },
        ReturnType::Default => None,
    }
}

fn item(it: &TypeImplTrait) -> Option<&Type> {
    it.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last()?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        match arguments.args.first()? {
            GenericArgument::AssocType(item) if last.ident == "Iterator" => Some(&item.ty),
            _ => None,
        }
    })
}

/// The values of a type.
pub fn of_type(it: &Type) -> Vec<String> {
    match it {
        Type::Never(_) | Type::ImplTrait(_) => Vec::new(),
        Type::Path(it) => of_path(&it.path),
        Type::Array(it) => {
            let len = it.len.to_token_stream();
            wrapped(&it.elem, |value| format!("[{value}; {len}]"))
        }
        Type::Slice(it) => leaked_slice(&it.elem, "&*"),
        Type::Reference(it) => {
            let of = if it.mutability.is_some() { "" } else { "&*" };
            match &*it.elem {
                Type::Path(path) if path.path.is_ident("str") => of_path(&path.path),
                Type::Slice(slice) => leaked_slice(&slice.elem, of),
                elem => wrapped(elem, |value| {
                    format!("{of}alloc::boxed::Box::leak(alloc::boxed::Box::new({value}))")
                }),
            }
        }
        Type::Tuple(it) => it
            .elems
            .iter()
            .fold(vec![String::new()], |found, elem| {
                let also = of_type(elem);
                let with =
                    |first: String| also.iter().map(move |value| format!("{first}{value}, "));
                found.into_iter().flat_map(with).collect()
            })
            .into_iter()
            .map(|elems| format!("({elems})"))
            .collect(),
        _ => vec!["Default::default()".to_owned()],
    }
}

fn of_path(path: &Path) -> Vec<String> {
    let Some(last) = path.segments.last() else {
        return Vec::new();
    };
    let name = last.ident.to_string();
    let arguments = type_arguments(&last.arguments);
    let values: &[&str] = match (&name[..], &arguments[..]) {
        ("bool", _) => &["true", "false"],
        ("String", _) => &["alloc::string::String::new()", "\"xyzzy\".into()"],
        ("str", _) => &["\"\"", "\"xyzzy\""],
        ("u8" | "u16" | "u32" | "u64" | "u128" | "usize", _) => &["0", "1"],
        ("i8" | "i16" | "i32" | "i64" | "i128" | "isize", _) => &["0", "1", "-1"],
        ("f32" | "f64", _) => &["0.0", "1.0", "-1.0"],
        ("Result", []) => &["Ok(Default::default())"],
        ("Result", [ok, ..]) => return wrapped(ok, |value| format!("Ok({value})")),
        ("Option", [some]) => return with(&["None"], wrapped(some, |it| format!("Some({it})"))),
        ("Vec", [elem]) => {
            let one = wrapped(elem, |value| format!("alloc::vec![{value}]"));
            return with(&["alloc::vec::Vec::new()"], one);
        }
        ("Box" | "Cell" | "RefCell" | "Arc" | "Rc" | "Mutex", [inner]) => {
            return wrapped(inner, |value| format!("{name}::new({value})"));
        }
        (_, [inner]) => {
            let made = ["from_iter([", "new(", "from("].iter().flat_map(|how| {
                let end = if how.ends_with('[') { "])" } else { ")" };
                wrapped(inner, |value| format!("{name}::{how}{value}{end}"))
            });
            return with(&[&format!("{name}::new()")], made.collect());
        }
        _ => &["Default::default()"],
    };
    values.iter().map(|&value| value.to_owned()).collect()
}

fn leaked_slice(elem: &Type, of: &str) -> Vec<String> {
    let leaked = |what: &str| format!("{of}alloc::vec::Vec::leak({what})");
    let one = wrapped(elem, |value| leaked(&format!("alloc::vec![{value}]")));
    with(&[&leaked("alloc::vec::Vec::new()")], one)
}

fn wrapped(it: &Type, wrap: impl Fn(String) -> String) -> Vec<String> {
    of_type(it).into_iter().map(wrap).collect()
}

fn with(first: &[&str], more: Vec<String>) -> Vec<String> {
    let first = first.iter().map(|&value| value.to_owned());
    first.chain(more).collect()
}

fn type_arguments(arguments: &PathArguments) -> Vec<&Type> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(it) => Some(it),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
