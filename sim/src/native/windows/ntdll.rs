//! Calls that have no Win32 name: ports with names, reserve objects, wait completion packets.
//!
//! Some systems do not export all of them. So those are looked up when a program asks for one, and what is missing is
//! a reason why the program is not played.

use std::ffi::CStr;
use std::mem::transmute_copy;
use std::ptr::{null, null_mut};

use portsim_model::op::Noun;
use portsim_model::ops_of;
use portsim_model::program::{Op, Packet, Program, Reserve};
use windows_sys::Win32::Foundation::{FARPROC, HANDLE, UNICODE_STRING};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};

use super::handles::{NAME, Owned, answer_of_nt};
use crate::native::backend::Failure;
use crate::trace::Answer;

/// OBJ_OPENIF: what is there under the name is opened.
const OPEN_IF: u32 = 0x80;
/// STATUS_OBJECT_NAME_EXISTS: it was there.
const NAME_EXISTS: i32 = 0x4000_0000;
/// IO_COMPLETION_ALL_ACCESS, which WaitCompletionPackets have too as far as is needed.
const ALL_ACCESS: u32 = 0x001f_0003;
/// GENERIC_ALL.
const ALL: u32 = 0x1000_0000;

/// OBJECT_ATTRIBUTES.
#[repr(C)]
struct Attributes {
    len: u32,
    root: HANDLE,
    name: *const UNICODE_STRING,
    flags: u32,
    security: *const u8,
    quality: *const u8,
}

// SAFETY: who calls it gives a place for a handle, and attributes or NULL.
type AllocateReserve = unsafe extern "system" fn(*mut HANDLE, *const Attributes, u32) -> i32;
// SAFETY: who calls it gives numbers only.
type SetWithReserve = unsafe extern "system" fn(HANDLE, HANDLE, usize, usize, i32, usize) -> i32;
type Routine = extern "system" fn(usize, usize, usize);
// SAFETY: who calls it gives a routine that takes any numbers.
type QueueWithReserve =
    unsafe extern "system" fn(HANDLE, HANDLE, Option<Routine>, usize, usize, usize) -> i32;
// SAFETY: who calls it gives a place for a handle, and attributes or NULL.
type CreatePacket = unsafe extern "system" fn(*mut HANDLE, u32, *const Attributes) -> i32;
// SAFETY: who calls it gives a place for one byte, or NULL.
type AssociatePacket =
    unsafe extern "system" fn(HANDLE, HANDLE, HANDLE, usize, usize, i32, usize, *mut u8) -> i32;
// SAFETY: who calls it gives numbers only.
type CancelPacket = unsafe extern "system" fn(HANDLE, u8) -> i32;

const ALLOCATE_RESERVE: &CStr = c"NtAllocateReserveObject";
const SET_WITH_RESERVE: &CStr = c"NtSetIoCompletionEx";
const QUEUE_WITH_RESERVE: &CStr = c"NtQueueApcThreadEx";
const CREATE_PACKET: &CStr = c"NtCreateWaitCompletionPacket";
const ASSOCIATE_PACKET: &CStr = c"NtAssociateWaitCompletionPacket";
const CANCEL_PACKET: &CStr = c"NtCancelWaitCompletionPacket";

// SAFETY: the system exports a function of this signature under this name, as its documentation of native calls has
// it; no header that is used here does.
#[link(name = "ntdll")]
unsafe extern "system" {
    /// Makes a port, which may have a name, or opens it.
    fn NtCreateIoCompletion(
        port: *mut HANDLE,
        access: u32,
        attributes: *const Attributes,
        concurrency: u32,
    ) -> i32;
}

/// A function of ntdll, of a signature that this does not say. It stays: nobody unloads ntdll.
pub fn exported(name: &CStr) -> FARPROC {
    // SAFETY: the name ends in 0 and stays. Every program has ntdll, and the handle is not ours to close.
    let ntdll = unsafe { GetModuleHandleA(c"ntdll.dll".as_ptr().cast()) };
    // SAFETY: the name ends in 0 and is borrowed until the call is over.
    unsafe { GetProcAddress(ntdll, name.as_ptr().cast()) }
}

