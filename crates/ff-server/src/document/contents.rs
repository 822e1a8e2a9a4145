//! What documents are made of: a tenant's flags and segments at one revision, of one environment or of all.

use std::collections::{BTreeMap, HashSet};

use ff_core::EnvironmentKey;
use ff_store::{Position, Reading};

use super::difference::Difference;
use super::entities::{Entities, flag_json, segment_json};
use crate::cache::TenantRulesets;

/// A tenant's flags and segments at one revision: those that are served, in the form that evaluation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents<'a> {
    pub(crate) position: Position,
    pub(crate) segments: Entities<'a>,
    pub(crate) environments: BTreeMap<EnvironmentKey, Entities<'a>>,
}

impl<'a> Contents<'a> {
    /// What `reading` holds of those environments and `rulesets`, which are at its revision, serve. What does not compile is not
    /// served, so it must not reach those who evaluate by themselves either.
    pub(crate) fn read<'k>(
        reading: &mut Reading<'_, '_>,
        rulesets: &TenantRulesets,
        environments: impl Iterator<Item = &'k EnvironmentKey>,
    ) -> Self {
        let served: HashSet<_> = rulesets.segments().keys().collect();
        let mut segments = Entities::default();
        for segment in reading.segments().iter().filter(|segment| served.contains(segment.key())) {
            segments.put(segment.key().to_string(), segment_json(segment));
        }
        let mut contents = Self { position: reading.position(), segments, environments: BTreeMap::new() };
        for environment in environments {
            let Some(ruleset) = rulesets.get(environment) else { continue };
            let mut flags = Entities::default();
            for flag in reading.flags(environment).filter(|flag| ruleset.contains(flag.key().as_str())) {
                flags.put(flag.key().to_string(), flag_json(&flag));
            }
            contents.environments.insert(environment.clone(), flags);
        }
        contents
    }

    /// These contents after what changed since; none, if that does not lead to what is served.
    pub(crate) fn followed_by(mut self, difference: &'a Difference, rulesets: &TenantRulesets) -> Option<Self> {
        apply(&mut self.segments, difference.segments().iter().map(|(key, json)| (key.as_str(), json.as_deref())));
        for environment in difference.gone() {
            self.environments.remove(environment);
        }
        for (environment, flags) in &mut self.environments {
            let changed = difference.flags().filter(|((place, _), _)| place == environment);
            apply(flags, changed.map(|((_, key), json)| (key.as_str(), json.as_deref())));
        }
        self.position = difference.position();
        self.is_served_by(rulesets).then_some(self)
    }

    /// Whether these are what is served, entity by entity.
    fn is_served_by(&self, rulesets: &TenantRulesets) -> bool {
        let served: HashSet<_> = rulesets.segments().keys().map(|key| key.as_str()).collect();
        let has_segments = served.len() == self.segments.len() && self.segments.iter().all(|(key, _)| served.contains(key));
        let (mine, served) = (self.position, rulesets.position());
        mine.revision == served.revision
            && !mine.contradicts(served)
            && has_segments
            && self.environments.iter().all(|(environment, flags)| {
                let ruleset = rulesets.get(environment);
                ruleset.is_some_and(|ruleset| ruleset.len() == flags.len() && flags.iter().all(|(key, _)| ruleset.contains(key)))
            })
    }
}

fn apply<'a>(entities: &mut Entities<'a>, changed: impl Iterator<Item = (&'a str, Option<&'a str>)>) {
    for (key, json) in changed {
        match json {
            Some(json) => entities.put(key, json),
            None => entities.remove(key),
        }
    }
}
