//! What a line of a log says of a call.

use super::map::Wait;

/// What a line says of a call besides.
#[derive(Clone, Default)]
pub(super) struct Said {
    pub port: Option<String>,
    pub keys: Vec<String>,
    pub is_list: bool,
    /// Of each packet, or of all.
    pub bytes: Vec<i64>,
    pub overlapped: Vec<i64>,
    pub error: Option<String>,
    pub wait: Option<Wait>,
    pub max: Option<u32>,
}

impl Said {
    /// What two lines say together: the second is the newer.
    pub fn with(self, newer: Said) -> Said {
        let has_keys = !newer.keys.is_empty();
        Said {
            port: newer.port.or(self.port),
            is_list: newer.is_list || self.is_list,
            bytes: if has_keys { newer.bytes } else { self.bytes },
            overlapped: if has_keys {
                newer.overlapped
            } else {
                self.overlapped
            },
            keys: if has_keys { newer.keys } else { self.keys },
            error: newer.error.or(self.error),
            wait: newer.wait.or(self.wait),
            max: newer.max.or(self.max),
        }
    }
}
