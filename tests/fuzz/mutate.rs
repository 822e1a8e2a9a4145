//! Changed copies of an input that often stay documents: one place of one line's JSON is changed.
//!
//! A fuzzer that changes bytes seldom takes a whole member out of an object or moves a condition into another. It uses this beside
//! its own changes; the tests, which run on any toolchain, use this alone.

use serde_json::{Map, Value, json};

/// A source of choices: `SplitMix64`, by Steele, Lea and Flood, 2014.
pub struct Choices(pub u64);

impl Choices {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The input with one line's JSON changed in one place; nothing where the chosen line holds none. `names` are such as members have.
pub fn changed(data: &[u8], names: &[String], choices: &mut Choices) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return None;
    }
    let at = choices.below(lines.len());
    match choices.below(16) {
        0 => drop(lines.remove(at)),
        1 => lines.push(lines[at].clone()),
        _ => {
            let start = lines[at].find('{')?;
            let mut tree: Value = serde_json::from_str(&lines[at][start..]).ok()?;
            let part = chosen(&mut tree, choices).clone();
            change(chosen(&mut tree, choices), part, names, choices);
            lines[at] = format!("{}{tree}", &lines[at][..start]);
        }
    }
    Some(lines.join("\n").into_bytes())
}

/// Some value inside, or the whole.
fn chosen<'a>(tree: &'a mut Value, choices: &mut Choices) -> &'a mut Value {
    let children = match &*tree {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if children == 0 || choices.below(5) == 0 {
        return tree;
    }
    let at = choices.below(children);
    let child = match tree {
        Value::Array(items) => &mut items[at],
        Value::Object(members) => members.values_mut().nth(at).expect("there are so many"),
        _ => unreachable!("a scalar has no children"),
    };
    chosen(child, choices)
}

fn change(place: &mut Value, part: Value, names: &[String], choices: &mut Choices) {
    match place {
        Value::Object(members) if choices.below(3) > 0 => change_members(members, part, names, choices),
        Value::Array(items) if choices.below(3) > 0 => {
            let at = choices.below(items.len() + 1);
            match choices.below(3) {
                0 if at < items.len() => drop(items.remove(at)),
                1 => items.insert(at, part),
                _ => items.extend(items.get(at).cloned()),
            }
        }
        other => {
            *other = match choices.below(5) {
                0 => json!({"not": other}),
                1 => json!([other, part]),
                2 => part,
                _ => scalar(other, choices),
            }
        }
    }
}

fn change_members(members: &mut Map<String, Value>, part: Value, names: &[String], choices: &mut Choices) {
    let name = members.keys().nth(choices.below(members.len())).cloned();
    match (choices.below(4), name) {
        (0 | 1, Some(name)) => drop(members.remove(&name)),
        (2, Some(name)) => {
            let value = members.remove(&name).unwrap_or_default();
            members.insert(choices.pick(names).clone(), value);
        }
        _ => drop(members.insert(choices.pick(names).clone(), part)),
    }
}

/// A scalar near the one that is there, or one at which readings differ.
fn scalar(former: &Value, choices: &mut Choices) -> Value {
    match former.as_str() {
        Some(text) if choices.below(2) == 0 => {
            let at = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).nth(choices.below(text.chars().count() + 1)).unwrap_or(0);
            let (head, tail) = text.split_at(at);
            let shorter = tail.chars().skip(1).collect::<String>();
            let added = choices.pick(&['0', '9', '.', '-', '+', ':', 'Z', ' ', 'ς', 'İ', '\\', '[']);
            match choices.below(3) {
                0 => json!(format!("{head}{shorter}")),
                1 => json!(format!("{head}{added}{tail}")),
                _ => json!(text.to_uppercase()),
            }
        }
        _ => choices
            .pick(&[
                json!(null),
                json!(true),
                json!(0),
                json!(-0.0),
                json!(100),
                json!(1e-320),
                json!(9_007_199_254_740_993_u64),
                json!(""),
                json!("a"),
                json!("2026-01-01T00:00:00.5+23:59"),
                json!("0000-01-01T00:00:00+00:01"),
                json!("1.2-a.1+b"),
                json!("::ffff:10.0.0.1"),
                json!([]),
                json!({}),
            ])
            .clone(),
    }
}
