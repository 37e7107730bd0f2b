//! `remove` (RFC 7644 §3.5.2.2). Removing something that is not there succeeds: Entra repeats
//! itself.

use serde_json::Value;

use super::draft::Draft;
use super::target::Target;
use crate::ScimError;
use crate::schema::coerce;

/// Removes what is at `target`; if there is a `value`, only the elements of a multi-valued
/// attribute that are in it.
pub(super) fn remove(
    draft: &mut Draft<'_>,
    target: &Target,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let attribute = target.path.attribute;
    if !attribute.multi_valued {
        let members = draft.container(&target.path);
        match (target.path.sub_attribute, members.get_mut(attribute.name)) {
            // A manager without its `value` is removed altogether: the rest only describes the
            // value.
            (Some(sub_attribute), Some(Value::Object(object))) if sub_attribute.name != "value" => {
                object.remove(sub_attribute.name);
            }
            (_, Some(_)) => {
                members.remove(attribute.name);
            }
            _ => {}
        }
        return Ok(());
    }
    let elements = draft.elements(&target.path);
    let places = match (value, &target.filter, target.path.sub_attribute) {
        (Some(value), None, None) => match coerce::value(attribute, value)? {
            Some(Value::Array(unwanted)) => elements.meant(&unwanted)?,
            // A value that names no element, such as `[]`, removes none: its presence says that not
            // all are meant.
            _ => Vec::new(),
        },
        (_, None, None) => return elements.replace(Vec::new()),
        (_, filter, _) => elements.selected(filter.as_ref())?,
    };
    elements.remove(&places, target.path.sub_attribute.map(|sub| sub.name))
}
