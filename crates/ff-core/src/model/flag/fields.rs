//! What a flag shows of itself.

use std::collections::BTreeMap;

use super::{Flag, FlagType, State, Variant};
use crate::key::{FlagKey, VariantKey};
use crate::model::{Rule, Scalar};

impl Flag {
    /// Its name in the tenant.
    pub fn key(&self) -> &FlagKey {
        &self.key
    }

    /// What people call it; the key, where no name was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The type of its values (`type` in JSON).
    pub fn kind(&self) -> FlagType {
        self.kind
    }

    /// Whether it evaluates or answers [`off_variant`](Self::off_variant) to everyone.
    pub fn state(&self) -> State {
        self.state
    }

    /// The possible outcomes with the weights that hold where no rule does. At least one; their order is part of the
    /// bucketing contract.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The outcome while the flag is off; one of [`variants`](Self::variants).
    pub fn off_variant(&self) -> &VariantKey {
        &self.off_variant
    }

    /// Tried in order; the first that holds decides.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Replaces the key in bucketing, so that users can be dealt anew or alike for several flags.
    pub fn salt(&self) -> Option<&str> {
        self.salt.as_deref()
    }

    /// For finding it.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// Who looks after it.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Whatever else its users want to keep with it.
    pub fn metadata(&self) -> &BTreeMap<String, Scalar> {
        &self.metadata
    }
}
