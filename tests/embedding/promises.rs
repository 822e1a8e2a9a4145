//! What the types promise, held by the compiler.

use std::error::Error;
use std::fmt::Debug;

use ff_core::bucket::{Bucket, Domain, Seed, Threshold};
use ff_core::build::{ConditionBuilder, FlagBuilder, PercentageBuilder, RuleBuilder, SegmentBuilder, TestBuilder};
use ff_core::model::{Amount, Clause, OneOrMany, Operation, Percentage, Prerequisite, Scalar, Share, Test, TimeWindow, WeightError};
use ff_core::*;

/// May be shared between threads and kept in a panic handler, and shows itself in a log.
const fn is_shared<T: Send + Sync + Unpin + Debug + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}

/// May be handed to another thread as a whole, so it may live in a `static` behind an `Arc`.
const fn is_owned<T: Send + Sync + 'static>() {}

/// Fits `Box<dyn Error + Send + Sync>`, and so `?` in any service.
const fn is_error<T: Error + Send + Sync + 'static>() {}

const _: () = {
    is_shared::<Ruleset>();
    is_shared::<Segments>();
    is_shared::<Rejected>();
    is_shared::<User>();
    is_shared::<AttributeValue>();
    is_shared::<Timestamp>();
    is_shared::<Evaluation<'_>>();
    is_shared::<OwnedEvaluation>();
    is_shared::<VariantValue>();
    is_shared::<Reason>();
    is_shared::<Explanation<'_>>();
    is_shared::<RuleTrace<'_>>();
    is_shared::<Trace<'_>>();
    is_shared::<TestTrace<'_>>();
    is_shared::<DistributionTrace<'_>>();
    is_shared::<ShareTrace<'_>>();
    is_shared::<FlagSet>();
    is_shared::<Flag>();
    is_shared::<FlagType>();
    is_shared::<State>();
    is_shared::<Variant>();
    is_shared::<Weight>();
    is_shared::<Rule>();
    is_shared::<Rollout>();
    is_shared::<Share>();
    is_shared::<Segment>();
    is_shared::<Definition>();
    is_shared::<Configuration>();
    is_shared::<Condition>();
    is_shared::<Clause>();
    is_shared::<Test>();
    is_shared::<Operation>();
    is_shared::<Percentage>();
    is_shared::<Amount>();
    is_shared::<TimeWindow>();
    is_shared::<Prerequisite>();
    is_shared::<Scalar>();
    is_shared::<OneOrMany<VariantKey>>();
    is_shared::<TenantId>();
    is_shared::<EnvironmentKey>();
    is_shared::<FlagKey>();
    is_shared::<VariantKey>();
    is_shared::<SegmentKey>();
    is_shared::<RuleId>();
    is_shared::<Entity>();
    is_shared::<Fault>();
    is_shared::<Seed>();
    is_shared::<Bucket>();
    is_shared::<Threshold>();
    is_shared::<Domain>();
    is_shared::<FlagBuilder>();
    is_shared::<RuleBuilder>();
    is_shared::<SegmentBuilder>();
    is_shared::<ConditionBuilder>();
    is_shared::<PercentageBuilder>();
    is_shared::<TestBuilder>();

    is_owned::<Ruleset>();
    is_owned::<User>();
    is_owned::<OwnedEvaluation>();

    is_error::<ff_core::Error>();
    is_error::<Faults>();
    is_error::<KeyError>();
    is_error::<TimestampError>();
    is_error::<WeightError>();
    is_shared::<VariantInUse>();
};

#[test]
fn a_refusal_is_told_once_in_a_chain_of_errors() {
    let faults = Flag::from_json("{}").unwrap_err();
    let error = ff_core::Error::from(faults.clone());
    assert_eq!(error.to_string(), faults.to_string());
    assert!(error.source().is_none(), "the faults are the error, not its cause: else every log would have them twice");
}

#[test]
fn a_ruleset_in_a_log_is_a_line() {
    let set = FlagSet::new("acme".parse().unwrap()).flag(Flag::builder("f", FlagType::Boolean).build().unwrap());
    let shown = format!("{:?}", set.compile(7).unwrap());
    assert_eq!(
        shown,
        "Ruleset { tenant: TenantId(acme), environment: EnvironmentKey(production), revision: 7, flags: 1, segments: 0, .. }"
    );
}

#[test]
fn a_user_in_a_log_is_the_id_and_the_attributes() {
    let user = User::new("Ü").unwrap().with("plan", "pro").with("age", 36).with("roles", ["Admin"]);
    assert_eq!(
        format!("{user:?}"),
        r#"User { id: "Ü", attributes: {"age": Number(36.0), "plan": String("pro"), "roles": List([String("Admin")])} }"#
    );
}

#[test]
fn keys_compare_with_text_and_come_from_it() {
    let key = FlagKey::try_from("new-search").unwrap();
    assert_eq!(key, "new-search");
    assert_eq!(key, *"new-search");
    assert_eq!(FlagKey::try_from("new-search".to_owned()), Ok(key));
    assert!(FlagKey::try_from("new search").is_err());
    assert_eq!(EnvironmentKey::default(), "production");
}