/// Why a call cannot be made here, if it cannot: the first name that is not exported.
pub fn refused(op: Op) -> Option<String> {
    let names: &[&CStr] = match op {
        Op::Post {
            reserve: Some(_), ..
        } => &[ALLOCATE_RESERVE, SET_WITH_RESERVE],
        Op::Apc { special: true, .. } => {
            return Some("special APCs are not made here: Wine has none that are known".to_owned());
        }
        Op::Apc {
            reserve: Some(_), ..
        } => &[ALLOCATE_RESERVE, QUEUE_WITH_RESERVE],
        Op::WaitPacket { .. } => &[CREATE_PACKET, ASSOCIATE_PACKET],
        Op::CancelWaitPacket { .. } => &[CREATE_PACKET, CANCEL_PACKET],
        ops_of!(ports, port_handles, objects, threads, apcs, variables) => &[],
        ops_of!(files, jobs, sources, event_ports, rings, kqueues) => &[],
    };
    let is_missing = |name: &&&CStr| exported(name).is_none();
    let missing = names.iter().find(is_missing)?;
    Some(format!(
        "the ntdll of this system exports no {}",
        missing.to_string_lossy()
    ))
}

/// Reserve objects and wait completion packets of a run.
pub struct Natives {
    reserves: Vec<Owned>,
    packets: Vec<Owned>,
}

impl Natives {
    /// Those that a program uses.
    pub fn new(program: &Program) -> Result<Natives, Failure> {
        let reserve = |kind: &Reserve| {
            let kind = match kind {
                Reserve::Apc => 0,
                Reserve::Port => 1,
            };
            // SAFETY: this is its type.
            let allocate: AllocateReserve = unsafe { wanted(ALLOCATE_RESERVE) }?;
            let mut made = null_mut();
            // SAFETY: the handle goes to a place of ours before the call is over; a reserve may have no attributes.
            let status = unsafe { allocate(&mut made, null(), kind) };
            // SAFETY: if it was made it is new.
            unsafe { made_by(ALLOCATE_RESERVE, status, made) }
        };
        let packet = |_| {
            // SAFETY: this is its type.
            let create: CreatePacket = unsafe { wanted(CREATE_PACKET) }?;
            let mut made = null_mut();
            // SAFETY: the handle goes to a place of ours before the call is over; a packet may have no attributes.
            let status = unsafe { create(&mut made, ALL, null()) };
            // SAFETY: if it was made it is new.
            unsafe { made_by(CREATE_PACKET, status, made) }
        };
        let asks = |which: fn(Noun<'_>) -> bool| {
            let names = |mut op: Op| op.describe().nouns().any(which);
            program.ops().any(names)
        };
        let is_reserve = |noun: Noun<'_>| matches!(noun, Noun::Reserve(_));
        let is_packet = |noun: Noun<'_>| matches!(noun, Noun::WaitPacket(..));
        Ok(Natives {
            reserves: match asks(is_reserve) {
                true => program
                    .reserves
                    .iter()
                    .map(reserve)
                    .collect::<Result<_, _>>()?,
                false => Vec::new(),
            },
            packets: match asks(is_packet) {
                true => (0..program.wait_packets)
                    .map(packet)
                    .collect::<Result<_, _>>()?,
                false => Vec::new(),
            },
        })
    }

    /// NtSetIoCompletionEx.
    pub fn post(&self, port: HANDLE, reserve: usize, packet: Packet) -> Result<Answer, Failure> {
        // SAFETY: this is its type.
        let set: SetWithReserve = unsafe { wanted(SET_WITH_RESERVE) }?;
        let (status, bytes) = (packet.status as i32, packet.bytes as usize);
        let reserve = self.reserves[reserve].raw();
        let (key, overlapped) = (packet.key as usize, packet.overlapped as usize);
        // SAFETY: the call takes numbers only. The reserve is open, and a port that is closed is an error.
        let status = unsafe { set(port, reserve, key, overlapped, status, bytes) };
        Ok(answer_of_nt(status))
    }

