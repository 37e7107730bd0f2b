//! The kinds of trouble, where each can happen, and what may come of it.

use super::tenants::{LATE, SLOW};
use stand::wire::{Fate, Trouble};

/// A kind of trouble on the way to DynamoDB or in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// DynamoDB answers this and does nothing.
    Answered(Trouble),
    /// The connection is reset before the request arrives.
    ResetBefore,
    /// The connection is reset when the request was carried out.
    ResetAfter,
    /// No answer ever, and nothing is carried out.
    Silence,
    /// The answer takes long, but not longer than an attempt may.
    Slow,
    /// The request is carried out, and the answer comes when nobody waits for it.
    Late,
    /// The request is carried out, and the connection ends in the middle of the answer.
    CutOff,
    /// The request is carried out, and half of the answer's JSON is missing.
    Garbled,
    /// All keys of a BatchGetItem are left.
    AllLeft,
    /// Some of them are left.
    SomeLeft,
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind::Answered(Trouble::ProvisionedThroughput),
    Kind::Answered(Trouble::Throttling),
    Kind::Answered(Trouble::RequestLimit),
    Kind::Answered(Trouble::InternalServerError),
    Kind::Answered(Trouble::ServiceUnavailable),
    Kind::Answered(Trouble::Html),
    Kind::Answered(Trouble::TransactionInProgress),
    Kind::Answered(Trouble::ItemThrottled),
    Kind::Answered(Trouble::ItemThroughput),
    Kind::Answered(Trouble::Conflict),
    Kind::Answered(Trouble::ConflictAndCondition),
    Kind::Answered(Trouble::ItemConflict),
    Kind::ResetBefore,
    Kind::ResetAfter,
    Kind::Silence,
    Kind::Slow,
    Kind::Late,
    Kind::CutOff,
    Kind::Garbled,
    Kind::AllLeft,
    Kind::SomeLeft,
];

/// One of each sort: for what other operations do in the same way.
pub const FEW: &[Kind] = &[
    Kind::Answered(Trouble::Conflict),
    Kind::Answered(Trouble::Throttling),
    Kind::ResetAfter,
    Kind::Silence,
    Kind::Garbled,
    Kind::AllLeft,
    Kind::SomeLeft,
];

/// What may come of a request in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is carried through: the client notices nothing.
    Done,
    /// It is carried through, or the client is told to send it again.
    DoneOrUnavailable,
    /// The client is told to send it again.
    Unavailable,
}

impl Kind {
    /// Whether DynamoDB can be in this trouble with this operation.
    pub fn applies(self, operation: &str) -> bool {
        match self {
            Self::Answered(
                Trouble::TransactionInProgress
                | Trouble::ItemThrottled
                | Trouble::ItemThroughput
                | Trouble::Conflict
                | Trouble::ConflictAndCondition,
            ) => operation == "TransactWriteItems",
            Self::Answered(Trouble::ItemConflict) => {
                matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem")
            }
            Self::AllLeft | Self::SomeLeft => operation == "BatchGetItem",
            _ => true,
        }
    }

    pub fn fate(self) -> Fate {
        match self {
            Self::Answered(trouble) => Fate::Answered(trouble),
            Self::ResetBefore => Fate::Refused,
            Self::ResetAfter => Fate::AnswerLost,
            Self::Silence => Fate::Ignored,
            Self::Slow => Fate::Slow(SLOW),
            Self::Late => Fate::Slow(LATE),
            Self::CutOff => Fate::CutOff,
            Self::Garbled => Fate::Garbled,
            Self::AllLeft => Fate::Unprocessed { all: true },
            Self::SomeLeft => Fate::Unprocessed { all: false },
        }
    }

    /// What may come of it when it happens once, or from then on for good.
    pub fn outcome(self, is_lasting: bool) -> Outcome {
        match (self, is_lasting) {
            // The rest of the keys is asked for, until none is left.
            (Self::Slow | Self::SomeLeft, _) => Outcome::Done,
            // The SDK repeats what was not answered, and not what it cannot read.
            (Self::Garbled, false) => Outcome::DoneOrUnavailable,
            (_, false) => Outcome::Done,
            (_, true) => Outcome::Unavailable,
        }
    }

    /// Whether a request in this trouble may have been carried out.
    pub fn may_take_effect(self) -> bool {
        matches!(
            self,
            Self::ResetAfter | Self::Slow | Self::Late | Self::CutOff | Self::Garbled
        )
    }
}
