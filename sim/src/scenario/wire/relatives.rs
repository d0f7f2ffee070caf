//! Operations of the relatives of completion ports: rings, event ports and kqueue.

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use super::shapes::OneOrMore;

/// Sends a message to a ring: a `post` by the name that it has there.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct MsgRing {
    /// The ring that it is for.
    pub(in crate::scenario) msg_ring: String,
    /// The ring that it is submitted on; one of the thread's own, if left out.
    pub(in crate::scenario) from: Option<String>,
    /// The user data of the entry.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The result of the entry.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// The user data of the entry that `from` gets; 0, if left out.
    pub(in crate::scenario) own: Option<i64>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Registers an eventfd with a ring: each entry that comes into it sets the event.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RingEvent {
    /// The ring.
    pub(in crate::scenario) ring_event: String,
    /// The event, one that a wait takes back.
    pub(in crate::scenario) event: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Submits a request to a ring that ends by itself.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Submit {
    /// The ring.
    pub(in crate::scenario) submit: String,
    /// What is asked for.
    pub(in crate::scenario) request: RequestKind,
    /// The operation, or the file, whose requests a cancel ends.
    pub(in crate::scenario) of: Option<String>,
    /// The user data of the request's own entry.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// Of a timeout: after how many entries it is over; then nobody waits out its time.
    pub(in crate::scenario) count: Option<u8>,
    /// Of a nop: whether it begins only when all requests before it have ended: IOSQE_IO_DRAIN.
    #[serde(default)]
    pub(in crate::scenario) drained: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Submits requests to a ring of which each is linked to the next.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SubmitChain {
    /// The ring.
    pub(in crate::scenario) submit_chain: String,
    /// The requests, in their order: two or more.
    pub(in crate::scenario) requests: Vec<Linked>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// A request of a chain.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[serde(rename = "request of a chain")]
#[cfg_attr(test, schemars(rename = "Linked"))]
pub(in crate::scenario) struct Linked {
    /// What is asked for.
    pub(in crate::scenario) request: LinkedKind,
    /// The operation that is read, or that a cancel ends, or the file whose requests a cancel ends.
    pub(in crate::scenario) of: Option<String>,
    /// The user data of the request's own entry, but of a read.
    pub(in crate::scenario) key: Option<i64>,
    /// Whether the next request begins however this one ends: IOSQE_IO_HARDLINK in place of IOSQE_IO_LINK.
    #[serde(default)]
    pub(in crate::scenario) hard: bool,
}

/// What a request of a chain asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "request", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "LinkedKind"))]
pub(in crate::scenario) enum LinkedKind {
    /// IORING_OP_NOP.
    Nop,
    /// IORING_OP_READ.
    Read,
    /// IORING_OP_ASYNC_CANCEL.
    Cancel,
}

/// What a `submit` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "request", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "RequestKind"))]
pub(in crate::scenario) enum RequestKind {
    /// IORING_OP_NOP.
    Nop,
    /// IORING_OP_TIMEOUT, of no time or, with a `count`, of more time than anybody waits.
    Timeout,
    /// IORING_OP_ASYNC_CANCEL.
    Cancel,
}

/// Puts an event into an event port: a `post` by the name that it has there.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PortSend {
    /// The event port.
    pub(in crate::scenario) port_send: String,
    /// The user pointer.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The events.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// Whether there may be no memory for it.
    #[serde(default)]
    pub(in crate::scenario) may_fail: bool,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Sends one event to several event ports.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PortSendn {
    /// The event ports.
    pub(in crate::scenario) port_sendn: OneOrMore,
    /// The user pointer.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The events.
    #[serde(default)]
    pub(in crate::scenario) bytes: i64,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Puts an event port into alert mode, or takes it out.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PortAlert {
    /// The event port.
    pub(in crate::scenario) port_alert: String,
    /// What is done.
    #[serde(default)]
    pub(in crate::scenario) mode: AlertMode,
    /// The user pointer of the alert event.
    pub(in crate::scenario) key: Option<i64>,
    /// The events of the alert event, not 0; 1, if left out.
    pub(in crate::scenario) bytes: Option<i64>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// What `port_alert` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "mode of an alert", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "AlertMode"))]
pub(in crate::scenario) enum AlertMode {
    /// PORT_ALERT_SET: sets the alert event, or replaces it.
    #[default]
    Set,
    /// PORT_ALERT_UPDATE: sets it if none is set.
    Update,
    /// Events of 0: takes the port out of alert mode.
    Clear,
}

/// Associates a source with an event port, for one event.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PortAssociate {
    /// The event port.
    pub(in crate::scenario) port_associate: String,
    /// The source.
    pub(in crate::scenario) source: String,
    /// The user pointer of its event.
    #[serde(default)]
    pub(in crate::scenario) key: i64,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Takes the association of a source with an event port away.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct PortDissociate {
    /// The event port.
    pub(in crate::scenario) port_dissociate: String,
    /// The source.
    pub(in crate::scenario) source: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Makes one more descriptor of a source.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DuplicateSource {
    /// The source.
    pub(in crate::scenario) duplicate_source: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Closes a descriptor of a source.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CloseSource {
    /// The source.
    pub(in crate::scenario) close_source: String,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// Adds, changes, triggers or removes a user event of a kqueue.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Kevent {
    /// The kqueue.
    pub(in crate::scenario) kevent: String,
    /// What stands for the event, or what it is an event of.
    pub(in crate::scenario) source: String,
    /// What it is an event of, by default the number of a user event.
    pub(in crate::scenario) filter: Option<KeventFilter>,
    /// What is done.
    pub(in crate::scenario) flags: Vec<KeventFlag>,
    /// What the event carries from now on; what it carried before if left out, or 0 where it is added.
    pub(in crate::scenario) key: Option<i64>,
    /// The name of the result.
    pub(in crate::scenario) into: Option<String>,
}

/// What an event of a kqueue is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "filter", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "KeventFilter"))]
pub(in crate::scenario) enum KeventFilter {
    /// EVFILT_USER.
    User,
    /// EVFILT_READ.
    Read,
    /// EVFILT_WRITE.
    Write,
}

/// One thing that `kevent` does to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename = "flag", rename_all = "lowercase")]
#[cfg_attr(test, schemars(rename = "KeventFlag"))]
pub(in crate::scenario) enum KeventFlag {
    /// EV_ADD.
    Add,
    /// EV_DELETE.
    Delete,
    /// EV_ENABLE.
    Enable,
    /// EV_DISABLE.
    Disable,
    /// EV_ONESHOT.
    Oneshot,
    /// EV_CLEAR.
    Clear,
    /// EV_DISPATCH.
    Dispatch,
    /// NOTE_TRIGGER.
    Trigger,
}
