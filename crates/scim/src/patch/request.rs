//! The PatchOp message (RFC 7644 §3.5.2), parsed as liberally as clients write it.

use serde_json::{Map, Value};

use crate::envelope::take;
use crate::members::MAX_NAMED;
use crate::path::Path;
use crate::{ScimError, text::quote};

/// Maximum number of operations in one PATCH that are not for members of a group. Entra sends
/// about forty; others send one for each value. The [budget](crate::work) is what bounds the work.
const MAX_OPERATIONS: usize = 5000;

/// The operations of a PATCH, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRequest {
    pub(super) operations: Vec<PatchOperation>,
}

/// One operation. The names in its path are still text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatchOperation {
    pub kind: Kind,
    pub path: Option<Path>,
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Replace,
    Remove,
}

impl PatchRequest {
    /// Reads a PatchOp body. Member and operation names are accepted in any case, because Entra
    /// capitalises them; a missing `schemas` is accepted; unknown members are ignored. An empty
    /// list of operations is accepted, and changes nothing: Microsoft's validator sends it.
    ///
    /// # Errors
    /// `invalidSyntax` when it is not a PatchOp, `invalidPath` when a path is malformed.
    pub fn parse(mut body: Map<String, Value>) -> Result<Self, ScimError> {
        let Some(Value::Array(operations)) = take(&mut body, "Operations") else {
            return Err(ScimError::InvalidSyntax(
                "a PATCH body needs an array `Operations`, each with `op`, and `path` or `value`"
                    .to_owned(),
            ));
        };
        check_number(operations.len(), MAX_NAMED)?;
        let operations = operations
            .into_iter()
            .map(operation)
            .collect::<Result<Vec<_>, _>>()?;
        let others = operations
            .iter()
            .filter(|operation| !operation.is_on_members());
        check_number(others.count(), MAX_OPERATIONS)?;
        Ok(Self { operations })
    }
}

impl PatchOperation {
    /// Whether it is for members of a group, of which there may be as many as may be named.
    fn is_on_members(&self) -> bool {
        let attribute = self.path.as_ref().map(|path| path.attribute.as_str());
        let name = attribute.and_then(|attribute| attribute.rsplit(':').next());
        name.is_some_and(|name| name.eq_ignore_ascii_case("members"))
    }
}

fn check_number(operations: usize, most: usize) -> Result<(), ScimError> {
    if operations <= most {
        return Ok(());
    }
    Err(ScimError::InvalidValue(format!(
        "the PATCH has {operations} operations, and {most} are accepted; split it"
    )))
}

fn operation(value: Value) -> Result<PatchOperation, ScimError> {
    let Value::Object(mut members) = value else {
        return Err(ScimError::InvalidSyntax(
            "each of `Operations` must be an object".to_owned(),
        ));
    };
    let kind = match take(&mut members, "op") {
        Some(Value::String(name)) => kind(&name)?,
        _ => {
            return Err(ScimError::InvalidSyntax(
                "an operation lacks `op`; it is `add`, `replace` or `remove`".to_owned(),
            ));
        }
    };
    let path = match take(&mut members, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => Some(Path::parse(&text)?),
        Some(_) => {
            return Err(ScimError::InvalidPath(
                "`path` must be a string such as `name.givenName`".to_owned(),
            ));
        }
    };
    Ok(PatchOperation {
        kind,
        path,
        value: take(&mut members, "value"),
    })
}

fn kind(name: &str) -> Result<Kind, ScimError> {
    match name {
        _ if name.eq_ignore_ascii_case("add") => Ok(Kind::Add),
        _ if name.eq_ignore_ascii_case("replace") => Ok(Kind::Replace),
        _ if name.eq_ignore_ascii_case("remove") => Ok(Kind::Remove),
        _ => Err(ScimError::InvalidSyntax(format!(
            "{} is not an operation; use `add`, `replace` or `remove`",
            quote(name)
        ))),
    }
}
