//! The import laws: who may name whom.
//!
//! The rooms of sim stand in levels, and each names only rooms of lower levels. The model names nothing but core and
//! alloc. No two files depend on each other in a circle. `serde` and `unsafe` stay where the architecture puts them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::rust::{Mention, code_only, mentions, tokens};
use super::{File, Violation, breaks, holds, rust_files};

/// The rooms of sim, lowest level first. A room names only rooms of lower levels and itself.
const LEVELS: [&[&str]; 13] = [
    &["plain", "shipped", "utf8"],
    &["bad_input", "draft", "names"],
    &["words"],
    &["scenario", "trace"],
    &["choose", "coverage"],
    &["admit", "check", "native", "personality", "replay", "run"],
    &["compare", "cross_check", "explore", "log", "shrink", "walk"],
    &["export", "fuzz", "known"],
    &["distinguish"],
    &["report"],
    &["request"],
    &["cli"],
    &["readers"],
];

/// The room that is compared with the model, and what it therefore never names of it and of the rooms around it.
const COMPARED: &str = "native";
const JUDGE: [&str; 5] = [
    "Machine",
    "machine",
    "personality",
    "contract",
    "Personality",
];
const MODEL: &str = "model/src/";
const PORT: &str = "sim/port/src/";
const SIM: &str = "sim/src/";

/// A source file of one crate, read.
struct Source {
    file: File,
    code: String,
    /// Its module, from the crate root down; empty for the root itself.
    module: Vec<String>,
    mentions: Vec<Mention>,
}

impl Source {
    /// The room it belongs to; none for the root of the crate.
    fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    fn at(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation::new(&self.file.path, line, what)
    }
}

/// The sources of the crate in this folder, without the command's own root file.
fn sources(root: &Path, src: &str) -> Vec<Source> {
    let mut files = rust_files(root);
    files.retain(|file| file.path.starts_with(src) && file.path != format!("{src}main.rs"));
    files
        .into_iter()
        .map(|file| {
            let code = code_only(&file.text);
            Source {
                module: module_of(&file.path[src.len()..]),
                mentions: mentions(&code),
                code,
                file,
            }
        })
        .collect()
}

fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let mut module: Vec<_> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// The sources of a crate by module.
struct Crate<'a>(BTreeMap<&'a [String], &'a Source>);

impl<'a> Crate<'a> {
    fn new(sources: &'a [Source]) -> Crate<'a> {
        Crate(sources.iter().map(|s| (&s.module[..], s)).collect())
    }

    /// The path from the crate root of what a file names; none if it names another crate.
    fn absolute(&self, source: &Source, mention: &Mention) -> Option<Vec<String>> {
        let mut path: Vec<_> = source
            .module
            .iter()
            .chain(&mention.inside)
            .cloned()
            .collect();
        let mut words = mention.path.iter().map(String::as_str).peekable();
        match *words.peek()? {
            "crate" => {
                words.next();
                path.clear();
            }
            "self" => {
                words.next();
            }
            "super" => {}
            first => {
                let child: Vec<_> = path.iter().cloned().chain([first.to_owned()]).collect();
                self.0.get(&child[..])?;
            }
        }
        while words.next_if_eq(&"super").is_some() {
            path.pop();
        }
        path.extend(words.map(str::to_owned));
        Some(path)
    }

    /// The file in which the thing of this path stands, looked for behind what doors list.
    fn home(&self, path: &[String]) -> Option<&'a Source> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let depth = (0..=path.len())
                .rev()
                .find(|&n| self.0.contains_key(&path[..n]))?;
            let file = self.0[&path[..depth]];
            let listed = path.get(depth).and_then(|name| self.listed(file, name));
            match listed {
                Some(elsewhere) => path = elsewhere,
                None => return Some(file),
            }
        }
        None
    }

    /// What a name that a file imports stands for, if it stands in the same crate.
    fn listed(&self, file: &Source, name: &str) -> Option<Vec<String>> {
        let named = |m: &&Mention| m.alias.as_deref() == Some(name) && m.inside.is_empty();
        let mention = file.mentions.iter().find(named)?;
        let path = self.absolute(file, mention)?;
        // A module that a file both declares and imports stands for itself.
        let own: Vec<_> = file
            .module
            .iter()
            .cloned()
            .chain([name.to_owned()])
            .collect();
        (path != own).then_some(path)
    }
}

