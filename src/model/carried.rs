//! What a call carries for whoever takes it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::CallId;

/// Tags and variables as the flow left them when it came to wait, sent the call away, or at
/// its end.
/// Nothing of it comes from digits that were typed in secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Carried {
    /// The call.
    pub call: CallId,
    /// Marks, in order.
    pub tags: Vec<Arc<str>>,
    /// Values by name; those that are not set or empty are left out.
    pub vars: BTreeMap<Arc<str>, Arc<str>>,
}

impl fmt::Debug for Carried {
    /// What a caller typed is shown to whoever takes the call, and to no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tags, vars) = (self.tags.len(), self.vars.len());
        write!(f, "Carried({} {tags} tags, {vars} variables)", self.call)
    }
}
