//! A list request, bound to the resource types that it is for.

use scim::filter::{BoundFilter, Filter};
use scim::list::Query;
use scim::page::Shown;
use scim::project::Projection;
use scim::sort::{BoundSort, Sort};
use scim::work::Budget;
use scim::{ResourceType, ScimError};
use serde_json::{Map, Value};

/// A resource as clients see it, not projected yet.
pub(super) type Object = Map<String, Value>;

/// A list request, bound to one resource type.
pub(super) struct Bound {
    pub(super) resource_type: &'static ResourceType,
    pub(super) filter: Option<BoundFilter>,
    pub(super) sort: Option<BoundSort>,
    projection: Projection,
}

impl Bound {
    /// The requested part of a resource.
    pub(super) fn show(&self, object: Object) -> Shown {
        Shown::new(&self.projection.apply(self.resource_type, object))
    }

    /// Whether the filter selects the resource. Once the budget is spent, it selects none.
    pub(super) fn accepts(&self, object: &Object, budget: &Budget) -> bool {
        self.filter.as_ref().is_none_or(|filter| {
            let matches = filter.matches_within(object, budget);
            matches.unwrap_or(false)
        })
    }
}

/// Binds a request to each of the types. In a list over several types, an attribute that a type
/// lacks has no value there (RFC 7644 §3.4.2.1).
pub(super) fn bind(
    resource_types: &[&'static ResourceType],
    request: &Query,
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
            Ok(Bound {
                resource_type,
                filter: filter
                    .clone()
                    .map(|filter| bind_filter(filter, resource_type))
                    .transpose()?,
                sort: sort
                    .as_ref()
                    .map(|sort| bind_sort(sort, resource_type))
                    .transpose()?,
                projection: Projection::parse(
                    resource_type,
                    request.attributes.as_deref(),
                    request.excluded_attributes.as_deref(),
                )?,
            })
        })
        .collect()
}
