//! Where in a scenario file something stands, and what is wrong there.

use std::fmt::{self, Display, Formatter};

use crate::bad_input::{nearest, quoted};

/// A place in the tree of a file, as a chain up to its top; it lives as long as the walk through
/// the tree, and is written out only when something is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    part: Part<'a>,
    above: Option<&'a Place<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Top,
    Field(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The file as a whole.
    pub(super) const TOP: Place<'static> = Place {
        part: Part::Top,
        above: None,
    };

    /// A field of the object at this place.
    pub(super) fn field(&'a self, name: &'a str) -> Place<'a> {
        Place {
            part: Part::Field(name),
            above: Some(self),
        }
    }

    /// An element of the list at this place, counted from 0.
    pub(super) fn index(&'a self, index: usize) -> Place<'a> {
        Place {
            part: Part::Index(index),
            above: Some(self),
        }
    }

    /// Something is wrong here.
    pub(super) fn complain(&self, problem: impl Into<String>) -> Complaint {
        Complaint {
            place: Some(self.path()),
            ..Complaint::new(problem)
        }
    }

    /// The same, written out.
    pub(super) fn path(&self) -> Path {
        let mut path = self.above.map_or_else(Path::default, Place::path);
        match self.part {
            Part::Top => {}
            Part::Field(name) => path.0.push(Step::Field(name.to_owned())),
            Part::Index(index) => path.0.push(Step::Index(index)),
        }
        path
    }
}

/// A place, written out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

/// One step down the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    Index(usize),
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]"),
                Step::Field(name) if !is_plain(name) => write!(f, "[{}]", quoted(name)),
                Step::Field(name) if n == 0 => f.write_str(name),
                Step::Field(name) => write!(f, ".{name}"),
            }?;
        }
        Ok(())
    }
}

/// The longest name: what is shown in columns must fit there.
pub(super) const NAME_MAX: usize = 100;

/// Whether a field's name can stand in a path as it is, without quotation marks.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// What of a place is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Aim {
    /// The value that stands there; its name, where it takes more than one line to write.
    Value,
    /// Its name.
    Name,
    /// This field of it, which cannot stand there, or not twice.
    Field(String),
    /// This field of it, which should say what it is.
    Verb(String),
    /// This byte of its text.
    Within(usize),
    /// This byte of its name.
    WithinName(usize),
    /// No place in a tree, but this byte of the file.
    Byte(usize),
}

/// What is wrong, and where: [`crate::bad_input::BadInput`] before anyone has said which file it is.
#[derive(Debug)]
pub(super) struct Complaint {
    /// None until the walk through the tree says where it is.
    pub(super) place: Option<Path>,
    pub(super) aim: Aim,
    pub(super) problem: String,
    /// What could stand there, where the problem says something else too.
    pub(super) expected: Option<String>,
    pub(super) near: Option<String>,
    /// The name that stands for nothing, or the text that speaks of others.
    pub(super) about: Option<String>,
}

impl Complaint {
    /// A problem whose place is not known yet.
    pub(super) fn new(problem: impl Into<String>) -> Complaint {
        Complaint {
            place: None,
            aim: Aim::Value,
            problem: problem.into(),
            expected: None,
            near: None,
            about: None,
        }
    }

    /// The same, and what was expected.
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Complaint {
        self.expected = Some(expected.into());
        self
    }

    /// The same of the name that stands at its place, where that is an expression.
    pub(super) fn in_name(mut self) -> Complaint {
        if let Aim::Within(byte) = self.aim {
            self.aim = Aim::WithinName(byte);
        }
        self
    }

    /// The same, with what of its place is meant.
    pub(super) fn at(mut self, aim: Aim) -> Complaint {
        self.aim = aim;
        self
    }

    /// The same, about this name or text.
    pub(super) fn about(mut self, text: &str) -> Complaint {
        self.about = Some(text.to_owned());
        self
    }

    /// Adds the known name closest to `found`, if one is close.
    pub(super) fn near<'k>(
        mut self,
        found: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Complaint {
        self.near = nearest(found, known).map(str::to_owned);
        self
    }

    /// The same complaint, at `place` unless it has a place already.
    pub(super) fn or_at(mut self, place: &Place<'_>) -> Complaint {
        self.place.get_or_insert_with(|| place.path());
        self
    }
}
