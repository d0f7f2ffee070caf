//! Windows: a port is an I/O completion port, and every call is the Win32 call of its name.
//!
//! The program runs wherever the Win32 interface is: on Windows, or under Wine, which the backend then says in
//! its name for itself (`wine-8`), because another system is a thing of its own.
//!
//! - [`world`] is one run: it makes every call, with [`ports`], [`objects`] and what else there is.
//! - [`threads`] are looked at from outside, and brought home in the end; [`stops`] is how others suspend and end them, where
//!   they hold nothing.
//! - [`files`] are pipes, with a device at their other end, and [`requests`] what pends on them; [`refusals`] says
//!   what a pipe cannot show.
//! - [`jobs`] have processes that never run.
//! - [`ntdll`] has the calls that no Win32 name stands for; [`handles`] is what all of it is made of.

mod files;
mod handles;
mod jobs;
mod ntdll;
mod objects;
mod ports;
mod refusals;
mod requests;
mod stops;
mod threads;
mod world;

use std::sync::Arc;
use std::time::Duration;

use portsim_model::ops_of;
use portsim_model::program::{Object, ObjectId, Op, Packet, Program, ThreadId, Whose};

use crate::native::backend::{Backend, Failure};
use crate::native::parked::Probe;
use crate::native::parked_windows::wine_version;
use crate::native::world::World;
use handles::NAME;
use world::WindowsWorld;

/// The backend `windows`.
pub struct Windows;

impl Backend for Windows {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plays(&self) -> String {
        match wine_version() {
            None => NAME.to_owned(),
            Some(version) => {
                let major = version.split(['.', '-', ' ']).next().unwrap_or_default();
                format!("wine-{major}")
            }
        }
    }

    fn available(&self) -> Result<(), String> {
        let probe = Probe::of_this_thread();
        probe
            .map(drop)
            .map_err(|error| format!("nothing shows what a thread waits for: {error}"))
    }

    fn supports(&self, program: &Program, op: Op) -> Result<(), String> {
        match op {
            Op::Get { min: Some(_), .. } => {
                Err("a batch takes what is there, and waits for no more".into())
            }
            Op::Post { packet, .. } if !fits(program.packets[packet.index()]) => {
                Err("the Win32 calls carry 32 bits of bytes".into())
            }
            Op::Post {
                may_fail: true,
                reserve: None,
                ..
            } => Err("nobody can make memory scarce here".into()),
            Op::Suspend { thread } if suspends_itself(program, thread) => Err(
                "a thread that suspends itself comes back from the call when it is resumed".into(),
            ),
            Op::Get { .. } | Op::Close { .. } | Op::Create { .. } | Op::JobPort { .. } => Ok(()),
            Op::Suspend { .. } | Op::Resume { .. } | Op::Terminate { .. } => Ok(()),
            Op::Join { object, .. } if is_process(program, object) => Err(PROCESS_HERE.into()),
            Op::WaitPacket { target, .. } if is_process(program, target) => {
                Err(PROCESS_HERE.into())
            }
            Op::Spawn { .. } | Op::Exit | ops_of!(port_handles, objects) => Ok(()),
            Op::Set { .. } | Op::Test { .. } | Op::Await { .. } | Op::Assert { .. } => Ok(()),
            Op::Swap { .. } | Op::Add { .. } | Op::CompareSwap { .. } => Ok(()),
            Op::PostComputed { .. } | Op::Note(_) => Ok(()),
            Op::Post { .. } | Op::Apc { .. } | ops_of!(wait_packets) => {
                ntdll::refused(op).map_or(Ok(()), Err)
            }
            Op::JobStart { job, pid, .. } | Op::JobExit { job, pid, .. } => {
                jobs::refused(program, job, pid).map_or(Ok(()), |why| Err(why.into()))
            }
            Op::Free { .. } | Op::Alloc { .. } | ops_of!(files) => {
                refusals::refused(program, op).map_or(Ok(()), |why| Err(why.into()))
            }
            Op::ExitProcess => {
                Err("the end of a process would take whoever looks at it with it".into())
            }
            Op::KernelApc { .. } => Err("only a driver can interrupt the wait of a thread".into()),
            ops_of!(sources, event_ports, rings, kqueues) => Err("Windows has no such call".into()),
        }
    }

    fn world(&self, program: &Program, tick: Duration) -> Result<Option<Arc<dyn World>>, Failure> {
        Ok(Some(Arc::new(WindowsWorld::new(program, tick)?)))
    }
}

fn fits(packet: Packet) -> bool {
    u32::try_from(packet.bytes).is_ok()
}

const PROCESS_HERE: &str = "this version plays one process here, whose end nobody would see";

/// Whether an object stands for the end of a process.
fn is_process(program: &Program, object: ObjectId) -> bool {
    matches!(
        program.objects[object.index()],
        Object::End(Whose::Process(_))
    )
}

/// Whether some code suspends the thread that runs it.
fn suspends_itself(program: &Program, thread: ThreadId) -> bool {
    let suspends = |op| op == Op::Suspend { thread };
    program.code(thread).ops().any(suspends)
}
