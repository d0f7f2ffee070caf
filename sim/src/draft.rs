//! A scenario that is being written: by a generator, or while one is made smaller.
//!
//! A draft knows words and where they stand, and nothing of what they mean: whether it makes a scenario is for the
//! reader of scenarios to say. It is written as people write one, an operation a line.

use std::fmt::Write;

/// A scenario that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// The question that it answers.
    pub why: String,
    /// The rules that it exercises.
    pub claims: Vec<&'static str>,
    /// The system that it is meant for.
    pub meant_for: String,
    /// Ports, events, files and so on, in the order of their sections.
    pub parts: Vec<Part>,
    /// Threads, and what each of them does.
    pub threads: Vec<(String, Vec<Call>)>,
    /// Names of threads, or [`CLOCK`].
    pub schedule: Option<Vec<String>>,
    /// Conditions that some state shows.
    pub sometimes: Vec<String>,
    /// A condition on the last state.
    pub at_end: Option<String>,
}

/// The turn of the clock in a schedule.
pub const CLOCK: &str = "@time";

/// Something that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where: `ports`, `events` and so on.
    pub section: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What is said of it.
    pub fields: Vec<(&'static str, Word)>,
}

/// An operation. One with an object or fields is written as an object, any other as a plain word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is done.
    pub verb: &'static str,
    /// To what.
    pub object: Option<Word>,
    /// How.
    pub fields: Vec<(&'static str, Word)>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A name, or a word of the format.
    Text(String),
    /// A number.
    Number(i64),
    /// `true`.
    Yes,
    /// Several names, or words of the format.
    Several(Vec<&'static str>),
    /// Operations within an operation.
    Calls(Vec<Call>),
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Text(text.to_owned())
    }
}

impl From<i64> for Word {
    fn from(number: i64) -> Word {
        Word::Number(number)
    }
}

impl Word {
    fn text(&self) -> String {
        match self {
            Word::Text(text) => quoted(text),
            Word::Number(number) => number.to_string(),
            Word::Yes => "true".to_owned(),
            Word::Several(words) => format!("[{}]", list(words)),
            Word::Calls(calls) => {
                let calls: Vec<_> = calls.iter().map(Call::text).collect();
                format!("[{}]", calls.join(", "))
            }
        }
    }

    fn names(&self, name: &str) -> bool {
        let is_between = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        match self {
            Word::Text(text) => text.split(is_between).any(|word| word == name),
            Word::Several(words) => words.contains(&name),
            Word::Calls(calls) => calls.iter().any(|call| call.names(name)),
            Word::Number(_) | Word::Yes => false,
        }
    }
}

/// What a text speaks of: `a.done` speaks of `a`.
fn subject(text: &str) -> &str {
    text.split_once('.').map_or(text, |(subject, _)| subject)
}

impl Call {
    /// An operation that needs no object.
    pub fn plain(verb: &'static str) -> Call {
        Call {
            verb,
            object: None,
            fields: Vec::new(),
        }
    }

    /// An operation on something.
    pub fn on(verb: &'static str, object: impl Into<Word>) -> Call {
        Call {
            verb,
            object: Some(object.into()),
            fields: Vec::new(),
        }
    }

    /// The same with one more field.
    pub fn with(mut self, field: &'static str, value: impl Into<Word>) -> Call {
        self.fields.push((field, value.into()));
        self
    }

    /// Whether it speaks of the part or thread of this name.
    pub fn names(&self, name: &str) -> bool {
        let object = self.object.iter();
        let mut words = object.chain(self.fields.iter().map(|(_, word)| word));
        words.any(|word| word.names(name))
    }

    fn words_mut(&mut self) -> impl Iterator<Item = &mut Word> {
        let fields = self.fields.iter_mut().map(|(_, word)| word);
        self.object.iter_mut().chain(fields)
    }

    /// Changes its numbers.
    pub fn numbers_mut(&mut self, change: &mut impl FnMut(&mut i64)) {
        for word in self.words_mut() {
            match word {
                Word::Number(number) => change(number),
                Word::Calls(calls) => calls.iter_mut().for_each(|call| call.numbers_mut(change)),
                Word::Text(_) | Word::Yes | Word::Several(_) => {}
            }
        }
    }

    /// Says another name wherever it says one.
    pub fn rename(&mut self, renamed: &impl Fn(&String) -> String) {
        for word in self.words_mut() {
            match word {
                Word::Text(text) => *text = renamed(text),
                Word::Calls(calls) => calls.iter_mut().for_each(|call| call.rename(renamed)),
                Word::Number(_) | Word::Yes | Word::Several(_) => {}
            }
        }
    }

    fn text(&self) -> String {
        match &self.object {
            None => quoted(self.verb),
            Some(object) => {
                let mut text = format!("{{ {}: {}", quoted(self.verb), object.text());
                for (field, word) in &self.fields {
                    let _ = write!(text, ", {}: {}", quoted(field), word.text());
                }
                text + " }"
            }
        }
    }
}

impl Part {
    /// Whether it speaks of another part of this name.
    pub fn names(&self, name: &str) -> bool {
        self.fields.iter().any(|(_, word)| word.names(name))
    }

