//! What a personality is: all of it that stays the same from step to step.

use crate::choice::Open;
use crate::claim::Claim;
use crate::event::Error;
use crate::os_error::{OsError, errno};
use crate::program::{Object, Op, Program, Verb, Whose};

/// What a personality is, where its [contract](crate::contract) is what it does.
#[derive(Clone, Copy)]
pub struct About {
    /// The name it has everywhere.
    pub name: &'static str,
    /// What else people call it, in lower case.
    pub aliases: &'static [&'static str],
    /// What the letters in the sources of its claims stand for.
    pub sources: &'static str,
    /// The version of it that older releases of its operating system have.
    pub older: Option<Older>,
    /// What it calls an error.
    pub os_error: fn(Error) -> OsError,
    /// What it can do: whatever is not listed here it cannot.
    pub can: &'static [&'static [Verb]],
    /// Why it cannot do some of what it does not list.
    pub lacks: &'static [(&'static [Verb], &'static str)],
    /// Why it cannot do the rest.
    pub lacks_the_rest: &'static str,
    /// The claim on what it lacks, where that has one.
    pub lacks_by: Option<&'static Claim>,
    /// What of the operations that it lists it cannot do.
    pub limits: Limits,
    /// Every choice that its rules leave open.
    pub open: &'static [&'static dyn Open],
    /// Those of them that only threads at full speed can show: elsewhere their first reading holds.
    pub at_full_speed: &'static [&'static dyn Open],
    /// The claims behind [`Personality::holds`](crate::contract::Personality::holds).
    pub invariants: &'static [&'static Claim],
    /// The claim that a thread goes on, however many run, where one that comes back or was woken shows it.
    pub no_limit: Option<&'static Claim>,
    /// The claim on the last error of a thread, so that a scenario may ask for it; none where threads have none.
    pub last_error: Option<&'static Claim>,
    /// The claim that a call which takes no packet leaves key and bytes of its caller as they were, so that a scenario may
    /// ask for it; else why not.
    pub keeps: Result<&'static Claim, &'static str>,
    /// Whether it counts running threads, so that a scenario may ask for them.
    pub counts_running: bool,
    /// Whether a call takes packets in one step and returns them in another.
    pub takes_in_two_steps: bool,
    /// The claim that the packets of a port which only portable operations touch leave it in the order of their posts; none
    /// where they may not.
    pub keeps_order: Option<&'static Claim>,
    /// Whether it limits the events of a port, so that a scenario may.
    pub limits_events: bool,
    /// Whether its ports are rings, so that a scenario may say of how many entries.
    pub has_rings: bool,
}

impl About {
    /// What most are, to be completed: each has its own name, and its own reason for what it lacks.
    pub const PLAIN: About = About {
        name: "",
        aliases: &[],
        sources: "",
        older: None,
        os_error: errno,
        can: &[COMMON],
        lacks: &[],
        lacks_the_rest: "",
        lacks_by: None,
        limits: Limits::NONE,
        open: &[],
        at_full_speed: &[],
        invariants: &[],
        no_limit: None,
        last_error: None,
        keeps: Err(
            "nothing says what a call leaves in its caller's variables if it takes no packet",
        ),
        counts_running: false,
        takes_in_two_steps: false,
        keeps_order: None,
        limits_events: false,
        has_rings: false,
    };

    /// The name of the version that a machine has whose operating system and release are these, as in `linux 6.18.44`. Where
    /// a text tells no release it is the older one: what tells none is older than versions are.
    pub fn version_on(&self, os: &str) -> &'static str {
        match self.older {
            Some(older) if !older.is_followed_by(os) => older.name,
            _ => self.name,
        }
    }

    /// Why it cannot do an operation, if what it lists or its limits say so.
    pub(crate) fn refuses(&self, program: &Program, op: Op) -> Option<&'static str> {
        if op.is_alertable() && self.limits.alertable.is_some() {
            return self.limits.alertable;
        }
        if let (true, Err(why)) = (op.keeps(), self.keeps) {
            return Some(why);
        }
        // Where no process ends, nobody waits for that.
        if let Op::Join { object, .. } = op
            && matches!(
                program.objects[object.index()],
                Object::End(Whose::Process(_))
            )
            && !self.lists(Verb::ExitProcess)
        {
            return Some(self.why_not(Verb::ExitProcess));
        }
        if let Op::Start { operation, .. } = op
            && program
                .operations
                .get(operation.index())
                .is_some_and(|it| it.multishot)
            && !self.has_rings
        {
            return Some("only a request to a ring goes on behind what it reports");
        }
        if let Op::Start { operation, .. } = op
            && program
                .operations
                .get(operation.index())
                .is_some_and(|it| it.drain)
            && !self.has_rings
        {
            return Some("only a request to a ring waits for those before it");
        }
        match self.lists(op.verb()) {
            true => self.limits.refuse(program, op),
            false => Some(self.why_not(op.verb())),
        }
    }

    fn lists(&self, verb: Verb) -> bool {
        self.can.iter().any(|list| list.contains(&verb))
    }

    /// Why it cannot do what it does not list.
    fn why_not(&self, verb: Verb) -> &'static str {
        let own = self.lacks.iter().find(|(verbs, _)| verbs.contains(&verb));
        own.map_or(self.lacks_the_rest, |(_, why)| why)
    }
}

