//! A list request, bound to the resource types that it is for.

use scim::filter::{BoundFilter, Comparison, Filter, Named, Operator, Test};
use scim::list::Query;
use scim::page::Shown;
use scim::project::Projection;
use scim::sort::{BoundSort, Sort};
use scim::work::Budget;
use scim::{ResourceType, ScimError};
use serde_json::{Map, Value, json};
use store::directory::{Candidate, Sought};

use super::apart::Shape;

/// A resource as clients see it, not projected yet.
pub(super) type Object = Map<String, Value>;

/// A list request, bound to one resource type.
pub(super) struct Bound {
    pub(super) resource_type: &'static ResourceType,
    pub(super) filter: Option<BoundFilter>,
    pub(super) sort: Option<BoundSort>,
    /// What the filter says of what is stored apart.
    named: Option<Named>,
    projection: Projection,
    /// How what is stored apart is shown; `None` if it is not.
    pub(super) shape: Option<Shape>,
}

impl Bound {
    /// The resources that may match.
    pub(super) fn sought(&self) -> Sought<'_> {
        Sought {
            resource_type: self.resource_type,
            filter: self.filter.as_ref(),
            named: self.named.as_ref(),
        }
    }

    /// The group that is asked for its members, if nothing else is: its id as the client wrote it.
    pub(super) fn group(&self) -> Option<&str> {
        let (mut filter, mut within) = (self.filter.as_ref()?, None);
        if let BoundFilter::Element(path, inner) = filter {
            (filter, within) = (inner, Some(path.attribute));
        }
        let BoundFilter::Compare(Comparison { path, test }) = filter else {
            return None;
        };
        let attribute = within.unwrap_or(path.attribute);
        let is_of_users = self.resource_type.members.is_none() && attribute.stored_apart;
        match test {
            Test::Text {
                operator: Operator::Eq,
                value,
                ..
            } if is_of_users && path.leaf().name == "value" => Some(value),
            _ => None,
        }
    }

    /// The requested part of a resource, without what is stored apart.
    pub(super) fn show(&self, object: Object) -> Shown {
        Shown::new(&self.projection.apply(self.resource_type, object))
    }

    /// A candidate as clients see it, if the filter selects it. Once the budget is spent, it
    /// selects none.
    pub(super) fn accept(
        &self,
        candidate: Candidate,
        base: &str,
        budget: &Budget,
    ) -> Option<Object> {
        let Candidate { stored, named } = candidate;
        let members = stored.meta.membership.members;
        let mut object = stored.represent(self.resource_type, base);
        let Some(filter) = &self.filter else {
            return Some(object);
        };
        let apart = self.resource_type.apart().zip(self.named.as_ref());
        if let Some((attribute, by_filter)) = apart {
            let others = members.saturating_sub(named.len() as u64) > 0;
            let kind = match self.resource_type.members {
                Some(members) => members.name,
                None => "direct",
            };
            let mut elements: Vec<Value> = named
                .into_iter()
                .map(|(id, display)| match display {
                    Some(display) => {
                        json!({"value": id.as_str(), "type": kind, "display": display})
                    }
                    None => json!({"value": id.as_str(), "type": kind}),
                })
                .collect();
            elements.extend(others.then(|| by_filter.other()));
            if !elements.is_empty() {
                object.insert(attribute.name.to_owned(), elements.into());
            }
        }
        let matches = filter.matches_within(&object, budget).unwrap_or(false);
        if let Some((attribute, _)) = apart {
            object.remove(attribute.name);
        }
        matches.then_some(object)
    }
}

/// Binds a request to each of the types. In a list over several types, an attribute that a type
/// lacks has no value there (RFC 7644 §3.4.2.1).
pub(super) fn bind(
    resource_types: &[&'static ResourceType],
    request: &Query,
    base: &str,
) -> Result<Vec<Bound>, ScimError> {
    let filter = request
        .filter
        .as_deref()
        .filter(|filter| !filter.trim().is_empty());
    let filter = filter.map(Filter::parse).transpose()?;
    let sort = Sort::parse(request.sort_by.as_deref(), request.sort_order.as_deref())?;
    let has_several_types = resource_types.len() > 1;
    let bind_filter = |filter: Filter, resource_type| {
        let bound = if has_several_types {
            filter.bind_where_defined(resource_type)
        } else {
            filter.bind(resource_type)
        };
        bound.map_err(ScimError::from)
    };
    let bind_sort = |sort: &Sort, resource_type| match sort.bind(resource_type) {
        Err(_) if has_several_types => Ok(sort.unbound()),
        bound => bound,
    };
    resource_types
        .iter()
        .map(|resource_type| {
            let filter = filter
                .clone()
                .map(|filter| bind_filter(filter, resource_type))
                .transpose()?;
            let apart = filter.as_ref().zip(resource_type.apart());
            let named = apart.map(|(filter, attribute)| filter.named(attribute.name));
            let projection = Projection::parse(
                resource_type,
                request.attributes.as_deref(),
                request.excluded_attributes.as_deref(),
            )?;
            Ok(Bound {
                resource_type,
                filter,
                sort: sort
                    .as_ref()
                    .map(|sort| bind_sort(sort, resource_type))
                    .transpose()?,
                named: named.transpose()?.flatten(),
                shape: Shape::of(resource_type, &projection, base),
                projection,
            })
        })
        .collect()
}
