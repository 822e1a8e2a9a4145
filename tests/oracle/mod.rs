//! A second reading of the design: what a flag gives to a user, worked out slowly and plainly from JSON documents.
//!
//! Nothing is compiled, shared or cached, and nothing is taken from `ff-core`; every answer starts from the text of
//! the documents. Where the engine and this interpreter disagree, one of them misreads the design.
//!
//! The documents are taken to be valid: a malformed one is a mistake in the test and panics.

mod bucketing;
mod instants;
mod operators;
mod versions;

use serde_json::{Value, json};

pub use bucketing::{Domain, bucket_of, growing_threshold, hash, holds, percentage_threshold, seed, thresholds};
pub use instants::nanoseconds;
pub use operators::test_holds;

/// What the design says a user gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The flag asked for.
    pub flag_key: String,
    /// The key of the variant served.
    pub variant: String,
    /// The value of the variant served.
    pub value: Value,
    /// `flag_off`, `rule_match` or `default_distribution`.
    pub reason: String,
    /// The rule that held, for `rule_match`.
    pub rule_id: Option<String>,
    /// The user's place in the flag's distributions, whether or not one was asked.
    pub bucket: f64,
    /// The last percentage bucket consulted, where clauses are tried in the order in which they stand in the document.
    pub percentage_bucket: Option<f64>,
}

impl Answer {
    /// The answer as the API shows it.
    pub fn to_json(&self) -> Value {
        let mut details = json!({"bucket": self.bucket});
        if let Some(bucket) = self.percentage_bucket {
            details["percentage_bucket"] = json!(bucket);
        }
        let mut answer =
            json!({"flag_key": self.flag_key, "variant": self.variant, "value": self.value, "reason": self.reason, "details": details});
        if let Some(rule_id) = &self.rule_id {
            answer["rule_id"] = json!(rule_id);
        }
        answer
    }
}

/// Everything that a question needs: the documents of one tenant, the user and the instant.
pub struct World<'a> {
    /// The tenant's id, part of every seed.
    pub tenant: &'a str,
    /// Flags, as the API shows them.
    pub flags: &'a [Value],
    /// Segments, as the API shows them.
    pub segments: &'a [Value],
    /// `{"id": …, "attributes": {…}}`.
    pub user: &'a Value,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub now: i128,
}

/// Whose conditions are being read: this decides how a percentage without a salt of its own is seeded.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Flag(&'a Value),
    Segment(&'a str),
}

/// The answer for one flag; nothing where there is no such flag. `now` is an RFC 3339 instant.
pub fn evaluate(tenant: &str, flags: &[Value], segments: &[Value], flag_key: &str, user: &Value, now: &str) -> Option<Answer> {
    let now = nanoseconds(now).expect("`now` is an RFC 3339 instant");
    World { tenant, flags, segments, user, now }.answer(flag_key)
}

