//! What a system with NT's calls says itself: the claims of the rules that it shares, and where it differs.

use crate::claim::Claim;
use crate::contract::Personality;
use crate::event::{Observer, Outcome};
use crate::program::{CANCELLED, OperationId, PacketId, PortId, Program, ResultId, ThreadId};
use crate::turn::Turn;

/// A system with NT's calls.
pub(in super::super) trait Nt: Personality {
    /// The claims of the rules that are shared.
    const RULES: &'static Rules;

    /// A packet comes to a port.
    fn inserts<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        port: PortId,
        packet: PacketId,
        how: Insert,
    );

    /// An asynchronous procedure call was queued to a thread, which runs it if it waits for one.
    fn interrupts<O: Observer>(&self, turn: &mut Turn<'_, O>, target: ThreadId);

    /// The claim that an operation which ends in its call, not with an error, leaves no packet on a file that skips
    /// those of success; none where it leaves one.
    fn skips(&self, status: u32) -> Option<&'static Claim>;

    /// What a call says whose operation has ended in it.
    fn says_in_call<O: Observer>(
        &self,
        _: &mut Turn<'_, O>,
        result: ResultId,
        _left_packet: bool,
    ) -> Outcome {
        Outcome::Io(result)
    }

    /// Whether the status block of an operation that leaves a packet and has no event is written only when the packet is
    /// removed.
    fn writes_late<O: Observer>(&self, _: &mut Turn<'_, O>) -> bool {
        false
    }

    /// How an operation ends whose cancel succeeds.
    fn cancelled<O: Observer>(&self, turn: &mut Turn<'_, O>, _: OperationId) -> End {
        End::cancelled(turn.program)
    }

    /// How an operation ends because its process closed its last handle while another process has one.
    fn cancelled_by_close(&self, program: &Program) -> End {
        End::cancelled(program)
    }

    /// What CancelIoEx on a whole file says when it finds nothing.
    fn cancels_nothing<O: Observer>(&self, turn: &mut Turn<'_, O>) -> Outcome;

    /// What CancelIo says when it finds nothing.
    fn cancels_nothing_of_mine<O: Observer>(&self, _: &mut Turn<'_, O>) -> Outcome {
        Outcome::Done
    }

    /// A file that is closed lets go of its port.
    fn file_leaves<O: Observer>(&self, _: &mut Turn<'_, O>, _: PortId) {}
}

/// The claims of the rules that systems with NT's calls share.
pub(in super::super) struct Rules {
    pub closed_handle: &'static Claim,
    pub query: &'static Claim,
    pub associate_once: &'static Claim,
    pub associate_retroactive: &'static Claim,
    pub associate_signals: &'static Claim,
    pub shared_by_duplicates: &'static Claim,
    pub modes_accumulate: &'static Claim,
    pub close_file_other_handle: &'static Claim,
    pub close_file_pending: &'static Claim,
    pub close_file_idle: &'static Claim,
    pub apc_io_refused: &'static Claim,
    pub apc_io_pending: &'static Claim,
    pub no_overlapped: &'static Claim,
    pub low_bit: &'static Claim,
    pub no_port: &'static Claim,
    pub skip_event: &'static Claim,
    pub immediate_success: &'static Claim,
    pub immediate_warning: &'static Claim,
    pub immediate_error: &'static Claim,
    pub pending_error: &'static Claim,
    pub io_contents: &'static Claim,
    pub event_set: &'static Claim,
    pub start_resets: &'static Claim,
    pub cancel_one_packet: &'static Claim,
    pub cancel_nothing: &'static Claim,
    pub cancel_mine: &'static Claim,
    pub job_messages: &'static Claim,
    pub job_new: &'static Claim,
    pub job_once: &'static Claim,
    pub job_nested: &'static Claim,
    pub job_exit: &'static Claim,
    /// What only some of them have.
    pub some: SomeRules,
}

/// The claims of rules that not every system with NT's calls has.
pub(in super::super) struct SomeRules {
    pub named: Option<&'static Claim>,
    pub several_handles: Option<&'static Claim>,
    pub associate_null_file: Option<&'static Claim>,
    pub associate_sync: Option<&'static Claim>,
    pub modes_sync: Option<&'static Claim>,
    pub close_file_other_process: Option<&'static Claim>,
    pub process_exit: Option<&'static Claim>,
    pub sync_waits: Option<&'static Claim>,
    pub completion_order: Option<&'static Claim>,
    pub iosb_late: Option<&'static Claim>,
    pub job_null: Option<&'static Claim>,
    pub skip_warning: Option<&'static Claim>,
}

/// How a packet comes to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Insert {
    /// The newest waiter may have it.
    AsAnyone,
    /// It is queued, because the thread that brings it looks as if it waited.
    AsWaiter,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct End {
    pub result: ResultId,
    /// In the call that issued it.
    pub in_call: bool,
    /// Whether the status block is written only when the packet is removed, if there is one; none where that is open.
    pub late: Option<bool>,
    pub insert: Insert,
}

impl End {
    /// An operation that was pending ends.
    pub(in super::super) fn later(result: ResultId) -> End {
        End {
            result,
            in_call: false,
            late: None,
            insert: Insert::AsAnyone,
        }
    }

    /// An operation that was pending is cancelled.
    pub(in super::super) fn cancelled(program: &Program) -> End {
        let cancelled = program.results.iter().position(|it| *it == CANCELLED);
        End::later(ResultId(
            cancelled.expect("a program with files has it") as u8
        ))
    }
}
