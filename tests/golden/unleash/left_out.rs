//! The cases of the specification that are not compared, each with its reason. The runner finds the reasons anew and compares.

/// A percentage between 0 and 100, or a choice among several variants: their hash is another than ours.
pub(super) const HASH: &str = "depends on the hash";
/// There a parent with a parent is not satisfied; here a prerequisite may have prerequisites, up to a depth.
pub(super) const TRANSITIVE: &str = "a prerequisite may have prerequisites here";
/// Keys are letters, digits and three marks of ASCII.
pub(super) const NAME: &str = "its name is no key here";

/// File, description, reason.
#[rustfmt::skip]
pub(super) const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("03-gradual-rollout-user-id-strategy", "Feature.B3 should be enabled for userId=122", HASH),
    ("03-gradual-rollout-user-id-strategy", "Feature.B3 should be disabled for userId=155", HASH),
    ("04-gradual-rollout-session-id-strategy", "Feature.B4 should be enabled for sessionId=122", HASH),
    ("04-gradual-rollout-session-id-strategy", "Feature.B4 should be disabled for sessionId=155", HASH),
    ("08-variants", "Feature.Variants.B should give variant2 for user 2", HASH),
    ("08-variants", "Feature.Variants.B should give variant 1 for user 0", HASH),
    ("08-variants", "Feature.Variants.C should return variant1", HASH),
    ("08-variants", "Feature.Variants.C should return variant2", HASH),
    ("08-variants", "Feature.Variants.C should return variant3", HASH),
    ("08-variants", "Feature.Variants.D should return variant1", HASH),
    ("08-variants", "Feature.Variants.D should return variant2", HASH),
    ("08-variants", "Feature.Variants.D should return variant3", HASH),
    ("08-variants", "Feature.Variants.override.D should return variant2 for user 388", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.10 should be enabled for userId=174", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.10 should be disabled for userId=499", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.10 should be enabled for sessionId=174", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.10 should be disabled for sessionId=499", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.userId.55 should be enabled for userId=25", HASH),
    ("10-flexible-rollout-strategy", "Feature.flexibleRollout.sessionId.42 should be enabled for sessionId=147", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_50 should not enabled for customField=402", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_50 should be enabled for customField=388", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_50 should be enabled for customField=39", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_100 and customField=616 yields blue", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_100 and customField=503 yields red", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_100 and customField=438 yields green", HASH),
    ("12-custom-stickiness", "Feature.flexible.rollout.custom.stickiness_100 and customField=44 yields yellow", HASH),
    ("15-global-constraints", "F9.globalSegmentOn and customField=616 yields green", HASH),
    ("16-strategy-variants", "Feature.strategy.multiple.variants should choose first variant", HASH),
    ("16-strategy-variants", "Feature.strategy.multiple.variants should choose second variant", HASH),
    ("16-strategy-variants", "Feature.strategy.numeric.variants should choose second variant", HASH),
    ("16-strategy-variants", "Feature.strategy.variants.stickiness should inherit stickiness from the strategy - first variant", HASH),
    ("16-strategy-variants", "Feature.strategy.variants.stickiness should inherit stickiness from the strategy - second variant", HASH),
    ("17-dependent-features", "Child is disabled if a transitive dependency exists.", TRANSITIVE),
    ("17-dependent-features", "Child yields a disabled variant because of a transitive dependency.", TRANSITIVE),
    ("18-utf8-flag-names", "Feature.UTF-8.Hellø_Wørld feature toggle should be enabled", NAME),
    ("18-utf8-flag-names", "Feature.UTF-8.😊_φriend_你好_🌍 feature toggle should be enabled", NAME),
];