impl World<'_> {
    fn user_id(&self) -> &str {
        text(&self.user["id"])
    }

    /// The user's attribute; a null one counts as missing.
    fn attribute(&self, name: &str) -> Option<&Value> {
        operators::look_up(self.user.get("attributes")?, name)
    }

    /// The whole evaluation of one flag.
    pub fn answer(&self, flag_key: &str) -> Option<Answer> {
        let flag = &filled_in(find(self.flags, flag_key)?);
        let own_text = salt_or_key(flag);
        let bucket = bucket_of(hash(seed(Domain::Distribution, self.tenant, own_text), self.user_id()));
        let mut consulted = None;
        let (variant, reason, rule_id) = self.outcome(flag, &mut consulted);
        let value = items(&flag["variants"]).iter().find(|v| v["key"] == json!(variant)).expect("the variant exists")["value"].clone();
        Some(Answer {
            flag_key: flag_key.to_owned(),
            variant,
            value,
            reason: reason.to_owned(),
            rule_id,
            bucket,
            percentage_bucket: consulted,
        })
    }

    fn outcome(&self, flag: &Value, consulted: &mut Option<f64>) -> (String, &'static str, Option<String>) {
        if flag["state"] != json!("on") {
            return (text(&flag["off_variant"]).to_owned(), "flag_off", None);
        }
        for rule in items(&flag["rules"]) {
            // A rule without a condition is for everyone.
            let holds =
                rule.get("when").filter(|when| !when.is_null()).is_none_or(|when| self.condition_holds(when, Owner::Flag(flag), consulted));
            if holds {
                let rollout = &rule["rollout"];
                let variant = match rollout.get("variant") {
                    Some(variant) => text(variant).to_owned(),
                    None => self.draw(flag, items(&rollout["distribution"]), "variant"),
                };
                return (variant, "rule_match", Some(text(&rule["id"]).to_owned()));
            }
        }
        (self.draw(flag, items(&flag["variants"]), "key"), "default_distribution", None)
    }

    /// The variant that the user's place gives among weighted `shares`, each named by its field `name`.
    fn draw(&self, flag: &Value, shares: &[Value], name: &str) -> String {
        let hash = hash(seed(Domain::Distribution, self.tenant, salt_or_key(flag)), self.user_id());
        let weights: Vec<f64> = shares.iter().map(|s| number(&s["weight"])).collect();
        let mut last = None;
        for (share, threshold) in shares.iter().zip(thresholds(&weights)) {
            if number(&share["weight"]) > 0.0 {
                if u128::from(hash) < threshold {
                    return text(&share[name]).to_owned();
                }
                last = Some(text(&share[name]).to_owned());
            }
        }
        last.expect("some weight is above zero")
    }

    /// Everything in one condition object must hold; the first clause that does not ends the search.
    fn condition_holds(&self, condition: &Value, owner: Owner<'_>, consulted: &mut Option<f64>) -> bool {
        let clauses = condition.as_object().expect("a condition is an object");
        clauses.iter().all(|(name, operand)| self.clause_holds(name, operand, owner, consulted))
    }

    fn clause_holds(&self, name: &str, operand: &Value, owner: Owner<'_>, consulted: &mut Option<f64>) -> bool {
        match name {
            "attr" => {
                let tests = operand.as_object().expect("attr is an object");
                tests.iter().all(|(name, test)| operators::test_holds(test, self.attribute(name)))
            }
            "user_id" => operators::test_holds(operand, Some(&self.user["id"])),
            "segment" => one_or_more(operand).iter().any(|key| self.in_segment(text(key), consulted)),
            "percentage" => self.percentage_holds(operand, owner, consulted),
            "time" => self.in_window(operand),
            "flag" => self.prerequisite_holds(operand),
            "all" => items(operand).iter().all(|part| self.condition_holds(part, owner, consulted)),
            "any" => items(operand).iter().any(|part| self.condition_holds(part, owner, consulted)),
            "not" => !self.condition_holds(operand, owner, consulted),
            _ => panic!("unknown condition {name}"),
        }
    }

    /// Excluded beats included beats criteria.
    fn in_segment(&self, key: &str, consulted: &mut Option<f64>) -> bool {
        let segment = find(self.segments, key).expect("the segment exists");
        let listed = |list: &str| segment.get(list).is_some_and(|ids| items(ids).contains(&json!(self.user_id())));
        if listed("excluded") {
            false
        } else if listed("included") {
            true
        } else {
            // A segment without criteria is those who are listed.
            segment
                .get("criteria")
                .filter(|criteria| !criteria.is_null())
                .is_some_and(|criteria| self.condition_holds(criteria, Owner::Segment(key), consulted))
        }
    }

    fn percentage_holds(&self, percentage: &Value, owner: Owner<'_>, consulted: &mut Option<f64>) -> bool {
        let subject = match percentage.get("by") {
            None => self.user_id().to_owned(),
            Some(name) => match self.attribute(text(name)).and_then(operators::bucketing_text) {
                Some(subject) => subject,
                None => return false,
            },
        };
        let own_salt = percentage.get("salt").filter(|salt| !salt.is_null()).map(text);
        let seed = match (own_salt, owner) {
            (Some(salt), _) => seed(Domain::Percentage, self.tenant, salt),
            (None, Owner::Flag(flag)) => seed(Domain::Percentage, self.tenant, salt_or_key(flag)),
            (None, Owner::Segment(key)) => seed(Domain::SegmentPercentage, self.tenant, key),
        };
        let hash = hash(seed, &subject);
        *consulted = Some(bucket_of(hash));
        let threshold = if let Some(from) = percentage.get("from") {
            let end = |at: &Value| (number(&at["value"]), nanoseconds(text(&at["at"])).expect("an instant"));
            growing_threshold(end(from), end(&percentage["to"]), self.now)
        } else if let Some(value) = percentage.get("value") {
            percentage_threshold(number(value))
        } else {
            percentage_threshold(number(percentage))
        };
        holds(hash, threshold)
    }

    /// `after` belongs to the window, `before` no longer does.
    fn in_window(&self, window: &Value) -> bool {
        let bound = |name: &str| window.get(name).filter(|at| !at.is_null()).map(|at| nanoseconds(text(at)).expect("an instant"));
        bound("after").is_none_or(|after| after <= self.now) && bound("before").is_none_or(|before| self.now < before)
    }

    fn prerequisite_holds(&self, prerequisite: &Value) -> bool {
        let answer = self.answer(text(&prerequisite["key"])).expect("the other flag exists");
        one_or_more(&prerequisite["variant"]).iter().any(|variant| *variant == json!(answer.variant))
    }
}

/// The flag with what is filled in when it is written.
fn filled_in(flag: &Value) -> Value {
    let mut flag = flag.clone();
    let is_boolean = flag["type"] == json!("boolean");
    if is_boolean && flag["variants"].is_null() {
        flag["variants"] = json!([{"key": "on", "value": true}, {"key": "off", "value": false}]);
        if flag["rollout_percentage"].is_null() {
            flag["rollout_percentage"] = json!(100);
        }
    }
    let on_percentage = flag["rollout_percentage"].as_f64();
    for variant in flag["variants"].as_array_mut().expect("variants are a list") {
        if variant.get("value").is_none() {
            variant["value"] = variant["key"].clone();
        }
        // The percentage stands in place of weights; beside weights it only repeats them.
        if let Some(on) = on_percentage.filter(|_| variant.get("weight").is_none()) {
            variant["weight"] = json!(if variant["value"] == json!(true) { on } else { 100.0 - on });
        }
    }
    if flag["off_variant"].is_null() {
        let keys: Vec<&str> = items(&flag["variants"]).iter().map(|v| text(&v["key"])).collect();
        let chosen = ["off", "control"].into_iter().find(|k| keys.contains(k)).unwrap_or(keys[0]).to_owned();
        flag["off_variant"] = json!(chosen);
    }
    flag
}

fn salt_or_key(flag: &Value) -> &str {
    flag["salt"].as_str().unwrap_or_else(|| text(&flag["key"]))
}

fn find<'a>(documents: &'a [Value], key: &str) -> Option<&'a Value> {
    documents.iter().find(|document| document["key"] == json!(key))
}

fn one_or_more(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        _ => value.as_array().expect("a list"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