/// The rooms of sim import only rooms below them.
fn rooms_import_downwards(root: &Path) -> Vec<Violation> {
    let level = |room: &str| LEVELS.iter().position(|level| level.contains(&room));
    let sources = sources(root, SIM);
    let sim = Crate::new(&sources);
    let mut found = Vec::new();
    for source in &sources {
        let Some(room) = source.room() else { continue };
        let Some(own) = level(room) else {
            found.push(source.at(
                1,
                format!("the room `{room}` has no level in the import law"),
            ));
            continue;
        };
        for mention in &source.mentions {
            let Some(path) = sim.absolute(source, mention) else {
                continue;
            };
            let home = sim.home(&path).and_then(Source::room);
            let named = home.or(path.first().map(String::as_str));
            // Names that the crate root lists have a room; other names without a level are macros.
            let Some((named, other)) = named.and_then(|named| Some((named, level(named)?))) else {
                continue;
            };
            if named != room && other >= own {
                let what = format!("`{room}` imports `{named}`, which does not stand below it");
                found.push(source.at(mention.line, what));
            }
        }
    }
    found
}

/// What is compared with the model never borrows from it.
fn backends_do_not_name_their_judge(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources(root, SIM) {
        if source.room() != Some(COMPARED) {
            continue;
        }
        for mention in &source.mentions {
            let of_model = matches!(&mention.path[0][..], "portsim_model" | "crate");
            let judge = mention.path.iter().find(|word| JUDGE.contains(&&word[..]));
            if let Some(judge) = judge.filter(|_| of_model) {
                let what = format!("`{COMPARED}` names `{judge}`, which judges it");
                found.push(source.at(mention.line, what));
            }
        }
    }
    found
}

/// The model has core and alloc, and nothing else.
fn model_stands_alone(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in sources(root, MODEL) {
        let words = tokens(&source.code);
        for word in words.iter().filter(|token| token.text == "std") {
            found.push(source.at(word.line, "the model names `std`"));
        }
    }
    found.extend(attributes(root, MODEL, &["#![no_std]", FORBID_UNSAFE]));
    let of_tests = |section: &str| section.contains("dev-dependencies");
    found.extend(dependencies(root, "model/Cargo.toml", of_tests));
    found
}

const FORBID_UNSAFE: &str = "#![forbid(unsafe_code)]";

/// The port in user space has the standard library, and loom where threads are tried in every order. Not even its
/// tests have more.
fn port_stands_alone(root: &Path) -> Vec<Violation> {
    let mut found = attributes(root, PORT, &[FORBID_UNSAFE]);
    let of_loom = |section: &str| section == "target.'cfg(loom)'.dependencies";
    found.extend(dependencies(root, "sim/port/Cargo.toml", of_loom));
    found
}

/// Attributes that are missing at the root of a crate, if it is there.
fn attributes(root: &Path, src: &str, wanted: &[&str]) -> Vec<Violation> {
    let path = format!("{src}lib.rs");
    let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
        return Vec::new();
    };
    let code = code_only(&text);
    let is_there = |attribute: &str| code.lines().any(|line| line.trim() == attribute);
    let missing = wanted.iter().filter(|attribute| !is_there(attribute));
    missing
        .map(|attribute| Violation::new(&path, 1, format!("`{attribute}` is missing")))
        .collect()
}

/// Every dependency in a manifest, outside of the sections that are allowed.
fn dependencies(root: &Path, path: &str, allowed: fn(&str) -> bool) -> Vec<Violation> {
    let manifest = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let refused = |section: &str| section.contains("dependencies") && !allowed(section);
    let mut found = Vec::new();
    let mut section = "";
    for (n, line) in (1..).zip(manifest.lines().map(str::trim)) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            // `[dependencies.NAME]` is a dependency by itself.
            if refused(section) && !section.ends_with("dependencies") {
                found.push(Violation::new(path, n, format!("`{section}` here")));
            }
        } else if refused(section) && line.contains('=') && !line.starts_with('#') {
            found.push(Violation::new(path, n, format!("a dependency: `{line}`")));
        }
    }
    found
}

