//! Who refers to whom: cycles, bounds, and who stands in the way of a deletion.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::compile::{Outline, Reference};
use crate::error::Entity;
use crate::limits::{EVALUATION_STEPS_MAX, REFERENCE_DEPTH_MAX};

/// For each entity that others refer to, those others. Only entities with references cost anything here, and a change
/// copies the users of the entities that it touches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(Arc<HashMap<Entity, Arc<BTreeSet<Entity>>>>);

pub(crate) fn target(reference: &Reference) -> Entity {
    match reference {
        Reference::Segment(key) => Entity::Segment(key.clone()),
        Reference::Flag(key, _) => Entity::Flag(key.clone()),
    }
}

impl Links {
    pub(crate) fn new<'a>(users: impl Iterator<Item = (Entity, &'a Outline)>) -> Self {
        let mut links: HashMap<Entity, Arc<BTreeSet<Entity>>> = HashMap::new();
        for (user, outline) in users {
            for (reference, _) in &outline.references {
                Arc::make_mut(links.entry(target(reference)).or_default()).insert(user.clone());
            }
        }
        Self(Arc::new(links))
    }

    pub(crate) fn users_of(&self, entity: &Entity) -> impl Iterator<Item = &Entity> {
        self.0.get(entity).into_iter().flat_map(|users| users.iter())
    }

    /// These links after `user`'s references changed. Shares everything if they did not.
    pub(crate) fn with(&self, user: &Entity, before: &Outline, after: &Outline) -> Self {
        self.with_all([(user, before, after)])
    }

    /// These links after the references of several changed.
    pub(crate) fn with_all<'o>(&self, changes: impl IntoIterator<Item = (&'o Entity, &'o Outline, &'o Outline)>) -> Self {
        let targets = |outline: &Outline| outline.references.iter().map(|(reference, _)| target(reference)).collect::<BTreeSet<_>>();
        let mut changed = None;
        for (user, before, after) in changes {
            let (before, after) = (targets(before), targets(after));
            if before == after {
                continue;
            }
            let links = changed.get_or_insert_with(|| HashMap::clone(&self.0));
            for old in before.difference(&after) {
                if let Some(users) = links.get_mut(old) {
                    Arc::make_mut(users).remove(user);
                    if users.is_empty() {
                        links.remove(old);
                    }
                }
            }
            for new in after.difference(&before) {
                Arc::make_mut(links.entry(new.clone()).or_default()).insert(user.clone());
            }
        }
        changed.map_or_else(|| self.clone(), |links| Self(Arc::new(links)))
    }

    /// Everyone who reaches `entity`, directly or through others.
    pub(crate) fn dependents_of(&self, entity: &Entity) -> BTreeSet<Entity> {
        let mut all = BTreeSet::new();
        let mut next = vec![entity.clone()];
        while let Some(entity) = next.pop() {
            for user in self.users_of(&entity) {
                if all.insert(user.clone()) {
                    next.push(user.clone());
                }
            }
        }
        all
    }
}

/// Measures how far entities reach. One serves many questions about the same entities.
pub(crate) struct Reach<'a, F> {
    outline_of: F,
    known: HashMap<Entity, Extent>,
    path: Vec<Entity>,
    marker: std::marker::PhantomData<&'a ()>,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    steps: u64,
    depth: usize,
}

impl<'a, F: Fn(&Entity) -> Option<&'a Outline>> Reach<'a, F> {
    pub(crate) fn new(outline_of: F) -> Self {
        Self { outline_of, known: HashMap::new(), path: Vec::new(), marker: std::marker::PhantomData }
    }

    /// Checks that an evaluation of `entity` ends, and within the bounds.
    ///
    /// # Errors
    /// Why it does not, and the number of the reference by which it goes astray.
    pub(crate) fn check(&mut self, entity: &Entity) -> Result<(), (usize, String)> {
        let Some(outline) = (self.outline_of)(entity) else { return Ok(()) };
        self.path.push(entity.clone());
        let mut sum = Extent { steps: outline.steps, depth: 0 };
        let mut result = Ok(());
        for (i, (reference, _)) in outline.references.iter().enumerate() {
            match self.extent(&target(reference)).and_then(|extent| sum.add(extent)) {
                Ok(()) => {}
                Err(message) => {
                    result = Err((i, message));
                    break;
                }
            }
        }
        self.path.clear();
        if result.is_ok() {
            self.known.insert(entity.clone(), sum);
        }
        result
    }

    fn extent(&mut self, entity: &Entity) -> Result<Extent, String> {
        if let Some(start) = self.path.iter().position(|on_path| on_path == entity) {
            let cycle = self.path.iter().skip(start).chain([entity]).map(Entity::to_string).collect::<Vec<_>>();
            return Err(format!("goes round in a circle: {}", cycle.join(" → ")));
        }
        if let Some(extent) = self.known.get(entity) {
            return Ok(*extent);
        }
        if self.path.len() > REFERENCE_DEPTH_MAX {
            return Err(too_deep());
        }
        let Some(outline) = (self.outline_of)(entity) else { return Ok(Extent { steps: 0, depth: 0 }) };
        self.path.push(entity.clone());
        let mut sum = Extent { steps: outline.steps, depth: 0 };
        for (reference, _) in &outline.references {
            let extent = self.extent(&target(reference))?;
            sum.add(extent)?;
        }
        self.path.pop();
        self.known.insert(entity.clone(), sum);
        Ok(sum)
    }
}

fn too_deep() -> String {
    format!("at most {REFERENCE_DEPTH_MAX} segments or prerequisites may stand behind one another")
}

impl Extent {
    fn add(&mut self, inner: Self) -> Result<(), String> {
        self.steps = self.steps.saturating_add(inner.steps);
        self.depth = self.depth.max(inner.depth + 1);
        if self.depth > REFERENCE_DEPTH_MAX {
            return Err(too_deep());
        }
        if self.steps > EVALUATION_STEPS_MAX {
            return Err(format!(
                "an evaluation may take at most {EVALUATION_STEPS_MAX} steps, segments and prerequisites followed; this takes {}",
                self.steps
            ));
        }
        Ok(())
    }
}
