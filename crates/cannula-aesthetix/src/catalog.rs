//! The location's custom fields and pipelines by name, so that writes can use ids.

use std::collections::BTreeMap;

use cannula_core::{
    CrmNeeds, Error, ErrorKind, FieldKind, FieldSpec, FieldValue, OpportunityStatus, PipelineSpec,
    Problems, Result, nearest,
};

use crate::{CustomField, FieldWrite, Pipeline, Placement, map};

/// Types of custom field that hold no line of text.
const NOT_TEXT: [&str; 7] = [
    "DATE",
    "NUMERICAL",
    "MONETORY",
    "CHECKBOX",
    "MULTIPLE_OPTIONS",
    "TEXTBOX_LIST",
    "FILE_UPLOAD",
];

/// What the location has.
#[derive(Debug)]
pub(crate) struct Catalog {
    fields: BTreeMap<String, CustomField>,
    pipelines: BTreeMap<String, Pipeline>,
}

impl Catalog {
    pub(crate) fn new(fields: Vec<CustomField>, pipelines: Vec<Pipeline>) -> Self {
        Self {
            fields: fields.into_iter().map(|field| (field.name.clone(), field)).collect(),
            pipelines: pipelines.into_iter().map(|line| (line.name.clone(), line)).collect(),
        }
    }

    /// The fields that must be created, once nothing else is wrong.
    pub(crate) fn missing<'a>(&self, needs: &'a CrmNeeds) -> Result<Vec<&'a FieldSpec>> {
        let mut problems = Problems::new();
        let mut missing = Vec::new();
        for spec in &needs.fields {
            match self.fields.get(&spec.name) {
                Some(field) => check_type(spec, field, &mut problems),
                None => match self.variant(&spec.name) {
                    Some(name) => problems.add(
                        &spec.config_key,
                        format!("the CRM spells the field “{}” as “{name}”", spec.name),
                    ),
                    None => missing.push(spec),
                },
            }
        }
        for spec in &needs.pipelines {
            self.check_pipeline(spec, &mut problems);
        }
        problems.into_result("what the rules need of the CRM", missing)
    }

    /// Adds a field that was created; it is asked for by the name the rules use.
    pub(crate) fn add(&mut self, spec: &FieldSpec, field: CustomField) {
        self.fields.insert(spec.name.clone(), field);
    }

    /// A field whose name differs only by case or spaces: creating a second one would leave
    /// staff with two that look the same.
    fn variant(&self, wanted: &str) -> Option<&str> {
        let fold = |name: &str| name.split_whitespace().collect::<String>().to_lowercase();
        self.fields.keys().map(String::as_str).find(|name| fold(name) == fold(wanted))
    }

    fn check_pipeline(&self, spec: &PipelineSpec, problems: &mut Problems) {
        let Some(pipeline) = self.pipelines.get(&spec.name) else {
            let names = self.pipelines.keys().map(String::as_str);
            problems.add(&spec.config_key, absent("pipeline", &spec.name, names.collect()));
            return;
        };
        for (config_key, stage) in &spec.stages {
            let names: Vec<_> = pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
            if !names.contains(&stage.as_str()) {
                problems.add(config_key, absent("stage", stage, names));
            }
        }
    }

    /// Field values by id, in the shape each field's type takes.
    pub(crate) fn writes(&self, values: &BTreeMap<String, FieldValue>) -> Result<Vec<FieldWrite>> {
        let write = |(name, value): (&String, &FieldValue)| {
            let field = self.fields.get(name).ok_or_else(|| unknown("custom field", name))?;
            Ok(FieldWrite { id: field.id.clone(), value: map::field_content(value, field) })
        };
        values.iter().map(write).collect()
    }

    /// The names of the fields by id.
    pub(crate) fn names(&self) -> BTreeMap<String, String> {
        self.fields.iter().map(|(name, field)| (field.id.clone(), name.clone())).collect()
    }

    /// A pipeline's id.
    pub(crate) fn pipeline_id(&self, name: &str) -> Result<&str> {
        let pipeline = self.pipelines.get(name).ok_or_else(|| unknown("pipeline", name))?;
        Ok(&pipeline.id)
    }

    /// Where an opportunity belongs, by id.
    pub(crate) fn placement(
        &self,
        pipeline: &str,
        stage: &str,
        status: OpportunityStatus,
    ) -> Result<Placement> {
        let pipeline = self.pipelines.get(pipeline).ok_or_else(|| unknown("pipeline", pipeline))?;
        let stage = pipeline.stages.iter().find(|known| known.name == stage);
        let stage = stage.ok_or_else(|| unknown("stage of this pipeline", &pipeline.name))?;
        Ok(Placement {
            pipeline_id: pipeline.id.clone(),
            pipeline_stage_id: stage.id.clone(),
            status,
        })
    }
}

