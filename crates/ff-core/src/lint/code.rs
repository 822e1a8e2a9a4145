//! What can be found, each kind under a stable name.

use std::fmt;

use serde::{Serialize, Serializer};

/// The kinds of findings. `docs/lint.md` has a section about each: what it means, an example, what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LintCode {
    /// Tests that cannot hold together, for anybody.
    Contradiction,
    /// Tests on one attribute that no single value passes: only a list may, with an element for each test.
    OnlyListsMatch,
    /// A part of a condition that holds for nobody.
    NeverHolds,
    /// A part of a condition that holds for everybody.
    AlwaysHolds,
    /// A percentage that admits nobody.
    PercentageZero,
    /// A percentage that admits everybody, or everybody who has the attribute that it goes by.
    PercentageFull,
    /// Two percentages that must both hold and ask the same bucket, so that the smaller one decides alone.
    PercentagesOverlap,
    /// A segment in which nobody is.
    SegmentNeverHolds,
    /// A segment in which everybody is.
    SegmentAlwaysHolds,
    /// A prerequisite that the other flag cannot satisfy as it is now.
    PrerequisiteNeverHolds,
    /// A prerequisite that the other flag always satisfies as it is now.
    PrerequisiteAlwaysHolds,
    /// A rule that comes too late: an earlier one takes all its users.
    RuleShadowed,
    /// A percentage of whose users an earlier rule with a smaller percentage takes the first.
    PercentageRemainder,
    /// A percentage whose other users go on to weights that give the same variant again.
    PercentageThenWeights,
    /// A percentage in front of a distribution that gives back a part of what the percentage admitted.
    PercentageTimesWeight,
    /// A percentage that goes by an attribute in front of a distribution that goes by the user's id.
    SplitIgnoresBy,
    /// A rule's distribution in which one variant has all the weight.
    OneSidedDistribution,
    /// A variant that is given to nobody, neither on nor off.
    VariantUnobtainable,
    /// A salt that is another flag's salt or key, so that both deal their users alike.
    SaltShared,
    /// A user id in both lists of a segment.
    IncludedAndExcluded,
}

impl LintCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::Contradiction,
        Self::OnlyListsMatch,
        Self::NeverHolds,
        Self::AlwaysHolds,
        Self::PercentageZero,
        Self::PercentageFull,
        Self::PercentagesOverlap,
        Self::SegmentNeverHolds,
        Self::SegmentAlwaysHolds,
        Self::PrerequisiteNeverHolds,
        Self::PrerequisiteAlwaysHolds,
        Self::RuleShadowed,
        Self::PercentageRemainder,
        Self::PercentageThenWeights,
        Self::PercentageTimesWeight,
        Self::SplitIgnoresBy,
        Self::OneSidedDistribution,
        Self::VariantUnobtainable,
        Self::SaltShared,
        Self::IncludedAndExcluded,
    ];

    /// The code's name in JSON; it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::OnlyListsMatch => "only_lists_match",
            Self::NeverHolds => "never_holds",
            Self::AlwaysHolds => "always_holds",
            Self::PercentageZero => "percentage_zero",
            Self::PercentageFull => "percentage_full",
            Self::PercentagesOverlap => "percentages_overlap",
            Self::SegmentNeverHolds => "segment_never_holds",
            Self::SegmentAlwaysHolds => "segment_always_holds",
            Self::PrerequisiteNeverHolds => "prerequisite_never_holds",
            Self::PrerequisiteAlwaysHolds => "prerequisite_always_holds",
            Self::RuleShadowed => "rule_shadowed",
            Self::PercentageRemainder => "percentage_remainder",
            Self::PercentageThenWeights => "percentage_then_weights",
            Self::PercentageTimesWeight => "percentage_times_weight",
            Self::SplitIgnoresBy => "split_ignores_by",
            Self::OneSidedDistribution => "one_sided_distribution",
            Self::VariantUnobtainable => "variant_unobtainable",
            Self::SaltShared => "salt_shared",
            Self::IncludedAndExcluded => "included_and_excluded",
        }
    }

    /// Where the documents explain it: a path in the repository with the anchor of its section.
    pub fn docs(self) -> String {
        format!("docs/lint.md#{}", self.as_str())
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no finding `{0}`; docs/lint.md lists them")]
pub struct UnknownLintCode(String);

impl std::str::FromStr for LintCode {
    type Err = UnknownLintCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or_else(|| UnknownLintCode(text.to_owned()))
    }
}

impl Serialize for LintCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
