//! Operations that are steps of the relatives of completion ports.

use portsim_model::program::{
    Alert, Chain, Filter, Knote, Linked, Message, Op, Owner, PORTS_AT_ONCE_MAX, Packet, PacketId,
    Request,
};

use super::io::once;
use super::{Coded, Coder, packet};
use crate::scenario::directory::Thing;
use crate::scenario::place::{Complaint, Place};
use crate::scenario::wire::{
    self, AlertMode, KeventFilter, KeventFlag, LinkedKind, OneOrMore, RequestKind,
};

const PORT_LISTS_MAX: usize = 64;

const OWNS_MAX: usize = 64;

/// What Linux calls a descriptor that is not open, what is not there, and a time that is over.
const EBADF: i64 = 9;
const ENOENT: i64 = 2;
const ETIME: i64 = 62;
const ECANCELED: i64 = 125;

const CHAINS_MAX: usize = 64;

/// The most requests of one chain.
const CHAIN_MAX: usize = 8;

impl Coder<'_> {
    pub(super) fn submit(&mut self, it: &wire::Submit, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::Submit {
            port: self.directory.port(&it.submit, &place.field("submit"))?,
            request: self.request(it, place)?,
            into,
        })
    }

    pub(super) fn ring_event(&mut self, it: &wire::RingEvent, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::RingEvent {
            port: names.port(&it.ring_event, &place.field("ring_event"))?,
            event: names.event(&it.event, &place.field("event"))?,
            into,
        })
    }

    pub(super) fn submit_chain(&mut self, it: &wire::SubmitChain, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        let port = self
            .directory
            .port(&it.submit_chain, &place.field("submit_chain"))?;
        let section = &place.field("requests");
        if !(2..=CHAIN_MAX).contains(&it.requests.len()) {
            return Err(section.complain(format!(
                "found {} requests, expected 2 to {CHAIN_MAX}",
                it.requests.len()
            )));
        }
        let mut linked = Vec::new();
        for (n, one) in it.requests.iter().enumerate() {
            linked.push(self.linked(one, &section.index(n))?);
        }
        let id = once(&mut self.program.chains, Chain { port, linked }, CHAINS_MAX);
        let too_many = || place.complain(format!("more than {CHAINS_MAX} different chains"));
        Ok(Op::Submit {
            port,
            request: Request::Chain(id.ok_or_else(too_many)? as u8),
            into,
        })
    }

    /// A request of a chain. What a read leaves is known by its operation.
    fn linked(&mut self, it: &wire::Linked, place: &Place<'_>) -> Result<Linked, Complaint> {
        let (key, hard) = (it.key.unwrap_or(0), it.hard);
        let place_of = &place.field("of");
        let request = match (it.request, &it.of) {
            (LinkedKind::Nop, None) => Request::Nop(self.plain(key, 0, place)?),
            (LinkedKind::Nop, Some(_)) => {
                return Err(place_of.complain("a nop is \"of\" nothing"));
            }
            (_, None) => return Err(place.complain("it says \"of\" which operation or file")),
            (LinkedKind::Read, Some(_)) if it.key.is_some() => {
                let why = "a read carries the key of its file and the number of its operation";
                return Err(place.field("key").complain(why));
            }
            (LinkedKind::Read, Some(of)) => {
                return Ok(Linked {
                    request: Request::Read(self.directory.operation(of, place_of)?),
                    hard,
                    broken: PacketId(0),
                });
            }
            (LinkedKind::Cancel, Some(of)) => self.cancel_of(of, key, place)?,
        };
        let broken = self.plain(key, -ECANCELED, place)?;
        Ok(Linked {
            request,
            hard,
            broken,
        })
    }

    pub(super) fn port_send(&mut self, it: &wire::PortSend, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::Post {
            port: names.port(&it.port_send, &place.field("port_send"))?,
            packet: self.plain(it.key, it.bytes, place)?,
            into,
            may_fail: it.may_fail,
            reserve: None,
        })
    }

    pub(super) fn port_sendn(&mut self, it: &wire::PortSendn, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::PortSendn {
            ports: self.port_list(&it.port_sendn, &place.field("port_sendn"))?,
            packet: self.plain(it.key, it.bytes, place)?,
            into,
        })
    }

    pub(super) fn port_alert(&mut self, it: &wire::PortAlert, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::PortAlert {
            port: names.port(&it.port_alert, &place.field("port_alert"))?,
            alert: self.alert(it, place)?,
            into,
        })
    }

    pub(super) fn port_associate(&mut self, it: &wire::PortAssociate, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::PortAssociate {
            port: names.port(&it.port_associate, &place.field("port_associate"))?,
            source: self.plain_source(&it.source, &place.field("source"))?,
            packet: self.plain(it.key, 0, place)?,
            into,
        })
    }

    pub(super) fn port_dissociate(
        &mut self,
        it: &wire::PortDissociate,
        place: &Place<'_>,
    ) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        Ok(Op::PortDissociate {
            port: names.port(&it.port_dissociate, &place.field("port_dissociate"))?,
            source: self.plain_source(&it.source, &place.field("source"))?,
            into,
        })
    }

    pub(super) fn close_source(&mut self, it: &wire::CloseSource, place: &Place<'_>) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::CloseSource {
            source: self.plain_source(&it.close_source, &place.field("close_source"))?,
            into,
        })
    }

    pub(super) fn duplicate_source(
        &mut self,
        it: &wire::DuplicateSource,
        place: &Place<'_>,
    ) -> Coded {
        let into = self.slot(it.into.as_deref());
        Ok(Op::DuplicateSource {
            source: self.plain_source(&it.duplicate_source, &place.field("duplicate_source"))?,
            into,
        })
    }

    pub(super) fn kevent(&mut self, it: &wire::Kevent, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let source = self.plain_source(&it.source, &place.field("source"))?;
        if it.filter == Some(KeventFilter::Write) {
            self.has_out_direction(&it.source, source, &place.field("filter"))?;
        }
        Ok(Op::Kevent {
            port: names.port(&it.kevent, &place.field("kevent"))?,
            source,
            change: self.knote(it, place)?,
            into,
        })
    }

    fn plain(&mut self, key: i64, bytes: i64, place: &Place<'_>) -> Result<PacketId, Complaint> {
        let contents = Packet {
            key,
            bytes,
            ..Packet::default()
        };
        packet(self.program, contents, Owner::Nobody, place)
    }

    /// What is sent from a ring that is nobody else's is a post.
    pub(super) fn msg_ring(&mut self, it: &wire::MsgRing, place: &Place<'_>) -> Coded {
        let names = self.directory;
        let into = self.slot(it.into.as_deref());
        let to = names.port(&it.msg_ring, &place.field("msg_ring"))?;
        let packet = self.plain(it.key, it.bytes, place)?;
        let Some(from) = &it.from else {
            if it.own.is_some() {
                let place = place.field("own");
                return Err(place.complain("only with \"from\" there is a ring that gets it"));
            }
            return Ok(Op::Post {
                port: to,
                packet,
                into,
                may_fail: false,
                reserve: None,
            });
        };
        let own = it.own.unwrap_or(0);
        let message = Message {
            from: self.directory.port(from, &place.field("from"))?,
            to,
            packet,
            went: self.plain(own, 0, place)?,
            failed: self.plain(own, -EBADF, place)?,
        };
        Ok(Op::MsgRing { message, into })
    }

    fn request(&mut self, it: &wire::Submit, place: &Place<'_>) -> Result<Request, Complaint> {
        let place_of = &place.field("of");
        if it.count.is_some() && it.request != RequestKind::Timeout {
            return Err(place
                .field("count")
                .complain("only a timeout has a \"count\""));
        }
        if it.drained && it.request != RequestKind::Nop {
            return Err(place
                .field("drained")
                .complain("a nop or an operation can be \"drained\""));
        }
        if let Some(count @ (0 | u8::MAX)) = it.count {
            return Err(place
                .field("count")
                .complain(format!("found {count}, expected 1 to 254")));
        }
        let of = match (it.request, &it.of) {
            (RequestKind::Cancel, None) => {
                return Err(place.complain("a cancel says \"of\" which operation or file"));
            }
            (RequestKind::Cancel, Some(of)) => of,
            (_, Some(_)) => return Err(place_of.complain("only a cancel is \"of\" something")),
            (RequestKind::Nop, None) => {
                let own = self.plain(it.key, 0, place)?;
                return Ok(match it.drained {
                    true => Request::Drain(own),
                    false => Request::Nop(own),
                });
            }
            (RequestKind::Timeout, None) if let Some(count) = it.count => {
                let own = self.plain(it.key, 0, place)?;
                return Ok(Request::Count { count, own });
            }
            (RequestKind::Timeout, None) => {
                return Ok(Request::Timeout(self.plain(it.key, -ETIME, place)?));
            }
        };
        self.cancel_of(of, it.key, place)
    }

    /// A cancel that is a request, of an operation or of all on a file.
    fn cancel_of(&mut self, of: &str, key: i64, place: &Place<'_>) -> Result<Request, Complaint> {
        match self.directory.file_or_operation(of, &place.field("of"))? {
            Thing::File(file, _) => {
                let operations = self.program.operations.iter();
                let on_it = operations.filter(|it| it.file == file).count() as i64;
                let own = self.own(key, &(0..=on_it).collect::<Vec<_>>(), place)?;
                Ok(Request::CancelFile(file, own))
            }
            operation => {
                let own = self.own(key, &[-ENOENT, 0], place)?;
                Ok(Request::Cancel(operation.operation(), own))
            }
        }
    }

    /// What a cancel gets as its own entry, by how many requests it found.
    fn own(&mut self, key: i64, results: &[i64], place: &Place<'_>) -> Result<u8, Complaint> {
        let mut own = Vec::new();
        for &result in results {
            own.push(self.plain(key, result, place)?);
        }
        let id = once(&mut self.program.owns, own, OWNS_MAX);
        let too_many = || place.complain(format!("more than {OWNS_MAX} different cancels"));
        Ok(id.ok_or_else(too_many)? as u8)
    }

    fn alert(&mut self, it: &wire::PortAlert, place: &Place<'_>) -> Result<Alert, Complaint> {
        if it.mode == AlertMode::Clear {
            let given = [("key", it.key.is_some()), ("bytes", it.bytes.is_some())];
            return match given.into_iter().find(|(_, given)| *given) {
                Some((field, _)) => Err(place.complain(format!("\"clear\" takes no {field:?}"))),
                None => Ok(Alert::Clear),
            };
        }
        if it.bytes == Some(0) {
            let place = place.field("bytes");
            return Err(place.complain("found 0, which is written as the mode \"clear\""));
        }
        let event = self.plain(it.key.unwrap_or(0), it.bytes.unwrap_or(1), place)?;
        Ok(match it.mode {
            AlertMode::Update => Alert::Update(event),
            _ => Alert::Set(event),
        })
    }

    fn knote(&mut self, it: &wire::Kevent, place: &Place<'_>) -> Result<Knote, Complaint> {
        let has = |flag| it.flags.contains(&flag);
        if it.key.is_some() && has(KeventFlag::Delete) {
            return Err(place
                .field("key")
                .complain("an event that is deleted carries nothing"));
        }
        let filter = match it.filter {
            None | Some(KeventFilter::User) => Filter::User,
            Some(KeventFilter::Read) => Filter::Read,
            Some(KeventFilter::Write) => Filter::Write,
        };
        if has(KeventFlag::Trigger) && filter != Filter::User {
            return Err(place
                .field("flags")
                .complain("only a user event is triggered; a \"write\" makes a source readable"));
        }
        Ok(Knote {
            filter,
            packet: self.plain(it.key.unwrap_or(0), 0, place)?,
            carries: it.key.is_some() || has(KeventFlag::Add),
            add: has(KeventFlag::Add),
            delete: has(KeventFlag::Delete),
            enable: has(KeventFlag::Enable),
            disable: has(KeventFlag::Disable),
            oneshot: has(KeventFlag::Oneshot),
            clear: has(KeventFlag::Clear),
            dispatch: has(KeventFlag::Dispatch),
            trigger: has(KeventFlag::Trigger),
        })
    }

    /// The ports that are sent to in one go.
    fn port_list(&mut self, named: &OneOrMore, place: &Place<'_>) -> Result<u16, Complaint> {
        let names = match named {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names,
        };
        if names.len() > PORTS_AT_ONCE_MAX {
            let found = names.len();
            return Err(place.complain(format!(
                "found {found} ports, expected at most {PORTS_AT_ONCE_MAX}"
            )));
        }
        let mut ports = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let within = place.index(n);
            let place = if names.len() == 1 { place } else { &within };
            ports.push(self.directory.port(name, place)?);
        }
        let id = once(&mut self.program.port_lists, ports, PORT_LISTS_MAX);
        let too_many = || place.complain(format!("more than {PORT_LISTS_MAX} different lists"));
        Ok(id.ok_or_else(too_many)? as u16)
    }
}