/// Files of a crate do not import each other in a circle. The file of a module with files below it is their
/// door: it lists and joins them, and they may use the nouns that it holds for them. A name that they reach
/// through the door counts as an import of the file in which the name stands.
fn files_import_in_no_circle(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for src in [MODEL, PORT, SIM] {
        let sources = sources(root, src);
        let edges = imports(&sources);
        for (&(from, to), &line) in &edges {
            if let Some(back) = way(&edges, to, from) {
                let name = |&n: &usize| &sources[n].file.path[src.len()..];
                let circle: Vec<_> = [from].iter().chain(&back).map(name).collect();
                let what = format!("a circle of imports: {}", circle.join(" > "));
                found.push(sources[from].at(line, what));
            }
        }
    }
    found
}

/// Which file imports which, by their numbers, and the first line that does.
fn imports(sources: &[Source]) -> BTreeMap<(usize, usize), usize> {
    let all = Crate::new(sources);
    let number: BTreeMap<_, _> = (0..).zip(sources).map(|(n, s)| (&s.file.path, n)).collect();
    let mut edges = BTreeMap::new();
    for (from, source) in sources.iter().enumerate() {
        for mention in &source.mentions {
            let path = all.absolute(source, mention);
            let Some(home) = path.and_then(|path| all.home(&path)) else {
                continue;
            };
            let lists = home.module.starts_with(&source.module);
            if !lists {
                let edge = (from, number[&home.file.path]);
                edges.entry(edge).or_insert(mention.line);
            }
        }
    }
    edges
}

