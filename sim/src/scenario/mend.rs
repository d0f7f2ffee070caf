//! All that is wrong with a file: what is wrong first is taken out of its tree, and the tree is read again.
//!
//! So the reader and the compiler may give up at their first complaint. What takes the place of a mistake is chosen so
//! that it brings no complaint of its own: names stay where they can, and a complaint that speaks of a name that went
//! with a mistake is left out.

use std::collections::BTreeSet;

use super::place::{Aim, Complaint, Path, Step};
use super::wire::Json;

/// As many complaints are looked for.
const FOUND_MAX: usize = 100;

/// As much is read again in all.
const BYTES_MAX: usize = 64 << 20;

/// All complaints about a tree of so many bytes, in the order in which they are met; `read` gives the first.
pub(super) fn all(
    mut tree: Json,
    bytes: usize,
    first: Complaint,
    read: impl Fn(&Json) -> Option<Complaint>,
) -> Vec<Complaint> {
    let mut mender = Mender::default();
    let (mut found, mut next) = (Vec::new(), Some(first));
    let tries = (BYTES_MAX / bytes.max(1)).clamp(1, FOUND_MAX);
    for _ in 0..tries {
        let Some(mut complaint) = next else { break };
        let follows = mender.follows(&complaint);
        let goes_on = mender.mend(&mut tree, &complaint);
        if !follows {
            complaint.place = complaint.place.map(|path| mender.as_written(&path));
            found.push(complaint);
        }
        next = if goes_on { read(&tree) } else { None };
    }
    found
}

#[derive(Default)]
struct Mender {
    /// Names that went with a mistake.
    lost: BTreeSet<String>,
    /// Fields that were given the name that was meant: of which object, that name, and how it is written.
    renamed: Vec<(Vec<Step>, String, String)>,
    /// What was complained of.
    seen: Vec<(Path, String)>,
    /// Where the name that is near took the place of the one found: nobody wrote what stands there now.
    guessed: Vec<Path>,
}

impl Mender {
    /// Whether a complaint only comes of what was mended before.
    fn follows(&self, complaint: &Complaint) -> bool {
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let about = complaint.about.as_deref().unwrap_or_default();
        let mut words = about.split(|c| !in_name(c));
        let key = key(complaint);
        words.any(|word| self.lost.contains(word))
            || self.guessed.contains(&key.0)
            || self.seen.contains(&key)
    }

    /// A path with the names that stand in the file.
    fn as_written(&self, path: &Path) -> Path {
        let step = |n: usize| {
            let above = &path.0[..n];
            let is_it = |(object, meant, _): &&(Vec<Step>, String, String)| {
                object == above && path.0[n] == Step::Field(meant.clone())
            };
            let renamed = self.renamed.iter().find(is_it);
            renamed.map_or(path.0[n].clone(), |(.., written)| {
                Step::Field(written.clone())
            })
        };
        Path((0..path.0.len()).map(step).collect())
    }

    /// Takes out what a complaint is about; whether there is anything else that can be looked at.
    fn mend(&mut self, tree: &mut Json, complaint: &Complaint) -> bool {
        let key = key(complaint);
        let is_again = self.seen.contains(&key);
        let path = &key.0.0[..];
        let mended = match &complaint.aim {
            Aim::Byte(_) => false,
            _ if is_again => self.cut(tree, path),
            Aim::Field(name) => self.rename(tree, path, name, complaint, true),
            Aim::Verb(name) if self.rename(tree, path, name, complaint, false) => true,
            _ => self.replace(tree, path, complaint),
        };
        self.seen.push(key);
        mended
    }