    fn text(&self) -> String {
        let fields = self.fields.iter();
        let fields: Vec<_> = fields
            .map(|(field, word)| format!("{}: {}", quoted(field), word.text()))
            .collect();
        match fields.as_slice() {
            // A variable, which is 0 at the start.
            [] if self.section == "vars" => format!("{}: 0", quoted(self.name)),
            [] => format!("{}: {{}}", quoted(self.name)),
            some => format!("{}: {{ {} }}", quoted(self.name), some.join(", ")),
        }
    }
}

impl Draft {
    /// The bytes of the file.
    pub fn text(&self) -> String {
        let mut text = format!("{{\n  \"why\": {},\n", quoted(&self.why));
        if !self.claims.is_empty() {
            let _ = writeln!(text, "  \"claims\": [{}],", list(&self.claims));
        }
        let _ = writeln!(text, "  \"as\": [{}],", quoted(&self.meant_for));
        for section in self.parts.chunk_by(|a, b| a.section == b.section) {
            let parts: Vec<_> = section.iter().map(Part::text).collect();
            let name = quoted(section[0].section);
            let _ = writeln!(text, "  {name}: {{ {} }},", parts.join(", "));
        }
        let threads: Vec<_> = self.threads.iter().map(thread_text).collect();
        let _ = write!(text, "  \"threads\": {{\n{}\n  }}", threads.join(",\n"));
        if let Some(schedule) = &self.schedule {
            let _ = write!(text, ",\n  \"schedule\": [{}]", list(schedule));
        }
        text += &self.properties();
        let threads = self.threads.iter().map(|(name, _)| name);
        let _ = write!(text, ",\n  \"may_wait\": [{}]\n}}\n", list(threads));
        text
    }

    /// What must hold, as a line of the file; none where nothing is asked.
    fn properties(&self) -> String {
        let mut kinds = Vec::new();
        if !self.sometimes.is_empty() {
            let all = self.sometimes.iter().enumerate();
            let all: Vec<_> = all
                .map(|(n, condition)| format!("\"some{n}\": {}", quoted(condition)))
                .collect();
            kinds.push(format!("\"sometimes\": {{ {} }}", all.join(", ")));
        }
        if let Some(condition) = &self.at_end {
            kinds.push(format!(
                "\"at_end\": {{ \"told_apart\": {} }}",
                quoted(condition)
            ));
        }
        match kinds.is_empty() {
            true => String::new(),
            false => format!(",\n  \"properties\": {{ {} }}", kinds.join(", ")),
        }
    }

    /// The same with its threads in the order of their first turns, and with the first letters as their names: what
    /// is alike looks alike then.
    pub fn tidied(&self) -> Draft {
        let first = |name: &str| {
            let turns = self.schedule.as_deref().unwrap_or_default();
            turns.iter().position(|turn| turn == name)
        };
        let mut tidy = self.clone();
        let late = |name: &str| first(name).unwrap_or(usize::MAX);
        tidy.threads.sort_by_key(|(name, _)| late(name));
        let names = (b'a'..).map(|letter| char::from(letter).to_string());
        let names: Vec<(String, String)> = tidy
            .threads
            .iter()
            .map(|(name, _)| name.clone())
            .zip(names)
            .collect();
        let renamed = |old: &String| {
            let (who, asked) = old.split_at(subject(old).len());
            let new = names.iter().find(|(name, _)| name == who);
            format!("{}{asked}", new.map_or(who, |(_, new)| new))
        };
        for (name, calls) in &mut tidy.threads {
            *name = renamed(name);
            calls.iter_mut().for_each(|call| call.rename(&renamed));
        }
        for turn in tidy.schedule.iter_mut().flatten() {
            *turn = renamed(turn);
        }
        tidy
    }

    /// Takes out what nothing speaks of.
    pub fn forget_unused(&mut self) {
        loop {
            let (parts, threads) = (&self.parts, &self.threads);
            let used = |name: &str| {
                let called = threads.iter().flat_map(|(_, calls)| calls);
                let said = parts.iter().flat_map(|part| &part.fields);
                called.into_iter().any(|call| call.names(name))
                    || said.into_iter().any(|(_, word)| word.names(name))
            };
            let unused: Vec<_> = parts.iter().map(|part| !used(part.name)).collect();
            if !unused.contains(&true) {
                return;
            }
            // Whatever only those spoke of is unused in turn.
            let mut unused = unused.into_iter();
            self.parts.retain(|_| !unused.next().unwrap_or(false));
        }
    }
}

fn thread_text((name, calls): &(String, Vec<Call>)) -> String {
    let calls: Vec<_> = calls.iter().map(Call::text).collect();
    match calls.as_slice() {
        [] => format!("    {}: []", quoted(name)),
        [one] => format!("    {}: [{one}]", quoted(name)),
        some => format!(
            "    {}: [\n      {}\n    ]",
            quoted(name),
            some.join(",\n      ")
        ),
    }
}

fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names
        .into_iter()
        .map(|name| quoted(name.as_ref()))
        .collect();
    names.join(", ")
}

/// A string of the file. What drafts say is plain, but a sentence may quote anything.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted + "\""
}
