//! What a backend can do whose objects are kept here, and why it cannot do the rest.

use portsim_model::program::{Op, Program, Verb};

/// What a backend has besides what every system has, and what it lacks of that.
pub struct Can {
    /// What it has besides.
    pub own: &'static [Verb],
    /// Why it has not some of the others.
    pub lacks: &'static [(&'static [Verb], &'static str)],
    /// Why it has not the rest.
    pub lacks_the_rest: &'static str,
    /// Why nothing but its end ends a wait.
    pub alertable: &'static str,
    /// Why no call waits for several packets, where none does.
    pub minimum: Option<&'static str>,
    /// Why no call waits for them for a time of its own, if none does.
    pub minimum_wait: Option<&'static str>,
    /// Why nobody knows what a call leaves in its caller's variables that takes no packet, where that is so.
    pub keeps: Option<&'static str>,
    /// Why no packet carries a status, where none does.
    pub status: Option<&'static str>,
    /// Why no post has a reserve object.
    pub reserve: &'static str,
    /// Why no port has a name.
    pub named: &'static str,
}

/// Why no post fails for want of memory.
const MEMORY: &str = "nobody can make memory scarce here";

/// Why no result keeps what was there.
pub const OWN_VARIABLES: &str = "nobody looks at what its calls leave in their caller's variables";

impl Can {
    /// What Linux lacks, whatever its ports are.
    #[cfg(target_os = "linux")]
    pub const ON_LINUX: Can = Can {
        own: &[],
        lacks: &[(
            &[Verb::Suspend, Verb::Resume],
            "Linux has no call that suspends a thread without disturbing the order of waiters",
        )],
        lacks_the_rest: "",
        alertable: "Linux has no alertable waits",
        minimum: None,
        minimum_wait: Some("no call waits for its minimum for a time of its own"),
        keeps: Some(OWN_VARIABLES),
        status: Some("its packets carry no status"),
        reserve: "Linux has no reserve objects",
        named: "",
    };

    /// Why the backend cannot do an operation of this program, if it cannot.
    pub fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        let refused = self
            .lacks_all_of(op)
            .or_else(|| self.lacks_a_part_of(program, op));
        refused.map_or(Ok(()), |why| Err(why.to_owned()))
    }

    /// Why it has no such operation, whatever is asked of it.
    fn lacks_all_of(&self, op: Op) -> Option<&'static str> {
        let verb = op.verb();
        let named = self.lacks.iter().find(|(verbs, _)| verbs.contains(&verb));
        match named {
            Some((_, why)) => Some(why),
            None if op.is_alertable() => Some(self.alertable),
            None if op.is_portable() || self.own.contains(&verb) => None,
            None => Some(self.lacks_the_rest),
        }
    }

    /// Why it cannot do what is asked of an operation that it has.
    fn lacks_a_part_of(&self, program: &Program, op: Op) -> Option<&'static str> {
        if op.keeps() && self.keeps.is_some() {
            return self.keeps;
        }
        if let Op::Get { min, min_wait, .. } = op {
            return (self.minimum.filter(|_| min.is_some()))
                .or(self.minimum_wait.filter(|_| min_wait.is_some()));
        }
        if let Op::Create { port, .. } = op {
            return program.ports[port.index()].named.then_some(self.named);
        }
        let Op::Post {
            packet,
            may_fail,
            reserve,
            ..
        } = op
        else {
            return None;
        };
        let carries_status = program.packets[packet.index()].status != 0;
        let status = self.status.filter(|_| carries_status);
        let memory = may_fail.then_some(MEMORY);
        status.or(memory).or(reserve.map(|_| self.reserve))
    }
}
