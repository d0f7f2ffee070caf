//! What each operation asks for: of all systems alike, or of the personality.

use super::Machine;
use super::take::Update;
use crate::contract::Personality;
use crate::control::SlotPlace;
use crate::event::{Observer, Outcome};
use crate::expr::eval;
use crate::objects;
use crate::program::{Get, Op, Post, ThreadId};
use crate::threads::Mode;
use crate::turn::Turn;

impl<P: Personality> Machine<P> {
    /// An operation of a thread; its result is cleared when it starts, unless it keeps what was there.
    #[inline(always)]
    pub(super) fn call<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        op: &Op,
        into: Option<SlotPlace>,
    ) {
        if let Op::PostComputed { computed, .. } = *op {
            return self.post_computed(turn, me, *op, computed);
        }
        turn.observer.call(me, *op);
        if let Some(into) = into
            && !op.keeps()
        {
            turn.store(me, into, None);
        }
        let own = &self.personality;
        if self.frame.layout.parts.last_error != 0 {
            turn.by_some(own.about().last_error);
        }
        match *op {
            Op::Get {
                port,
                into,
                timeout,
                max,
                min,
                min_wait,
                alertable,
                keeps: _,
            } => {
                let get = Get {
                    port,
                    into,
                    timeout,
                    max,
                    min,
                    min_wait,
                    alertable,
                };
                own.get(turn, me, get);
            }
            Op::Post {
                port,
                packet,
                may_fail,
                reserve,
                ..
            } => {
                let post = Post {
                    port,
                    packet,
                    may_fail,
                    reserve,
                };
                own.post(turn, me, post);
            }
            Op::PostComputed { .. } => unreachable!("it is the post that it comes to"),
            Op::Close { port, .. } => own.close(turn, me, port),
            Op::Create { port, .. } => own.create(turn, me, port),
            Op::DuplicatePort { port, .. } => own.duplicate_port(turn, me, port),
            Op::Query { port, .. } => own.query(turn, me, port),
            Op::WaitHandle { port, timeout, .. } => own.wait_handle(turn, me, port, timeout),
            Op::Block {
                object,
                timeout,
                alertable,
                ..
            }
            | Op::Join {
                object,
                timeout,
                alertable,
                ..
            } => {
                own.turns_away(turn, me);
                objects::block(own, turn, me, object, timeout, alertable);
            }
            Op::Signal { object } => objects::signal(own, turn, me, object),
            Op::Reset { object } => objects::reset(turn, me, object),
            Op::Stall => {
                own.turns_away(turn, me);
                turn.thread(me).set_mode(Mode::Stalled);
                own.blocks(turn, me);
            }
            Op::Sleep {
                ticks, alertable, ..
            } => self.sleep(turn, me, ticks, alertable),
            Op::Yield => {
                own.yields(turn, me);
                turn.returns(me, Outcome::Done);
            }
            Op::Suspend { thread } => self.suspend(turn, me, thread),
            Op::Resume { thread } => self.resume(turn, me, thread),
            Op::Terminate { thread } => self.terminate(turn, me, thread),
            Op::Spawn { thread } => self.spawn(turn, me, thread),
            Op::Exit => {
                turn.observer.ret(me, *op, Outcome::Done);
                self.exit(turn, me);
            }
            Op::ExitProcess => {
                turn.observer.ret(me, *op, Outcome::Done);
                self.exit_process(turn, me);
            }
            Op::Apc {
                thread,
                reserve,
                special,
                ..
            } => own.queue_apc(turn, me, thread, reserve, special),
            Op::KernelApc { thread } => own.kernel_apc(turn, me, thread),
            Op::Associate { binding, .. } => own.associate(turn, me, binding),
            Op::Replace { file, binding, .. } => own.replace(turn, me, file, binding),
            Op::Modes { file, modes, .. } => own.set_modes(turn, me, file, modes),
            Op::DuplicateFile { file, process, .. } => own.duplicate_file(turn, me, file, process),
            Op::CloseFile { file, .. } => own.close_file(turn, me, file),
            Op::Start { operation, now, .. } => own.start(turn, me, operation, now),
            Op::Complete { burst, result, .. } => own.complete(turn, me, burst, result),
            Op::Cancel {
                operation, mine, ..
            } => own.cancel(turn, me, operation, mine),
            Op::CancelFile { file, mine, .. } => own.cancel_file(turn, me, file, mine),
            Op::Peek { operation, .. } => own.peek(turn, me, operation),
            Op::Free { operation } => own.set_freed(turn, me, operation, true),
            Op::Alloc { operation } => own.set_freed(turn, me, operation, false),
            Op::WaitPacket {
                wait_packet,
                port,
                target,
                packet,
                ..
            } => own.associate_wait_packet(turn, me, wait_packet, port, target, packet),
            Op::CancelWaitPacket {
                wait_packet,
                remove,
                ..
            } => own.cancel_wait_packet(turn, me, wait_packet, remove),
            Op::JobPort {
                job,
                binding,
                may_lose,
                ..
            } => own.job_port(turn, me, job, binding, may_lose),
            Op::JobStart {
                job, pid, may_lose, ..
            } => own.job_start(turn, me, job, pid, may_lose),
            Op::JobExit {
                job, pid, may_lose, ..
            } => own.job_exit(turn, me, job, pid, may_lose),
            Op::Set { first, len } => match turn.assign(me, first, len) {
                Some(()) => turn.returns(me, Outcome::Done),
                None => turn.thread(me).set_mode(Mode::Lost),
            },
            Op::Swap { set, .. } => self.update(turn, me, set, Update::Swap),
            Op::Add { set, .. } => self.update(turn, me, set, Update::Add),
            Op::CompareSwap { set, expect, .. } => {
                self.update(turn, me, set, Update::SwapIf(expect));
            }
            Op::Test { cond, otherwise } => self.test(turn, me, cond, otherwise),
            // It is there only where the condition holds, or has no value.
            Op::Await { cond } => match eval(&self.frame.program.exprs, &turn.view(), me, cond) {
                Some(_) => turn.returns(me, Outcome::Done),
                None => turn.thread(me).set_mode(Mode::Lost),
            },
            Op::Assert { cond } => match eval(&self.frame.program.exprs, &turn.view(), me, cond) {
                Some(value) if value != 0 => turn.returns(me, Outcome::Done),
                _ => turn.thread(me).set_mode(Mode::Failed),
            },
            Op::Note(_) => turn.returns(me, Outcome::Done),
            Op::EpollCtl {
                port,
                source,
                change,
                ..
            } => own.epoll_ctl(turn, me, port, source, change),
            Op::Write { source } => own.write(turn, me, source),
            Op::Drain { source } => own.drain(turn, me, source),
            Op::Fill { source } => own.fill(turn, me, source),
            Op::MakeRoom { source } => own.make_room(turn, me, source),
            Op::PortSendn { ports, packet, .. } => own.port_sendn(turn, me, ports, packet),
            Op::MsgRing { message, .. } => own.msg_ring(turn, me, message),
            Op::RingEvent { port, event, .. } => own.ring_event(turn, me, port, event),
            Op::Submit { port, request, .. } => own.submit(turn, me, port, request),
            Op::PortAlert { port, alert, .. } => own.port_alert(turn, me, port, alert),
            Op::PortAssociate {
                port,
                source,
                packet,
                ..
            } => own.port_associate(turn, me, port, source, packet),
            Op::PortDissociate { port, source, .. } => own.port_dissociate(turn, me, port, source),
            Op::CloseSource { source, .. } => own.close_source(turn, me, source),
            Op::DuplicateSource { source, .. } => own.duplicate_source(turn, me, source),
            Op::Kevent {
                port,
                source,
                change,
                ..
            } => own.kevent(turn, me, port, source, change),
        }
    }

    /// A post of what its expressions come to.
    #[inline(never)]
    fn post_computed<O: Observer>(
        &self,
        turn: &mut Turn<'_, O>,
        me: ThreadId,
        op: Op,
        computed: u16,
    ) {
        let program = &self.frame.program;
        let carried = &program.computed[usize::from(computed)];
        let packet = carried.packet(|id| eval(&program.exprs, &turn.view(), me, id));
        match packet.and_then(|packet| op.posting(packet)) {
            Some(post) => {
                let into = self.frame.layout.plan.op(me, turn.view().thread(me).pc());
                let into = into.and_then(|(_, into)| into);
                self.call(turn, me, &post, into);
            }
            None => {
                turn.observer.call(me, op);
                turn.thread(me).set_mode(Mode::Lost);
            }
        }
    }
}
