//! What systems with NT's calls share: the port as an object with handles, files, operations, jobs. What a system does
//! differently, and the claims that it follows, it says itself: `rules`.

pub(super) mod files;
pub(super) mod jobs;
pub(super) mod operations;
pub(super) mod port;
pub(super) mod rules;

use crate::program::Verb;

/// The methods of a personality that are the same for all systems with NT's calls.
macro_rules! shared_calls {
    () => {
        fn create<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
            nt::port::create(self, turn, me, port);
        }

        fn duplicate_port<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
            nt::port::duplicate_port(self, turn, me, port);
        }

        fn query<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, port: PortId) {
            nt::port::query(self, turn, me, port);
        }

        fn associate<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            binding: Option<BindingId>,
        ) {
            nt::files::associate_file(self, turn, me, binding);
        }

        fn set_modes<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            file: FileId,
            modes: Modes,
        ) {
            nt::files::set_modes(self, turn, me, file, modes);
        }

        fn duplicate_file<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            file: FileId,
            process: Option<ProcessId>,
        ) {
            nt::files::duplicate_file(self, turn, me, file, process);
        }

        fn close_file<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, file: FileId) {
            nt::files::close_file(self, turn, me, file);
        }

        fn start<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            operation: OperationId,
            now: Option<ResultId>,
        ) {
            nt::operations::start(self, turn, me, operation, now);
        }

        fn cancel<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            operation: OperationId,
            mine: bool,
        ) {
            nt::operations::cancel(self, turn, me, operation, mine);
        }

        fn set_freed<O: Observer>(
            &self,
            turn: &mut Turn<'_, O>,
            me: ThreadId,
            operation: OperationId,
            freed: bool,
        ) {
            nt::operations::set_freed(turn, me, operation, freed);
        }
    };
}
pub(super) use shared_calls;

/// The operations on wait completion packets.
pub(super) const WAIT_PACKETS: &[Verb] = &[Verb::WaitPacket, Verb::CancelWaitPacket];

/// The operations of epoll, which systems with NT's calls lack.
pub(super) const EPOLL: &[Verb] = &[Verb::EpollCtl, Verb::Write, Verb::Drain];