    /// NtQueueApcThreadEx.
    pub fn apc(&self, thread: HANDLE, reserve: usize) -> Result<Answer, Failure> {
        // SAFETY: this is its type.
        let queue: QueueWithReserve = unsafe { wanted(QUEUE_WITH_RESERVE) }?;
        let reserve = self.reserves[reserve].raw();
        // SAFETY: thread and reserve are open. The procedure takes any numbers, and is there as long as the program is.
        let status = unsafe { queue(thread, reserve, Some(nothing), 0, 0, 0) };
        Ok(answer_of_nt(status))
    }

    /// NtAssociateWaitCompletionPacket; whether its target was signaled already is the value of the answer.
    pub fn associate(
        &self,
        which: usize,
        port: HANDLE,
        target: HANDLE,
        packet: Packet,
    ) -> Result<Answer, Failure> {
        // SAFETY: this is its type.
        let associate: AssociatePacket = unsafe { wanted(ASSOCIATE_PACKET) }?;
        let mut signaled = 0;
        // SAFETY: whether it was signaled goes to a place of ours before the call is over, and all else is numbers. The
        // packet is open; a port or target that is closed is an error.
        let status = unsafe {
            associate(
                self.packets[which].raw(),
                port,
                target,
                packet.key as usize,
                packet.overlapped as usize,
                packet.status as i32,
                packet.bytes as usize,
                &mut signaled,
            )
        };
        Ok(match answer_of_nt(status) {
            Answer::Done => Answer::Value(i64::from(signaled != 0)),
            answer => answer,
        })
    }

    /// NtCancelWaitCompletionPacket.
    pub fn cancel(&self, which: usize, remove: bool) -> Result<Answer, Failure> {
        // SAFETY: this is its type.
        let cancel: CancelPacket = unsafe { wanted(CANCEL_PACKET) }?;
        // SAFETY: the call takes no pointer, and the packet is open.
        let status = unsafe { cancel(self.packets[which].raw(), u8::from(remove)) };
        Ok(answer_of_nt(status))
    }
}

/// NtCreateIoCompletion with a name: the handle, and whether it was there.
pub fn create_named(name: &str, concurrency: u32) -> Result<(Owned, bool), Failure> {
    let name: Vec<u16> = name.encode_utf16().collect();
    let bytes = size_of_val(&name[..]) as u16;
    let name = UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes,
        Buffer: name.as_ptr().cast_mut(),
    };
    let attributes = Attributes {
        len: size_of::<Attributes>() as u32,
        root: null_mut(),
        name: &name,
        flags: OPEN_IF,
        security: null(),
        quality: null(),
    };
    let mut made = null_mut();
    // SAFETY: the name is as long as it says. It and the attributes live until the call is over, and the handle goes
    // to a place of ours before that.
    let status = unsafe { NtCreateIoCompletion(&mut made, ALL_ACCESS, &attributes, concurrency) };
    // SAFETY: if it was made it is new.
    let port = unsafe { made_by(c"NtCreateIoCompletion", status, made) }?;
    Ok((port, status == NAME_EXISTS))
}

/// A call that programs which need it are refused without.
///
/// # Safety
///
/// `F` is the type of a pointer to a function with the signature that the system's documentation has under this name.
unsafe fn wanted<F: Copy>(name: &CStr) -> Result<F, Failure> {
    const { assert!(size_of::<F>() == size_of::<FARPROC>()) };
    let found = exported(name).ok_or_else(|| wrong(name, "it is not exported".to_owned()))?;
    // SAFETY: `F` is a pointer to a function too, and so as long; that it fits this one is as the caller says.
    Ok(unsafe { transmute_copy(&found) })
}

/// What a call has made, unless it failed.
///
/// # Safety
///
/// The call failed, or the handle is as for [`Owned::new`].
unsafe fn made_by(name: &CStr, status: i32, made: HANDLE) -> Result<Owned, Failure> {
    match status {
        // SAFETY: it did not fail, so the rest is as the caller says.
        0.. => Ok(unsafe { Owned::new(made) }),
        status => Err(wrong(name, format!("NTSTATUS 0x{status:08x}"))),
    }
}

fn wrong(name: &CStr, why: String) -> Failure {
    let error = std::io::Error::other(why);
    Failure::new(NAME, &name.to_string_lossy(), error)
}

/// An asynchronous procedure: that it ran is all that is asked.
extern "system" fn nothing(_: usize, _: usize, _: usize) {}
