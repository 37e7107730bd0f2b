//! What lets a tenant's requests in or keeps them out: the operator's switch and the one of the
//! tenant's own admin, each with all keys at once.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::item::TenantItem;
use super::write::update;
use super::{Act, SecretsError, Tenant};
use crate::client::attributes::{number_of, timestamp};
use crate::client::gate::Passage;
use crate::client::transaction::Outcome;
use crate::{Meter, Store, StoreError};

/// A switch that is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    /// By the operator.
    Enable,
    Disable,
    /// By the tenant's admin.
    ApiOn,
    ApiOff,
}

impl Switch {
    /// The tenant as it is then. One that is turned already stays since when it was.
    pub fn applied(self, tenant: &Tenant, now: OffsetDateTime) -> Tenant {
        let mut next = tenant.clone();
        match self {
            Self::Enable if !tenant.enabled => (next.enabled, next.disabled) = (true, None),
            Self::Disable if tenant.enabled => (next.enabled, next.disabled) = (false, Some(now)),
            Self::ApiOn => next.api_off = None,
            Self::ApiOff => next.api_off = Some(tenant.api_off.unwrap_or(now)),
            Self::Enable | Self::Disable => {}
        }
        next
    }

    fn act(self) -> Act {
        match self {
            Self::Enable => Act::EnableTenant,
            Self::Disable => Act::DisableTenant,
            Self::ApiOn => Act::TurnApiOn,
            Self::ApiOff => Act::TurnApiOff,
        }
    }
}

impl Store {
    /// Sets the state of the tenant and of its listed keys, if the list is still complete. A key
    /// that was deleted by hand leaves the list: nothing may keep a tenant from being disabled.
    /// Returns how many are on it then.
    pub(super) async fn write_switch(
        &self,
        read: &TenantItem,
        next: &Tenant,
        switch: Switch,
        meter: &Meter,
    ) -> Result<usize, SecretsError> {
        let (mut listed, mut gone) = (read.active_digests.clone(), Vec::new());
        loop {
            let mut writes = vec![self.switched(read, next, switch, &gone)?];
            for digest in &listed {
                writes.push(self.key_switched(next, digest)?);
            }
            writes.push(self.entry(&next.id, switch.act(), None)?);
            let failed = match self.transact(writes, meter, Passage::Free).await? {
                Outcome::Written => return Ok(listed.len()),
                Outcome::ConditionsFailed(failed) => failed,
            };
            // The tenant is the first part, and its keys are next.
            let of_keys = |place: &usize| (1..=listed.len()).contains(place);
            if failed.is_empty() || !failed.iter().all(of_keys) {
                return Err(StoreError::VersionMismatch.into());
            }
            for place in failed.into_iter().rev() {
                gone.push(listed.remove(place - 1));
            }
        }
    }

    fn switched(
        &self,
        read: &TenantItem,
        next: &Tenant,
        switch: Switch,
        gone: &[String],
    ) -> Result<TransactWriteItem, StoreError> {
        let tenant = self
            .update_tenant(&next.id)
            .condition_expression("version = :read")
            .expression_attribute_values(":one", number_of(1))
            .expression_attribute_values(":read", number_of(read.version));
        let (change, since) = match switch {
            Switch::Enable => ("SET enabled = :enabled REMOVE disabled", None),
            Switch::Disable => ("SET enabled = :enabled, disabled = :since", next.disabled),
            Switch::ApiOn => ("REMOVE api_off", None),
            Switch::ApiOff => ("SET api_off = :since", next.api_off),
        };
        let tenant = match switch {
            Switch::Enable | Switch::Disable => {
                let enabled = AttributeValue::Bool(next.enabled);
                tenant.expression_attribute_values(":enabled", enabled)
            }
            Switch::ApiOn | Switch::ApiOff => tenant,
        };
        let tenant = match since {
            Some(since) => tenant.expression_attribute_values(":since", timestamp(since)),
            None => tenant,
        };
        update(match gone {
            [] => tenant.update_expression(format!("{change} ADD version :one")),
            _ => tenant
                .update_expression(format!(
                    "{change} ADD version :one DELETE active_keys :gone"
                ))
                .expression_attribute_values(":gone", AttributeValue::Ss(gone.to_vec())),
        })
    }

    fn key_switched(&self, next: &Tenant, digest: &str) -> Result<TransactWriteItem, StoreError> {
        let key = self
            .update_key(&next.id, digest)
            // Without the condition, a key item that was deleted by hand would come back as a
            // fragment.
            .condition_expression("attribute_exists(secrets_pk)")
            .expression_attribute_values(":lets_in", AttributeValue::Bool(next.lets_in()));
        update(match next.is_off_by_admin() {
            true => key
                .update_expression("SET tenant_enabled = :lets_in, api_off = :off")
                .expression_attribute_values(":off", AttributeValue::Bool(true)),
            false => key.update_expression("SET tenant_enabled = :lets_in REMOVE api_off"),
        })
    }
}
