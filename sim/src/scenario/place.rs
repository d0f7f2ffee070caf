//! Where in a scenario file something stands, and what is wrong there.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::bad_input::{BadInput, nearest, quoted};

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
            place: Some(self.to_string()),
            problem: problem.into(),
            near: None,
            excerpt: None,
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(above) = self.above else {
            return Ok(());
        };
        above.fmt(f)?;
        match self.part {
            Part::Top => Ok(()),
            Part::Index(index) => write!(f, "[{index}]"),
            Part::Field(name) if !is_plain(name) => write!(f, "[{}]", quoted(name)),
            Part::Field(name) if matches!(above.part, Part::Top) => f.write_str(name),
            Part::Field(name) => write!(f, ".{name}"),
        }
    }
}

/// The longest name: what is shown in columns must fit there.
pub(super) const NAME_MAX: usize = 100;

/// Whether a field's name can stand in a path as it is, without quotation marks.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-$".contains(c);
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// What is wrong, and where: [`BadInput`] before anyone has said which file it is.
#[derive(Debug)]
pub(super) struct Complaint {
    /// None until the walk through the tree says where it is.
    pub(super) place: Option<String>,
    pub(super) problem: String,
    pub(super) near: Option<String>,
    pub(super) excerpt: Option<String>,
}

impl Complaint {
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
        self.place.get_or_insert_with(|| place.to_string());
        self
    }

    /// The complaint about this file.
    pub(super) fn in_file(self, file: &Path) -> BadInput {
        BadInput {
            file: file.display().to_string(),
            place: self.place.unwrap_or_default(),
            problem: self.problem,
            near: self.near,
            excerpt: self.excerpt,
        }
    }
}
