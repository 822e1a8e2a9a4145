//! The bounds on everything that comes from outside. Each is named in the fault that it causes.

/// Variants in a flag.
pub const VARIANTS_MAX: usize = 100;
/// Rules in a flag.
pub const RULES_MAX: usize = 500;
/// Conditions inside conditions: how deep a tree may be.
pub const CONDITION_DEPTH_MAX: usize = 16;
/// Clauses and tests in the conditions of one flag, or in one segment's criteria.
pub const CONDITION_NODES_MAX: usize = 2_000;
/// Regular expressions in one flag or segment.
pub const REGEXES_MAX: usize = 50;
/// Bytes of a regular expression's text.
pub const REGEX_LENGTH_MAX: usize = 1_000;
/// Bytes of a compiled regular expression, as the `regex` crate counts them. `\w+@\w+\.\w+` takes between 128 and 256 KiB,
/// since `\w` is every letter of every script.
pub const REGEX_SIZE_MAX: usize = 256 * 1024;
/// Bytes that the states of a regular expression may take while it matches; with less, large ones fall back to a matcher
/// that is a hundred times slower.
pub const REGEX_CACHE_MAX: usize = 1024 * 1024;
/// Bytes of a regular expression's table of states, with all characters beyond ASCII taken for one. `[ab]*a[ab]{12}c` has more
/// states than that, and would make every character of a text cost as much as a new one.
pub const REGEX_TABLE_MAX: usize = 64 * 1024;
/// Days that a percentage may grow: a hundred years, so that its line is computed exactly in 128 bits.
pub const GROWTH_DAYS_MAX: u32 = 36_525;
/// Values in the list of an `in` or a network test.
pub const LIST_LENGTH_MAX: usize = 10_000;
/// User ids in a segment's `included` or `excluded` list.
pub const MEMBERS_MAX: usize = 1_000_000;
/// Bytes of a text operand.
pub const OPERAND_LENGTH_MAX: usize = 1_024;
/// Lists and objects inside one another in a variant's value.
pub const VALUE_DEPTH_MAX: usize = 32;
/// Steps that a regular expression counts for in [`EVALUATION_STEPS_MAX`].
pub const REGEX_STEPS: u64 = 200;
/// Steps that a search counts for (`contains`, `icontains`): it may look at every byte of a text.
pub const SEARCH_STEPS: u64 = 40;
/// Steps that a test counts for that reads its attribute as something else: a number, an instant, an address, or a text whose
/// case is ignored.
pub const READ_STEPS: u64 = 5;
/// Steps that a test on a version counts for.
pub const VERSION_STEPS: u64 = 25;
/// Bytes of a text operand that can be compared in a step.
pub const STEP_LENGTH: usize = 256;
/// Texts of an `in` on an attribute that can be looked up in a list in a step.
pub const STEP_TEXTS: usize = 4;
/// Bytes of an attribute's name, or of the dotted path to a nested one.
pub const ATTRIBUTE_NAME_LENGTH_MAX: usize = 256;
/// Characters of a name, an owner or a salt.
pub const NAME_LENGTH_MAX: usize = 256;
/// Characters of a description.
pub const DESCRIPTION_LENGTH_MAX: usize = 4_096;
/// Tags of a flag.
pub const TAGS_MAX: usize = 50;
/// Entries of a flag's metadata.
pub const METADATA_MAX: usize = 50;
/// Bytes of a variant's value, written as JSON.
pub const VALUE_LENGTH_MAX: usize = 64 * 1024;
/// Bytes of a user id.
pub const USER_ID_LENGTH_MAX: usize = 1_024;
/// Attributes of a user, those inside nested objects counted.
pub const ATTRIBUTES_MAX: usize = 1_000;
/// Bytes of a user's text attribute.
pub const ATTRIBUTE_LENGTH_MAX: usize = 1_024;
/// Bytes of a text that may count as a number. Every double has a shorter literal.
pub const DECIMAL_LENGTH_MAX: usize = 64;
/// Bytes of a version, whether operand or attribute.
pub const VERSION_LENGTH_MAX: usize = 128;
/// Values in a user's list attribute: as many groups as the largest identity providers put into a token.
pub const ATTRIBUTE_LIST_MAX: usize = 200;
/// Bytes of the texts in a user's list attribute together: 200 UUIDs and some.
pub const ATTRIBUTE_LIST_LENGTH_MAX: usize = 8 * 1024;
/// Objects inside objects in a user's attributes.
pub const ATTRIBUTE_DEPTH_MAX: usize = 16;
/// How many segments or prerequisites may stand behind one another.
pub const REFERENCE_DEPTH_MAX: usize = 16;
/// Steps that one evaluation may take at most, segments and prerequisites followed: the sum of the clauses and tests
/// of everything that a flag reaches, counted as often as it is reached. A step is what can be done in 20 ns, so an evaluation
/// takes at most 200 µs; tests that take longer count for several.
pub const EVALUATION_STEPS_MAX: u64 = 10_000;
