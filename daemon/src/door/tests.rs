use dirigent_protocol::entity::{Document, Kind, Visibility};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use jiff::Timestamp;
use serde_json::Value;

use super::policy::{self, Action, Object};
use crate::door::Denial;
use crate::records::{DEFAULT_ORG, Draft};

fn subject(administrator: bool) -> Subject {
    Subject {
        user: EntityId::new(),
        name: "dana".into(),
        org: DEFAULT_ORG,
        administrator,
    }
}

fn document(kind: Kind, owner: EntityId, visibility: Visibility) -> Document {
    let mut document = Draft::of(kind, "thing", Value::Null)
        .owner(owner)
        .document(Timestamp::UNIX_EPOCH);
    document.metadata.visibility = visibility;
    document
}

fn decide(subject: &Subject, action: Action, object: &Object<'_>) -> Result<(), Denial> {
    policy::decide(subject, action, object, &|_| false)
}

#[test]
fn nothing_is_seen_across_the_border_even_by_an_administrator() {
    let mut elsewhere = document(Kind::Agent, EntityId::new(), Visibility::Organization);
    elsewhere.metadata.org = EntityId::new();
    let denied = decide(&subject(true), Action::Read, &Object::Document(&elsewhere)).unwrap_err();
    assert_eq!(
        denied,
        Denial::Hidden {
            kind: Kind::Agent,
            what: "thing".into()
        }
    );
}

#[test]
fn private_and_team_documents_are_for_those_concerned() {
    let dana = subject(false);
    let theirs = document(Kind::Agent, EntityId::new(), Visibility::Private);
    assert!(decide(&dana, Action::Read, &Object::Document(&theirs)).is_err());
    let mut shared = theirs.clone();
    shared.metadata.shared_with.push(dana.user);
    assert!(decide(&dana, Action::Read, &Object::Document(&shared)).is_ok());
    let mut team = document(Kind::Agent, EntityId::new(), Visibility::Team);
    team.metadata.team = Some(EntityId::new());
    assert!(!policy::sees(&dana, &team, &|_| false));
    assert!(policy::sees(&dana, &team, &|_| true));
}

#[test]
fn people_write_their_own_and_administrators_what_is_not_the_daemons() {
    let dana = subject(false);
    let own = document(Kind::Agent, dana.user, Visibility::Organization);
    let other = document(Kind::Agent, EntityId::new(), Visibility::Organization);
    let run = document(Kind::WorkflowExecution, dana.user, Visibility::Organization);
    assert!(decide(&dana, Action::Update, &Object::Document(&own)).is_ok());
    assert!(matches!(
        decide(&dana, Action::Update, &Object::Document(&other)),
        Err(Denial::NeedsOwner { .. })
    ));
    assert!(decide(&subject(true), Action::Update, &Object::Document(&other)).is_ok());
    for who in [&dana, &subject(true)] {
        assert!(matches!(
            decide(who, Action::Update, &Object::Document(&run)),
            Err(Denial::DaemonWrites { .. })
        ));
    }
    for (action, object) in [
        (Action::DaemonStop, Object::Daemon),
        (Action::EmergencyStop, Object::Daemon),
        (Action::RunPrune, Object::Kind(Kind::WorkflowExecution)),
        (Action::Create, Object::Kind(Kind::User)),
        (Action::Read, Object::Kind(Kind::AuditLog)),
    ] {
        assert!(matches!(
            decide(&dana, action, &object),
            Err(Denial::NeedsAdministrator { .. })
        ));
        assert!(decide(&subject(true), action, &object).is_ok());
    }
}