/// A version that a system has on older releases of its operating system.
#[derive(Debug, Clone, Copy)]
pub struct Older {
    /// Its name.
    pub name: &'static str,
    /// The operating system.
    pub os: &'static str,
    /// The release with which the newer one comes.
    pub before: (u16, u16),
    /// Earlier series whose stable releases have the newer one too, each from this release on.
    pub carried_back: &'static [(u16, u16, u16)],
}

impl Older {
    /// Whether an operating system and its release say that the newer version is there.
    fn is_followed_by(&self, os: &str) -> bool {
        let Some((major, minor, patch)) = self.release(os) else {
            return false;
        };
        let is_carried = |&(of_major, of_minor, first): &(u16, u16, u16)| {
            (of_major, of_minor) == (major, minor) && patch >= first
        };
        (major, minor) >= self.before || self.carried_back.iter().any(is_carried)
    }

    /// The three numbers of a release; the last is 0 where a text has only two.
    fn release(&self, os: &str) -> Option<(u16, u16, u16)> {
        let (major, rest) = os
            .strip_prefix(self.os)?
            .strip_prefix(' ')?
            .split_once('.')?;
        let mut rest = rest.split(|c: char| !c.is_ascii_digit());
        let minor = rest.next()?.parse().ok()?;
        let patch = rest.next().and_then(|patch| patch.parse().ok());
        Some((major.parse().ok()?, minor, patch.unwrap_or(0)))
    }
}

/// What every system here can do: the four calls on a port that any of them has, in whatever words, what threads wait
/// for besides, and what they do by themselves.
pub const COMMON: &[Verb] = &[
    Verb::Get,
    Verb::Post,
    Verb::Close,
    Verb::Create,
    Verb::Block,
    Verb::Signal,
    Verb::Reset,
    Verb::Stall,
    Verb::Sleep,
    Verb::Yield,
    Verb::Spawn,
    Verb::Exit,
    Verb::Note,
    Verb::Set,
    Verb::Swap,
    Verb::Add,
    Verb::CompareSwap,
    Verb::Test,
    Verb::Await,
    Verb::Assert,
    Verb::Join,
];

/// Why a system cannot do an operation that it has, where a field asks for more; none where it can.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A wait that an asynchronous procedure call ends.
    pub alertable: Option<&'static str>,
    /// A call that waits for several packets.
    pub minimum: Option<&'static str>,
    /// A call that waits for them for a time of its own.
    pub minimum_wait: Option<&'static str>,
    /// A port with a name.
    pub named: Option<&'static str>,
    /// A post with a reserve object.
    pub reserve: Option<&'static str>,
    /// A post that finds no memory.
    pub may_fail: Option<&'static str>,
    /// A packet that carries a status.
    pub status: Option<&'static str>,
}

impl Limits {
    /// None at all.
    pub const NONE: Limits = Limits {
        alertable: None,
        minimum: None,
        minimum_wait: Some("no call waits for its minimum for a time of its own"),
        named: None,
        reserve: None,
        may_fail: None,
        status: None,
    };

    /// Why not, if not.
    fn refuse(&self, program: &Program, op: Op) -> Option<&'static str> {
        if let Op::Get { min, min_wait, .. } = op {
            return (self.minimum.filter(|_| min.is_some()))
                .or(self.minimum_wait.filter(|_| min_wait.is_some()));
        }
        if let Op::Create { port, .. } = op {
            return self.named.filter(|_| program.ports[port.index()].named);
        }
        if let Op::Post {
            packet,
            may_fail,
            reserve,
            ..
        } = op
        {
            let carries_status = program.packets[packet.index()].status != 0;
            return (self.reserve.filter(|_| reserve.is_some()))
                .or(self.may_fail.filter(|_| may_fail))
                .or(self.status.filter(|_| carries_status));
        }
        None
    }
}
