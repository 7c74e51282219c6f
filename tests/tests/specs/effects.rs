//! What is written to the CRM: an effect of each kind, about one invented person.

use cannula::core::{
    ContactWrite, CrmEffect, CrmNeeds, Currency, FieldKind, FieldSpec, FieldValue, Money,
    OpportunityStatus, OpportunityValue, Person, Phi, PipelineSpec, StageMove,
};

/// The pipeline that everything is in.
pub(crate) const PIPELINE: &str = "Lead 2 Patient";

/// A field of each kind, none of which the location has.
const FIELDS: [(&str, FieldKind); 3] = [
    ("NXT Location", FieldKind::Text),
    ("NXT Last Payment", FieldKind::Date),
    ("Patient Lifetime Value", FieldKind::Money),
];

pub(crate) fn needs() -> CrmNeeds {
    let spec = |(name, kind): (&str, FieldKind)| FieldSpec {
        name: name.to_owned(),
        kind,
        config_key: format!("rules.fields.{name}"),
    };
    CrmNeeds {
        fields: FIELDS.map(spec).into(),
        pipelines: vec![PipelineSpec {
            name: PIPELINE.to_owned(),
            config_key: "rules.pipeline".to_owned(),
            stages: vec![("rules.stages.booked".to_owned(), "Booked".to_owned())],
        }],
    }
}

pub(crate) fn person(first_name: &str, email: &str) -> Person {
    Person {
        first_name: Phi::new(first_name.to_owned()),
        last_name: Phi::new("Park".to_owned()),
        email: Some(Phi::new(email.to_owned())),
        phone: None,
        birth_date: Some(Phi::new("1990-09-25".parse().unwrap())),
    }
}

pub(crate) fn mina() -> Person {
    let phone = Some(Phi::new("(202) 456-1111".to_owned()));
    Person { phone, ..person("Mina", "mina@example.test") }
}

/// A person's contact with a value in each field.
pub(crate) fn write(person: Person) -> CrmEffect {
    contact(person, true, |kind| match kind {
        FieldKind::Text => FieldValue::Text(Phi::new("Main Street".to_owned())),
        FieldKind::Date => FieldValue::Date(Phi::new("2031-03-09".parse().unwrap())),
        FieldKind::Money => FieldValue::Money(dollars(14_950)),
    })
}

/// The fields of a contact without a value, and nothing else.
pub(crate) fn clear() -> CrmEffect {
    contact(mina(), false, |_| FieldValue::Empty)
}

fn contact(
    person: Person,
    write_person: bool,
    value: impl Fn(FieldKind) -> FieldValue,
) -> CrmEffect {
    let fields = FIELDS.map(|(name, kind)| (name.to_owned(), value(kind))).into();
    CrmEffect::Contact(ContactWrite { person, write_person, fields })
}

pub(crate) fn stage(stage: &str, status: OpportunityStatus, create: bool) -> CrmEffect {
    CrmEffect::Stage(StageMove {
        pipeline: PIPELINE.to_owned(),
        stage: stage.to_owned(),
        status,
        title: Phi::new("Mina Park".to_owned()),
        create,
    })
}

pub(crate) fn worth(minor: i64) -> CrmEffect {
    CrmEffect::Value(OpportunityValue { pipeline: PIPELINE.to_owned(), value: dollars(minor) })
}

fn dollars(minor: i64) -> Phi<Money> {
    Phi::new(Money::from_minor(minor, Currency::USD))
}
