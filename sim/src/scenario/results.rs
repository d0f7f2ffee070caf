//! The results that the operations of a code leave: found before anything is compiled, because
//! expressions may speak of them from anywhere.

use portsim_model::program::{BATCH_MAX, SLOTS_MAX};
use portsim_model::results::NUMBER_ROOM;

use super::directory::{Directory, SlotName};
use super::place::{Complaint, Place};
use super::wire::{Get, Op};

/// Adds the results of a list of operations to those of its code.
pub(super) fn collect(
    ops: &[Op],
    slots: &mut Vec<SlotName>,
    directory: &Directory,
    place: &Place<'_>,
) -> Result<(), Complaint> {
    for (n, op) in ops.iter().enumerate() {
        let place = &place.index(n);
        let (into, packets_max, number) = match op {
            Op::Get(get) => {
                if get.keeps {
                    check_keeps(get, place)?;
                }
                let packets_max = batch(get.max, &place.field("max"))?;
                if get.min.is_some() && get.max.is_none() {
                    return Err(place
                        .field("min")
                        .complain("only a call with \"max\" takes it"));
                }
                check_min_wait(get, place)?;
                (&get.into, packets_max, u8::from(get.max == Some(0)))
            }
            Op::If(branch) => {
                collect(&branch.then, slots, directory, &place.field("then"))?;
                let otherwise = branch.otherwise.as_deref().unwrap_or_default();
                collect(otherwise, slots, directory, &place.field("else"))?;
                continue;
            }
            Op::Each(each) => {
                collect(&each.body, slots, directory, &place.field("do"))?;
                continue;
            }
            Op::Loop(body) => {
                collect(&body.body, slots, directory, &place.field("loop"))?;
                continue;
            }
            Op::Either(either) => {
                for (n, branch) in either.branches.iter().enumerate() {
                    collect(branch, slots, directory, &place.field("either").index(n))?;
                }
                continue;
            }
            Op::Swap(it) => (&it.into, 0, NUMBER_ROOM),
            Op::CompareSwap(it) => (&it.into, 0, NUMBER_ROOM),
            Op::Add(it) => (&it.into, 0, NUMBER_ROOM),
            Op::Start(it) => (&it.into, 0, 1),
            Op::Peek(it) => (&it.into, 0, 1),
            Op::Query(it) => (&it.into, 0, 1),
            Op::Create(it) => (&it.into, 0, 1),
            Op::WaitPacket(it) => (&it.into, 0, 1),
            Op::PortSendn(it) => (&it.into, 0, 1),
            Op::Post(it) => (&it.into, 0, 0),
            Op::Close(it) => (&it.into, 0, 0),
            Op::Block(it) => (&it.into, 0, 0),
            Op::Join(it) => (&it.into, 0, 0),
            Op::Sleep(it) => (&it.into, 0, 0),
            Op::Duplicate(it) => (&it.into, 0, 0),
            Op::WaitHandle(it) => (&it.into, 0, 0),
            Op::Associate(it) => (&it.into, 0, 0),
            Op::Replace(it) => (&it.into, 0, 0),
            Op::Modes(it) => (&it.into, 0, 0),
            Op::Complete(it) => (&it.into, 0, 0),
            Op::Cancel(it) => (&it.into, 0, 0),
            Op::Apc(it) => (&it.into, 0, 0),
            Op::CancelWaitPacket(it) => (&it.into, 0, 0),
            Op::JobPort(it) => (&it.into, 0, 0),
            Op::JobStart(it) => (&it.into, 0, 0),
            Op::JobExit(it) => (&it.into, 0, 0),
            Op::EpollCtl(it) => (&it.into, 0, 0),
            Op::MsgRing(it) => (&it.into, 0, 0),
            Op::RingEvent(it) => (&it.into, 0, 0),
            Op::Submit(it) => (&it.into, 0, 0),
            Op::SubmitChain(it) => (&it.into, 0, 0),
            Op::PortSend(it) => (&it.into, 0, 0),
            Op::PortAlert(it) => (&it.into, 0, 0),
            Op::PortAssociate(it) => (&it.into, 0, 0),
            Op::PortDissociate(it) => (&it.into, 0, 0),
            Op::CloseSource(it) => (&it.into, 0, 0),
            Op::DuplicateSource(it) => (&it.into, 0, 0),
            Op::Kevent(it) => (&it.into, 0, 0),
            Op::Signal(_) | Op::Reset(_) | Op::Stall | Op::Yield => continue,
            Op::Suspend(_) | Op::Resume(_) | Op::Terminate(_) | Op::KernelApc(_) => continue,
            Op::Spawn(_) | Op::Exit | Op::ExitProcess | Op::Break => continue,
            Op::Set(_) | Op::Await(_) | Op::Assert(_) | Op::Note(_) => continue,
            Op::Free(_) | Op::Alloc(_) | Op::Write(_) | Op::Drain(_) => continue,
            Op::Fill(_) | Op::MakeRoom(_) => continue,
        };
        let kept = Kept {
            packets_max,
            number,
            keeps: matches!(op, Op::Get(get) if get.keeps),
            plain: matches!(op, Op::Get(get) if get.max.is_none()),
        };
        add(into.as_deref(), kept, slots, directory, place)?;
    }
    Ok(())
}