fn check_type(spec: &FieldSpec, field: &CustomField, problems: &mut Problems) {
    let data_type = field.data_type.as_str();
    // A date or an amount may stand in a text field: locations set up by hand often have it so.
    let fits = match spec.kind {
        FieldKind::Text => !NOT_TEXT.contains(&data_type),
        FieldKind::Date => !NOT_TEXT.contains(&data_type) || data_type == "DATE",
        FieldKind::Money => matches!(data_type, "TEXT" | "LARGE_TEXT") || field.is_number(),
    };
    if !fits {
        let right = match spec.kind {
            FieldKind::Text => "TEXT",
            FieldKind::Date => "DATE",
            FieldKind::Money => "MONETORY",
        };
        problems.add(
            &spec.config_key,
            format!("the CRM's field “{}” is of type {data_type}, and must be {right}", spec.name),
        );
    }
}

fn absent(what: &str, wanted: &str, names: Vec<&str>) -> String {
    match nearest(wanted, names.iter().copied()) {
        Some(near) => format!("the CRM has no {what} “{wanted}”; did you mean “{near}”?"),
        None if names.is_empty() => format!("the CRM has no {what} “{wanted}”, nor any other"),
        None => {
            let names: Vec<_> = names.iter().map(|name| format!("“{name}”")).collect();
            format!("the CRM has no {what} “{wanted}”; it has {}", names.join(", "))
        }
    }
}

fn unknown(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the CRM has no {what} “{name}”"))
        .connector(crate::CONNECTOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;

    fn field(name: &str, data_type: &str) -> CustomField {
        CustomField { id: format!("id of {name}"), name: name.into(), data_type: data_type.into() }
    }

    fn pipeline(name: &str, stages: &[&str]) -> Pipeline {
        let stage = |name: &&str| Stage { id: format!("id of {name}"), name: (*name).to_owned() };
        Pipeline {
            id: format!("id of {name}"),
            name: name.into(),
            stages: stages.iter().map(stage).collect(),
        }
    }

    fn spec(name: &str, kind: FieldKind) -> FieldSpec {
        FieldSpec { name: name.into(), kind, config_key: format!("rules.fields.{name}") }
    }

    fn catalog() -> Catalog {
        Catalog::new(
            vec![
                field("Next Visit Date", "DATE"),
                field("NXT  Location", "TEXT"),
                field("NXT Birthday", "MONETORY"),
                field("Last Visit Date", "TEXT"),
                field("Patient Lifetime Value", "DATE"),
            ],
            vec![
                pipeline("Lead 2 Patient", &["Booked", "Patient"]),
                pipeline("Surgery: Lead 2 Patient", &["Consult Booked"]),
            ],
        )
    }

    #[test]
    fn every_name_the_crm_does_not_have_is_reported_at_once_with_the_nearest_one() {
        let needs = CrmNeeds {
            fields: vec![
                spec("Next Visit Date", FieldKind::Date),
                spec("nxt location", FieldKind::Text),
                spec("NXT Birthday", FieldKind::Date),
                spec("Patient Lifetime Value", FieldKind::Money),
                spec("Brand New", FieldKind::Text),
            ],
            pipelines: vec![
                PipelineSpec {
                    name: "Lead 2 Patient".into(),
                    config_key: "rules.non_surgical.pipeline".into(),
                    stages: vec![
                        ("rules.non_surgical.booked".into(), "Boked".into()),
                        ("rules.non_surgical.patient".into(), "Patient".into()),
                        ("rules.non_surgical.cancelled".into(), "zzz".into()),
                    ],
                },
                PipelineSpec {
                    name: "surgery: lead 2 patient".into(),
                    config_key: "rules.surgical.pipeline".into(),
                    stages: Vec::new(),
                },
            ],
        };
        insta::assert_snapshot!(catalog().missing(&needs).unwrap_err().message());
    }

    #[test]
    fn a_field_the_crm_lacks_altogether_is_to_be_created() {
        let needs = CrmNeeds {
            fields: vec![
                spec("Brand New", FieldKind::Text),
                spec("Last Visit Date", FieldKind::Date),
            ],
            pipelines: Vec::new(),
        };
        let catalog = catalog();
        let missing: Vec<_> =
            catalog.missing(&needs).unwrap().iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(missing, ["Brand New"]);
    }

    #[test]
    fn money_may_stand_in_a_field_of_money_numbers_or_text() {
        let problem = |data_type: &str| {
            let catalog = Catalog::new(vec![field("Value", data_type)], Vec::new());
            let fields = vec![spec("Value", FieldKind::Money)];
            let needs = CrmNeeds { fields, pipelines: Vec::new() };
            catalog.missing(&needs).err().map(|error| error.message().to_owned())
        };
        for data_type in ["MONETORY", "NUMERICAL", "TEXT", "LARGE_TEXT"] {
            assert_eq!(problem(data_type), None, "{data_type}");
        }
        for data_type in ["DATE", "CHECKBOX", "SINGLE_OPTIONS", "PHONE"] {
            assert!(problem(data_type).is_some_and(|it| it.ends_with("must be MONETORY")));
        }
    }
}
