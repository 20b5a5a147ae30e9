//! The codes of what can be wrong with a policy document, and the findings that several readers share.
//!
//! `FD01..` the document cannot be read, `FD03..` something that it leaves open or that cannot be evaluated, `FD04..` it
//! can be evaluated, but AWS would refuse it.

use super::value::Node;
use crate::source::{Diagnostic, Span, Spanned};

/// The text is not JSON.
pub(super) const JSON_SYNTAX: &str = "FD0101";
/// The text is not YAML.
pub(super) const YAML_SYNTAX: &str = "FD0102";
/// A map has a key twice.
pub(super) const DUPLICATE_KEY: &str = "FD0103";
/// Lists and maps are nested too deeply.
pub(super) const TOO_DEEP: &str = "FD0104";
/// The document holds neither a policy nor a rule group.
pub(super) const NOTHING_TO_JUDGE: &str = "FD0105";
/// There are several policies and none was selected.
pub(super) const SEVERAL_POLICIES: &str = "FD0106";
/// An option names something that is not there.
pub(super) const NO_SUCH_NAME: &str = "FD0107";
/// Next Generation input, which is not judged yet.
pub(super) const NEXT_GENERATION: &str = "FD0108";
/// A member that no reader knows.
pub(super) const UNKNOWN_MEMBER: &str = "FD0109";
/// A template that CloudFormation would refuse.
pub(super) const TEMPLATE: &str = "FD0110";
/// A file of an option cannot be used as that option wants.
pub(super) const OPTION_VALUE: &str = "FD0111";

/// The document leaves a value open.
pub(super) const UNRESOLVED: &str = "FD0301";
/// A value has the wrong shape.
pub(super) const WRONG_TYPE: &str = "FD0302";
/// A required member is missing.
pub(super) const MISSING_MEMBER: &str = "FD0303";
/// A value is none of those that are legal.
pub(super) const ILLEGAL_VALUE: &str = "FD0304";
/// A referenced rule group is not there.
pub(super) const MISSING_GROUP: &str = "FD0305";
/// A managed rule group without its rules.
pub(super) const MANAGED_GROUP: &str = "FD0306";
/// A variable is used that nothing gives a value to.
pub(super) const VARIABLE_WITHOUT_VALUE: &str = "FD0307";
/// An IP set reference without its addresses.
pub(super) const REFERENCE_WITHOUT_VALUE: &str = "FD0308";
/// A rule group holds no rule.
pub(super) const NO_RULES: &str = "FD0309";
/// Something that is accepted but not simulated.
pub(super) const NOT_SIMULATED: &str = "FD0310";
/// Several firewalls or groups fit where one is needed.
pub(super) const AMBIGUOUS: &str = "FD0311";
/// A rule group sets `HOME_NET` and `EXTERNAL_NET` keeps following the policy.
pub(super) const EXTERNAL_NET_CONTRADICTS: &str = "FD0312";
/// The document was completed in a way that it does not say itself.
pub(super) const COMPLETED: &str = "FD0313";

/// AWS would refuse the policy.
pub(super) const REFUSED_POLICY: &str = "FD0401";
/// AWS would refuse the rule group.
pub(super) const REFUSED_GROUP: &str = "FD0402";
/// AWS would refuse the stateless rule.
pub(super) const REFUSED_STATELESS_RULE: &str = "FD0403";
/// AWS would refuse the domain list.
pub(super) const REFUSED_DOMAIN_LIST: &str = "FD0404";
/// AWS would refuse the stateful rule.
pub(super) const REFUSED_STATEFUL_RULE: &str = "FD0405";
/// The declared capacity does not hold the rules.
pub(super) const CAPACITY: &str = "FD0406";
/// The declared capacity may not hold the rules.
pub(super) const CAPACITY_UNCERTAIN: &str = "FD0408";

/// AWS takes it and documents that it is not supported.
pub(super) const NOT_SUPPORTED: &str = "FD0407";

/// Lists and maps are nested too deeply at `span`.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    let limit = super::value::MAX_DEPTH;
    Diagnostic::error(TOO_DEEP, format!("lists and maps are nested more than {limit} deep"))
        .at(span)
        .help("no policy needs as much: check where brackets are closed")
}

/// AWS would refuse what stands at `span`, with AWS's own words.
pub(super) fn refused(code: &'static str, span: Span, what: &str, aws_says: &str) -> Diagnostic {
    Diagnostic::warning(code, format!("AWS would refuse {what}: `{aws_says}`"))
        .at(span)
        .help("it is judged as written; correct it before it is deployed")
}

/// No key may be given twice: which value counts differs between the tools that read these files.
pub(super) fn refuse_duplicate_keys(members: &[(Spanned<String>, Node)]) -> Result<(), Diagnostic> {
    let mut order: Vec<&Spanned<String>> = members.iter().map(|(key, _)| key).collect();
    order.sort_by(|a, b| a.value.cmp(&b.value));
    for pair in order.windows(2) {
        if let [first, second] = pair
            && first.value == second.value
        {
            return Err(Diagnostic::error(DUPLICATE_KEY, format!("key `{}` is given twice", second.value))
                .at(second.span)
                .label(first.span, "first given here")
                .help("remove one of them: tools disagree about which one counts"));
        }
    }
    Ok(())
}