/// A shortest way along the edges, both ends included; none if there is none.
fn way(edges: &BTreeMap<(usize, usize), usize>, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        if let Some(arrived) = ways.iter().find(|way| way.ends_with(&[to])) {
            return Some(arrived.clone());
        }
        let mut longer = Vec::new();
        for way in &ways {
            let last = *way.last().expect("a way has a beginning");
            for &(_, next) in edges.keys().filter(|edge| edge.0 == last) {
                if seen.insert(next) {
                    longer.push([&way[..], &[next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

/// Serialization stays at the outer edge: in modules named `wire`, and in the JSON report. The tests of a room
/// may hold its files against what serde makes of them.
fn serde_stays_at_the_edge(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in [MODEL, PORT, SIM].iter().flat_map(|src| sources(root, src)) {
        let path = &source.file.path;
        let at_the_edge =
            path.ends_with("/wire.rs") || path.contains("/wire/") || path.contains("/tests/");
        if at_the_edge
            || path == "sim/src/report/json.rs"
            || path.starts_with("sim/src/report/json/")
        {
            continue;
        }
        for token in tokens(&source.code) {
            if matches!(token.text, "serde" | "serde_json") {
                let what = format!("`{}` is named outside of a `wire.rs`", token.text);
                found.push(source.at(token.line, what));
            }
        }
    }
    found
}

/// `unsafe` stands in few rooms, each time with its reason.
fn unsafe_stays_at_the_bottom_and_says_why(root: &Path) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in rust_files(root) {
        let code = code_only(&file.text);
        let at_home =
            file.path.starts_with("sim/src/native/") || file.path == "sim/src/check/visited.rs";
        for token in tokens(&code).iter().filter(|token| token.text == "unsafe") {
            let what = if !at_home {
                "`unsafe` outside of the rooms that may have it"
            } else if !says_why(&file.text, &code, token.line) {
                "`unsafe` without a `// SAFETY:` comment that says why it is sound"
            } else {
                continue;
            };
            found.push(Violation::new(&file.path, token.line, what));
        }
    }
    found
}

/// Whether a comment on this line, in the statement before it or right above gives the reason. What promises
/// something to its callers says so under `# Safety` in its documentation.
fn says_why(text: &str, code: &str, line: usize) -> bool {
    let text: Vec<_> = text.lines().take(line).collect();
    let code: Vec<_> = code.lines().take(line).collect();
    let reason = |n: usize| text[n].contains("// SAFETY:") || text[n].contains("/// # Safety");
    // Upwards to the end of the statement before this one, which is where the comment begins at the latest.
    let above = (0..line - 1)
        .rev()
        .take_while(|&n| !code[n].trim_end().ends_with([';', '{', '}', ',']));
    [line - 1].into_iter().chain(above).any(reason)
}

#[test]
fn rooms_of_sim_import_downwards() {
    holds(rooms_import_downwards);
}

#[test]
fn an_import_of_a_room_that_is_not_below_is_seen() {
    breaks(
        rooms_import_downwards,
        &[
            ("sim/src/lib.rs", "pub mod run;\npub use check::Verdict;\n"),
            ("sim/src/check/mod.rs", "use crate::choose::Rng;\n"),
            ("sim/src/choose/mod.rs", "use crate::bad_input;\n"),
            (
                "sim/src/choose/fair.rs",
                "\nuse super::super::report::text;\n",
            ),
            (
                "sim/src/admit.rs",
                "// crate::native is not named.\nuse crate::{native::Port};\n",
            ),
            ("sim/src/run.rs", "fn f() { crate::Verdict::new() }\n"),
            ("sim/src/attic.rs", "\n"),
        ],
        &[
            "sim/src/choose/fair.rs:2: `choose` imports `report`",
            "sim/src/admit.rs:2: `admit` imports `native`",
            "sim/src/run.rs:1: `run` imports `check`",
            "sim/src/attic.rs:1: the room `attic` has no level",
        ],
    );
}

#[test]
fn backends_name_no_judge() {
    holds(backends_do_not_name_their_judge);
}

#[test]
fn a_backend_that_names_its_judge_is_seen() {
    let native = "use portsim_model::program::Op;\nuse portsim_model::{event::Error, Machine};\n\
        use std::alloc::System;\nuse portsim_model::personality::Epoll as Judge;\nuse crate::personality::play;\n";
    breaks(
        backends_do_not_name_their_judge,
        &[
            ("sim/src/native/epoll.rs", native),
            ("sim/src/run.rs", "use portsim_model::Machine;\n"),
        ],
        &[
            "sim/src/native/epoll.rs:2: `native` names `Machine`",
            "sim/src/native/epoll.rs:4: `native` names `personality`",
            "sim/src/native/epoll.rs:5: `native` names `personality`",
        ],
    );
}

#[test]
fn the_model_stands_alone() {
    holds(model_stands_alone);
}

#[test]
fn a_model_that_leans_on_something_is_seen() {
    let manifest = "[dependencies]\nlibm = \"1\"\n[dependencies.rand]\nversion = \"1\"\n\
        [dev-dependencies]\nproptest = \"1\"\n[lints]\nworkspace = true\n";
    breaks(
        model_stands_alone,
        &[
            ("model/Cargo.toml", manifest),
            ("model/src/lib.rs", "//! #![no_std]\nextern crate std;\n"),
            ("model/src/state.rs", "\nuse std::time::Instant;\n"),
            ("model/tests/pool.rs", "use std::collections::HashSet;\n"),
        ],
        &[
            "model/Cargo.toml:2: a dependency: `libm",
            "model/Cargo.toml:3: `dependencies.rand` here",
            "model/Cargo.toml:4: a dependency: `version",
            "model/src/lib.rs:1: `#![no_std]` is missing",
            "model/src/lib.rs:1: `#![forbid(unsafe_code)]` is missing",
            "model/src/lib.rs:2: the model names `std`",
            "model/src/state.rs:2: the model names `std`",
        ],
    );
}

#[test]
fn the_port_stands_alone() {
    holds(port_stands_alone);
}

#[test]
fn a_port_that_leans_on_something_is_seen() {
    let manifest = "[dependencies]\nlibc = \"0.2\"\n[target.'cfg(loom)'.dependencies]\nloom = \"0.7\"\n\
        [target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
    breaks(
        port_stands_alone,
        &[
            ("sim/port/Cargo.toml", manifest),
            ("sim/port/src/lib.rs", "// #![forbid(unsafe_code)]\n"),
        ],
        &[
            "sim/port/Cargo.toml:2: a dependency: `libc",
            "sim/port/Cargo.toml:6: a dependency: `rustix",
            "sim/port/Cargo.toml:8: a dependency: `proptest",
            "sim/port/src/lib.rs:1: `#![forbid(unsafe_code)]` is missing",
        ],
    );
}

#[test]
fn no_circle_of_imports() {
    holds(files_import_in_no_circle);
}

#[test]
fn a_circle_of_imports_is_seen() {
    breaks(
        files_import_in_no_circle,
        &[
            // A direct one, with a third file that is not part of it.
            ("model/src/state.rs", "use crate::contract::Get;\n"),
            ("model/src/contract.rs", "use crate::state::View;\n"),
            (
                "model/src/system.rs",
                "use crate::contract;\nmod tests { use super::*; }\n",
            ),
            // One through the door of a folder.
            (
                "sim/src/check/mod.rs",
                "mod a;\nmod b;\nuse a::A;\npub use b::B;\nstruct C;\n",
            ),
            ("sim/src/check/a.rs", "\nuse super::{B, C};\n"),
            ("sim/src/check/b.rs", "use super::a;\n"),
        ],
        &[
            "model/src/state.rs:1: a circle of imports: state.rs > contract.rs > state.rs",
            "model/src/contract.rs:1: a circle of imports: contract.rs > state.rs > contract.rs",
            "sim/src/check/a.rs:2: a circle of imports: check/a.rs > check/b.rs > check/a.rs",
            "sim/src/check/b.rs:1: a circle of imports: check/b.rs > check/a.rs > check/b.rs",
        ],
    );
}

#[test]
fn serde_is_named_at_the_edge_only() {
    holds(serde_stays_at_the_edge);
}

#[test]
fn serde_in_the_middle_is_seen() {
    breaks(
        serde_stays_at_the_edge,
        &[
            ("sim/src/scenario/wire.rs", "use serde::Deserialize;\n"),
            ("sim/src/scenario/wire/ops.rs", "use serde::Deserialize;\n"),
            ("sim/src/report/json.rs", "use serde_json::Value;\n"),
            (
                "sim/src/run.rs",
                "// No serde here.\n#[derive(serde::Serialize)]\n",
            ),
            ("model/src/event.rs", "use serde_json as json;\n"),
        ],
        &[
            "sim/src/run.rs:2: `serde` is named",
            "model/src/event.rs:1: `serde_json` is named",
        ],
    );
}

#[test]
fn unsafe_is_rare_and_says_why() {
    holds(unsafe_stays_at_the_bottom_and_says_why);
}

#[test]
fn unsafe_elsewhere_or_without_a_reason_is_seen() {
    let native = "fn f() {\n    // SAFETY: the descriptor is ours.\n    let a =\n        unsafe { g() };\n\
        \x20   // Nothing about why.\n    unsafe { g() };\n    unsafe { g() }; // SAFETY: as above.\n}\n\
        /// # Safety\n/// The caller owns it.\n#[inline]\nunsafe fn g() {}\n";
    breaks(
        unsafe_stays_at_the_bottom_and_says_why,
        &[
            ("sim/src/native/epoll.rs", native),
            (
                "sim/src/check/visited.rs",
                "fn f() {\n    unsafe { g() }\n}\n",
            ),
            (
                "sim/src/check/search.rs",
                "// SAFETY: here not.\nunsafe fn f() {}\n",
            ),
            ("tests/main.rs", "// unsafe\nconst S: &str = \"unsafe\";\n"),
        ],
        &[
            "sim/src/native/epoll.rs:6: `unsafe` without",
            "sim/src/check/visited.rs:2: `unsafe` without",
            "sim/src/check/search.rs:2: `unsafe` outside",
        ],
    );
}
