//! Requests that are linked, as a scenario has them.

use super::*;
use crate::native::lock::lock;
use requests::Link;

impl Rings {
    /// Requests that are linked: all but the last to the next.
    pub(super) fn submit_chain(
        &self,
        me: ThreadId,
        port: PortId,
        chain: u8,
    ) -> Result<Answer, Failure> {
        let _alone = lock(&self.acts);
        let Some(on) = self.ring(port) else {
            return Ok(self.run().failed(Error::BadHandle));
        };
        let linked = &self.program.chains[usize::from(chain)].linked;
        let is_in_use = |it: &Linked| match it.request {
            Request::Read(id) => self.requests().is_pending(id) || self.requests().is_linked(id),
            _ => false,
        };
        // A mistake of the scenario, with the answer that it has everywhere.
        if linked.iter().any(is_in_use) {
            return Ok(self.run().failed(Error::Invalid));
        }
        let links = linked.iter().enumerate().map(|(n, it)| {
            let link = self.link(it.request);
            let entry = match n + 1 < linked.len() {
                true => link.entry.linked(it.hard),
                false => link.entry,
            };
            Link { entry, ..link }
        });
        let submitted = self.requests().submit_chain(me, links.collect(), on);
        self.answered("io_uring_enter", submitted)
    }

    /// A request of a chain.
    fn link(&self, request: Request) -> Link {
        let key = |id: PacketId| self.program.packets[id.index()].key;
        let own_key = |own: u8| key(self.program.owns[usize::from(own)][0]);
        let requests = self.requests();
        let (key, number) = match request {
            Request::Nop(own) | Request::Drain(own) | Request::Timeout(own) => (key(own), 0),
            Request::Count { own, .. } => (key(own), 0),
            Request::Cancel(_, own) | Request::CancelFile(_, own) => (own_key(own), 0),
            Request::Read(id) => {
                let operation = self.program.operations[id.index()];
                (self.binding(operation.file).1, operation.overlapped)
            }
            Request::Chain(_) => unreachable!("no chain is in a chain"),
        };
        let carried = self.carries_key(key, number);
        let (entry, reads) = match request {
            Request::Read(id) => (requests.read(id, carried), Some(id)),
            Request::Cancel(id, _) => (requests.cancel_of(id, carried), None),
            Request::CancelFile(file, _) => (requests.cancel_of_all(file, carried), None),
            _ => (Entry::nop(carried), None),
        };
        Link {
            entry,
            carried,
            reads,
        }
    }
}
