//! The rules behind the stateful default actions: a model, since AWS does not publish them.
//!
//! AWS says in words which packets each action is about; the rules here do what the words say, and those of the
//! application-layer family follow the default-block rules that AWS publishes as similar. They come last, the alert
//! actions before the drop actions, as packet rules, since a rule about addresses only would act once per flow and
//! direction. A drop without its alert partner reports nothing. Reports say "modelled" wherever one of them decided.

use crate::policy::model::DefaultAction;

/// First signature id of default rules; none that a user writes is larger.
pub(super) const FIRST_SID: u32 = 4_294_900_001;

/// The rules of the actions of one policy, in order: the action, and its rule as text.
pub(crate) fn rules(actions: &[DefaultAction]) -> Vec<(DefaultAction, String)> {
    let mut ordered: Vec<DefaultAction> = actions.to_vec();
    ordered.sort_by_key(|action| action.drops());
    let mut sid = FIRST_SID;
    let mut rules = Vec::new();
    for action in ordered {
        let quiet = action.drops() && !actions.contains(&partner(action));
        for (verb, proto, options) in templates(action) {
            let noalert = if quiet && !options.contains("noalert") { "noalert; " } else { "" };
            let name = action.name();
            rules.push((
                action,
                format!("{verb} {proto} any any -> any any (msg:\"aws:{name} action\"; {options} {noalert}sid:{sid};)"),
            ));
            sid += 1;
        }
    }
    rules
}

/// The alert action that makes a drop action report.
fn partner(action: DefaultAction) -> DefaultAction {
    match action {
        DefaultAction::DropStrict => DefaultAction::AlertStrict,
        DefaultAction::DropEstablished => DefaultAction::AlertEstablished,
        DefaultAction::DropEstablishedAppLayer => DefaultAction::AlertEstablishedAppLayer,
        DefaultAction::DropEstablishedAppLayerToServer => DefaultAction::AlertEstablishedAppLayerToServer,
        other => other,
    }
}

/// Action word, protocol and options of each rule.
fn templates(action: DefaultAction) -> Vec<(&'static str, &'static str, String)> {
    let verb = if action.drops() { "drop" } else { "alert" };
    match action {
        DefaultAction::DropStrict | DefaultAction::AlertStrict => vec![(verb, "ip", "flow:stateless;".into())],
        DefaultAction::DropEstablished | DefaultAction::AlertEstablished => vec![
            (verb, "tcp", "flow:established,to_server;".into()),
            (verb, "ip", "ip_proto:!6; flow:stateless;".into()),
        ],
        DefaultAction::DropEstablishedAppLayer | DefaultAction::AlertEstablishedAppLayer => {
            app_layer(verb, "stateless", "established", &format!("aws.{verb}"))
        }
        DefaultAction::DropEstablishedAppLayerToServer | DefaultAction::AlertEstablishedAppLayerToServer => {
            app_layer(verb, "to_server", "established,to_server", &format!("aws.{verb}s"))
        }
    }
}

/// The application-layer family: a connection that is still on its way to a ClientHello or a request waits.
fn app_layer(verb: &'static str, direction: &str, tcp: &str, bit: &str) -> Vec<(&'static str, &'static str, String)> {
    vec![
        (verb, "tls", format!("ssl_state:client_hello; flowbits:set,{bit}.blocked; flow:to_server;")),
        (
            "alert",
            "tls",
            format!("flowbits:isnotset,{bit}.blocked; flowbits:set,{bit}.waiting; noalert; flow:to_server;"),
        ),
        (verb, "http", format!("flowbits:set,{bit}.blocked; flow:to_server;")),
        (verb, "tcp", format!("flowbits:isnotset,{bit}.blocked; flowbits:isnotset,{bit}.waiting; flow:{tcp};")),
        (verb, "udp", format!("flow:{direction};")),
        (verb, "icmp", format!("flow:{direction};")),
        (verb, "ip", format!("ip_proto:!6; ip_proto:!17; ip_proto:!1; flow:{direction};")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_action_comes_first_and_gives_its_drop_a_voice() {
        let both = rules(&[DefaultAction::DropStrict, DefaultAction::AlertStrict]);
        assert_eq!(
            both.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            [
                "alert ip any any -> any any (msg:\"aws:alert_strict action\"; flow:stateless; sid:4294900001;)",
                "drop ip any any -> any any (msg:\"aws:drop_strict action\"; flow:stateless; sid:4294900002;)",
            ]
        );
        let alone = rules(&[DefaultAction::DropStrict]);
        assert!(alone[0].1.contains("noalert;"));
    }
}
