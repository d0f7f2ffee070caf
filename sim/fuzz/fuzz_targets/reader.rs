//! Gives what a fuzzer makes up to one of portsim's readers: the one that `READER` names in the environment.

#![no_main]

use std::sync::LazyLock;

use portsim::readers::{ALL, Reader};

static READER: LazyLock<Reader> = LazyLock::new(|| {
    let wanted = std::env::var("READER").unwrap_or_default();
    match ALL.into_iter().find(|(name, _)| *name == wanted) {
        Some((_, reader)) => reader,
        None => {
            let names = ALL.map(|(name, _)| name).join(", ");
            eprintln!("READER is {wanted:?}; expected one of {names}");
            std::process::exit(2);
        }
    }
});

libfuzzer_sys::fuzz_target!(init: LazyLock::force(&READER), |bytes: &[u8]| READER(bytes));