    /// Gives a field the name that is near, or takes it out if it may go.
    fn rename(
        &mut self,
        tree: &mut Json,
        path: &[Step],
        name: &str,
        complaint: &Complaint,
        may_go: bool,
    ) -> bool {
        let Some(Json::Object(fields)) = at(tree, path) else {
            return false;
        };
        let Some(place) = fields.iter().rposition(|(it, _)| it == name) else {
            return false;
        };
        match &complaint.near {
            Some(near) if fields.iter().all(|(it, _)| it != near) => {
                fields[place].0.clone_from(near);
                self.renamed
                    .push((path.to_vec(), near.clone(), name.to_owned()));
                true
            }
            _ if may_go => {
                let (_, value) = fields.remove(place);
                self.lose(&value);
                if let (true, Json::Object(things)) = (path.is_empty(), value) {
                    self.lost.extend(things.into_iter().map(|(name, _)| name));
                }
                true
            }
            _ => false,
        }
    }

    /// Puts something in the place of what is wrong.
    fn replace(&mut self, tree: &mut Json, path: &[Step], complaint: &Complaint) -> bool {
        if let (Some(near), Some(Json::String(found))) = (&complaint.near, at(tree, path))
            && complaint.aim == Aim::Value
            && complaint.about.as_ref() == Some(found)
        {
            found.clone_from(near);
            self.guessed.push(Path(path.to_vec()));
            return true;
        }
        let [Step::Field(section), rest @ ..] = path else {
            return missing(tree);
        };
        let fresh = match (section.as_str(), rest) {
            ("why", _) => (1, text("x")),
            ("claims", [_, ..]) => (2, text("x")),
            ("schedule", [_, ..]) => (2, text("@time")),
            ("threads", [Step::Field(name), ..]) => return self.thread(tree, path, name),
            // Nobody knows which names went with a whole section.
            (
                "threads" | "ports" | "events" | "mutexes" | "semaphores" | "sources" | "files"
                | "vars",
                [],
            )
            | ("operations" | "reserves" | "wait_packets" | "jobs", [])
            | ("processes", _) => return false,
            ("ports" | "events" | "mutexes" | "semaphores" | "sources" | "files", [_, ..])
            | ("reserves" | "wait_packets" | "jobs", [_, ..])
                if complaint.aim != Aim::Name =>
            {
                (2, Json::Object(Vec::new()))
            }
            ("vars", [_, ..]) if complaint.aim != Aim::Name => match at(tree, &path[..2]) {
                Some(Json::List(list)) if !list.is_empty() => (
                    2,
                    Json::List(list.iter().map(|_| Json::Natural(0)).collect()),
                ),
                _ => (2, Json::Natural(0)),
            },
            ("properties", [_, _, ..]) if complaint.aim != Aim::Name => (3, text("true")),
            _ => return self.cut(tree, path),
        };
        put(tree, &path[..fresh.0], fresh.1)
    }

    /// Mends a thread or group: one operation of it, or what stands before them.
    fn thread(&mut self, tree: &mut Json, path: &[Step], name: &str) -> bool {
        let Some(op) = operation(path) else {
            self.lost.insert(name.to_owned());
            return match path.get(2) {
                Some(Step::Field(field)) if field == "count" => put(tree, path, Json::Natural(1)),
                Some(Step::Field(field)) if field != "do" => self.cut(tree, path),
                _ => {
                    self.lose_at(tree, path);
                    put(tree, path, Json::List(Vec::new()))
                }
            };
        };
        if let ([.., Step::Field(last)], Some(Json::String(_))) = (path, at(tree, path))
            && matches!(last.as_str(), "if" | "assert")
        {
            return put(tree, path, text("true"));
        }
        self.lose_at(tree, &path[..op]);
        put(tree, &path[..op], text("yield"))
    }