/// What a call leaves.
struct Kept {
    packets_max: u8,
    /// How much room the number needs that it answers with.
    number: u8,
    keeps: bool,
    plain: bool,
}

/// Where a result keeps what it had, it is there, and has one packet.
fn check_min_wait(get: &Get, place: &Place<'_>) -> Result<(), Complaint> {
    let problem = match (get.min_wait, get.min, get.timeout) {
        (None, ..) => return Ok(()),
        (Some(_), None, _) => "only a call with \"min\" takes it",
        (Some(0), ..) => "found 0, expected 1 or more ticks",
        (Some(_), _, Some(0)) => "a call that only looks waits for no minimum",
        (Some(_), Some(_), _) => return Ok(()),
    };
    Err(place.field("min_wait").complain(problem))
}

fn check_keeps(get: &Get, place: &Place<'_>) -> Result<(), Complaint> {
    let complain = |problem: &str| Err(place.field("keeps").complain(problem));
    if get.into.is_none() {
        return complain("there is no result to keep: name it with \"into\"");
    }
    if get.max.is_some() || get.alertable {
        return complain(
            "only a call that takes exactly one packet, and is not alertable, takes it",
        );
    }
    Ok(())
}

/// The most packets that a call takes.
fn batch(max: Option<u8>, place: &Place<'_>) -> Result<u8, Complaint> {
    match max {
        None => Ok(1),
        Some(max) if (0..=BATCH_MAX).contains(&max.into()) => Ok(max),
        Some(max) => Err(place.complain(format!(
            "found {max}, expected a whole number from 0 to {BATCH_MAX}"
        ))),
    }
}

fn add(
    into: Option<&str>,
    kept: Kept,
    slots: &mut Vec<SlotName>,
    directory: &Directory,
    place: &Place<'_>,
) -> Result<(), Complaint> {
    let Some(name) = into else {
        return Ok(());
    };
    let place = &place.field("into");
    if let Some(slot) = slots.iter_mut().find(|slot| slot.name == name) {
        slot.packets_max = slot.packets_max.max(kept.packets_max);
        slot.number = slot.number.max(kept.number);
        slot.keeps |= kept.keeps;
        slot.plain &= kept.plain;
        if slot.keeps && !slot.plain {
            return Err(place.complain(format!(
                "{name:?} keeps what the last packet had: only a `get` without \"max\" can leave its result there"
            )));
        }
        return Ok(());
    }
    directory.check_new(name, place)?;
    if slots.len() == SLOTS_MAX {
        return Err(place.complain(format!(
            "a thread can name at most {SLOTS_MAX} different results; give calls the same name again"
        )));
    }
    slots.push(SlotName {
        name: name.to_owned(),
        packets_max: kept.packets_max,
        number: kept.number,
        keeps: kept.keeps,
        plain: kept.plain,
    });
    Ok(())
}
