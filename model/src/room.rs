//! What an operation puts into ports by itself, and so needs room for there.

use alloc::vec::Vec;

use crate::op::{Messages, Noun, Role};
use crate::program::{FileId, Op, PortId, Program};

/// Room that an operation needs in a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The port.
    pub port: PortId,
    /// The most packets that come to it.
    pub packets: usize,
    /// Whether they are messages of jobs. Their room is kept beside the room of what is posted.
    pub messages: bool,
}

impl Op {
    /// The room that it needs, each port once. What comes of it later is not meant, such as the packet of an operation
    /// that it starts.
    pub fn room_needed(mut self, program: &Program) -> Vec<Room> {
        let description = self.describe();
        let messages = most(description.messages, program);
        let mut rooms: Vec<Room> = Vec::new();
        for port in description
            .nouns()
            .flat_map(|noun| posted_to(&noun, program))
        {
            match rooms.iter_mut().find(|room| room.port == port) {
                Some(room) => room.packets += 1,
                None => rooms.push(Room {
                    port,
                    packets: 1,
                    messages: false,
                }),
            }
        }
        for binding in program.job_bindings.iter().filter(|_| messages > 0) {
            let room = Room {
                port: binding.port,
                packets: messages,
                messages: true,
            };
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        rooms
    }
}

/// The ports that get one packet each.
fn posted_to(noun: &Noun<'_>, program: &Program) -> Vec<PortId> {
    match *noun {
        Noun::Port(port, Role::Posts) => Vec::from([port]),
        Noun::Ports(list, Role::Posts) => program.port_lists[usize::from(list)].clone(),
        Noun::Burst(burst, Role::Ends) => reported_to(burst, program),
        // The ring is named besides, once.
        Noun::Chain(chain) => {
            let chain = &program.chains[usize::from(chain)];
            alloc::vec![chain.port; chain.linked.len() - 1]
        }
        _ => Vec::new(),
    }
}

/// The ports to which operations report that a device may serve here, and which go on behind that.
fn reported_to(burst: u16, program: &Program) -> Vec<PortId> {
    let served = program.bursts[usize::from(burst)].iter();
    let mut files: Vec<_> = served
        .map(|id| program.operations[id.index()].file)
        .collect();
    files.dedup();
    let goes_on = |file: &FileId| {
        let mut operations = program.operations.iter();
        operations.any(|it| it.file == *file && it.multishot)
    };
    let bindings = files
        .into_iter()
        .filter(goes_on)
        .filter_map(|file| program.files[file.index()].binding);
    bindings
        .map(|binding| program.bindings[binding.index()].port)
        .collect()
}

fn most(messages: Messages, program: &Program) -> usize {
    match messages {
        Messages::None => 0,
        Messages::OfJobs(each) => each * program.jobs.len(),
        Messages::OfProcesses => program.pids.len(),
    }
}