    /// Takes out what stands here: a field, or an operation and all behind it; else the whole section.
    fn cut(&mut self, tree: &mut Json, path: &[Step]) -> bool {
        let is_ops = matches!(path, [Step::Field(section), ..] if section == "threads");
        let end = match path {
            [] => return false,
            _ if is_ops => operation(path).unwrap_or(path.len()),
            [_] => 1,
            [Step::Field(section), _, _, ..] if section == "properties" => 3,
            // What is expected, and how far: such an object says nothing without its fields.
            [Step::Field(section), ..] if ["expect", "bounds"].contains(&section.as_str()) => 1,
            [_, Step::Field(_), ..] => 2,
            [_, Step::Index(_), ..] => 1,
        };
        let (Some(last), above) = (path.get(end - 1), &path[..end - 1]) else {
            return false;
        };
        self.lose_at(tree, &path[..end]);
        if let Step::Field(name) = last {
            self.lost.insert(name.clone());
        }
        match (at(tree, above), last) {
            (Some(Json::List(list)), Step::Index(index)) => list.truncate(*index),
            (Some(Json::Object(fields)), Step::Field(name)) => {
                fields.retain(|(it, _)| it != name);
                // Without threads there is no scenario.
                return !(is_ops && end == 2 && fields.is_empty());
            }
            _ => return false,
        }
        true
    }

    fn lose_at(&mut self, tree: &mut Json, path: &[Step]) {
        if let Some(value) = at(tree, path) {
            let value = std::mem::replace(value, Json::Null);
            self.lose(&value);
            put(tree, path, value);
        }
    }

    /// What goes with operations: names of results, and the ways out of loops.
    fn lose(&mut self, value: &Json) {
        match value {
            Json::Object(fields) => {
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        ("into" | "item", Json::String(result)) => {
                            self.lost.insert(result.clone());
                        }
                        ("break", _) => {
                            self.lost.insert(name.clone());
                        }
                        (_, value) => self.lose(value),
                    }
                }
            }
            Json::List(list) => list.iter().for_each(|value| self.lose(value)),
            Json::String(word) if word == "break" => {
                self.lost.insert(word.clone());
            }
            _ => {}
        }
    }
}

fn key(complaint: &Complaint) -> (Path, String) {
    let path = complaint.place.clone().unwrap_or_default();
    (path, complaint.problem.clone())
}

fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

/// What a file must have, where it does not; whether that can be made up.
fn missing(tree: &mut Json) -> bool {
    let Json::Object(fields) = tree else {
        return false;
    };
    let has_no = |name: &str| fields.iter().all(|(it, _)| it != name);
    let can = has_no("why") && !has_no("threads");
    if can {
        fields.push(("why".to_owned(), text("x")));
    }
    can
}

/// Where the innermost operation of a path into a thread ends, if it leads into one.
fn operation(path: &[Step]) -> Option<usize> {
    let is = |step: Option<&Step>, words: &[&str]| matches!(step, Some(Step::Field(it)) if words.contains(&it.as_str()));
    let is_index = |n: usize| matches!(path.get(n), Some(Step::Index(_)));
    let list = if is(path.get(2), &["do"]) { 3 } else { 2 };
    let mut end = list + 1;
    if !is_index(list) {
        return None;
    }
    loop {
        if is(path.get(end), &["then", "else", "loop", "do"]) && is_index(end + 1) {
            end += 2;
        } else if is(path.get(end), &["either"]) && is_index(end + 1) && is_index(end + 2) {
            end += 3;
        } else {
            return Some(end);
        }
    }
}

/// The value at this path.
fn at<'t>(tree: &'t mut Json, path: &[Step]) -> Option<&'t mut Json> {
    path.iter().try_fold(tree, |tree, step| match (tree, step) {
        (Json::List(list), Step::Index(index)) => list.get_mut(*index),
        (Json::Object(fields), Step::Field(name)) => {
            let mut fields = fields.iter_mut();
            fields.find(|(it, _)| it == name).map(|(_, value)| value)
        }
        _ => None,
    })
}

/// Puts a value there; whether there is such a place.
fn put(tree: &mut Json, path: &[Step], value: Json) -> bool {
    let place = at(tree, path);
    place.map(|place| *place = value).is_some()
}
