//! The results that the operations of a code leave: found before anything is compiled, because
//! expressions may speak of them from anywhere.

use portsim_model::program::{BATCH_MAX, SLOTS_MAX};

use super::directory::{Directory, SlotName};
use super::place::{Complaint, Place};
use super::wire::Op;

/// Adds the results of a list of operations to those of its code.
pub(super) fn collect(
    ops: &[Op],
    slots: &mut Vec<SlotName>,
    directory: &Directory,
    place: &Place<'_>,
) -> Result<(), Complaint> {
    for (n, op) in ops.iter().enumerate() {
        let place = &place.index(n);
        let (into, packets_max, has_value) = match op {
            Op::Get(get) => {
                let packets_max = batch(get.max, &place.field("max"))?;
                if get.min.is_some() && get.max.is_none() {
                    return Err(place
                        .field("min")
                        .complain("only a call with \"max\" takes it"));
                }
                (&get.into, packets_max, get.max == Some(0))
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
            Op::Swap(it) => (&it.into, 0, true),
            Op::CompareSwap(it) => (&it.into, 0, true),
            Op::Add(it) => (&it.into, 0, true),
            Op::Start(it) => (&it.into, 0, true),
            Op::Query(it) => (&it.into, 0, true),
            Op::Create(it) => (&it.into, 0, true),
            Op::WaitPacket(it) => (&it.into, 0, true),
            Op::PortSendn(it) => (&it.into, 0, true),
            Op::Post(it) => (&it.into, 0, false),
            Op::Close(it) => (&it.into, 0, false),
            Op::Block(it) => (&it.into, 0, false),
            Op::Sleep(it) => (&it.into, 0, false),
            Op::Duplicate(it) => (&it.into, 0, false),
            Op::WaitHandle(it) => (&it.into, 0, false),
            Op::Associate(it) => (&it.into, 0, false),
            Op::Replace(it) => (&it.into, 0, false),
            Op::Modes(it) => (&it.into, 0, false),
            Op::Complete(it) => (&it.into, 0, false),
            Op::Cancel(it) => (&it.into, 0, false),
            Op::Apc(it) => (&it.into, 0, false),
            Op::CancelWaitPacket(it) => (&it.into, 0, false),
            Op::JobPort(it) => (&it.into, 0, false),
            Op::JobStart(it) => (&it.into, 0, false),
            Op::JobExit(it) => (&it.into, 0, false),
            Op::EpollCtl(it) => (&it.into, 0, false),
            Op::MsgRing(it) => (&it.into, 0, false),
            Op::Submit(it) => (&it.into, 0, false),
            Op::PortSend(it) => (&it.into, 0, false),
            Op::PortAlert(it) => (&it.into, 0, false),
            Op::PortAssociate(it) => (&it.into, 0, false),
            Op::PortDissociate(it) => (&it.into, 0, false),
            Op::CloseSource(it) => (&it.into, 0, false),
            Op::Kevent(it) => (&it.into, 0, false),
            Op::Signal(_) | Op::Reset(_) | Op::Stall | Op::Yield => continue,
            Op::Suspend(_) | Op::Resume(_) | Op::Terminate(_) | Op::KernelApc(_) => continue,
            Op::Spawn(_) | Op::Exit | Op::ExitProcess | Op::Break => continue,
            Op::Set(_) | Op::Await(_) | Op::Assert(_) | Op::Note(_) => continue,
            Op::Free(_) | Op::Alloc(_) | Op::Write(_) | Op::Drain(_) => continue,
        };
        let kept = Kept {
            packets_max,
            has_value,
            is_wide: matches!(op, Op::Swap(_) | Op::CompareSwap(_) | Op::Add(_)),
        };
        add(into.as_deref(), kept, slots, directory, place)?;
    }
    Ok(())
}

/// What a call leaves.
struct Kept {
    packets_max: u8,
    has_value: bool,
    is_wide: bool,
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
        slot.has_value |= kept.has_value;
        slot.is_wide |= kept.is_wide;
        return Ok(());
    }
    directory.check_new(name, place)?;
    if slots.len() == SLOTS_MAX {
        return Err(place.complain(format!(
            "a thread can name at most {SLOTS_MAX} different results"
        )));
    }
    slots.push(SlotName {
        name: name.to_owned(),
        packets_max: kept.packets_max,
        has_value: kept.has_value,
        is_wide: kept.is_wide,
    });
    Ok(())
}
