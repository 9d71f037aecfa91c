//! What `operators.yaml` says of one operator, as meant.

use crate::model::{OperatorName, SkillSet};

/// What an operator may do beyond taking calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes calls.
    #[default]
    Operator,
    /// Sees the floor.
    Supervisor,
    /// Changes it.
    Admin,
}

/// When an operator starts to take calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogIn {
    /// As soon as a phone registers.
    #[default]
    OnRegister,
    /// When the operator says so.
    Manual,
}

/// What proves that a phone is the operator's: `user:realm:password` hashed
/// (RFC 7616 section 3.4.2), lower-case hexadecimal. The password itself is not kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// By MD5.
    pub md5: String,
    /// By SHA-256.
    pub sha256: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One operator, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The login name.
    pub name: OperatorName,
    /// The name to show.
    pub display: String,
    /// What the phone proves itself with.
    pub secret: Secret,
    /// What the operator can do.
    pub skills: SkillSet,
    /// What else the operator may do.
    pub role: Role,
    /// When calls begin.
    pub log_in: LogIn,
    /// Calls at once, 1 to [`limits::CALLS_PER_OPERATOR`](crate::model::limits).
    pub max_calls: u8,
    /// The place in `operators.yaml`, from 0: the order of strategy `ordered`.
    pub place: u32,
}
