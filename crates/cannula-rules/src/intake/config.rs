//! What a practice may set for the intake.

use cannula_core::{
    CrmNeeds, FieldKind, FieldSpec, PatientField, PickLists, RegistryInfo, Settings,
};

/// How a value of a list field must be spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// Like the entry, to the letter: another spelling is named and the contact corrected.
    #[default]
    Exact,
    /// Case and spaces do not count: the entry's own spelling is sent.
    Forgive,
}

const SPELLINGS: [(&str, Spelling); 2] =
    [("exact", Spelling::Exact), ("forgive", Spelling::Forgive)];

/// A create tag that belongs to another product. On a contact of this practice it is a mistake,
/// often of one character, so it is answered and not ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignTag {
    /// The tag.
    pub tag: String,
    /// The product whose tag it is, as staff call it.
    pub product: String,
}

/// The contact's custom fields that the intake reads, by their names in the CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeFields {
    /// The practice's location.
    pub location: String,
    /// How the patient came to the practice.
    pub referral_source: String,
    /// The practitioner in charge.
    pub general_practitioner: String,
    /// The chart number of the patient who is this person, or `new` if none of those told is.
    pub chart_number: String,
}

impl Default for IntakeFields {
    fn default() -> Self {
        Self {
            location: "NXT Location".to_owned(),
            referral_source: "Referral Source".to_owned(),
            general_practitioner: "General Practitioner".to_owned(),
            chart_number: "NXT Chart Number".to_owned(),
        }
    }
}

impl IntakeFields {
    fn entries(&self) -> [(&'static str, &str); 4] {
        [
            ("location", &self.location),
            ("referral_source", &self.referral_source),
            ("general_practitioner", &self.general_practitioner),
            ("chart_number", &self.chart_number),
        ]
    }

    fn read(settings: &mut Settings) -> Self {
        let default = Self::default();
        let names = Self {
            location: settings.text("location", &default.location),
            referral_source: settings.text("referral_source", &default.referral_source),
            general_practitioner: settings
                .text("general_practitioner", &default.general_practitioner),
            chart_number: settings.text("chart_number", &default.chart_number),
        };
        distinct(settings, &names.entries());
        names
    }
}

/// What a practice may set. Tags are compared without case and without spaces around them; a
/// space and a hyphen within are different characters, because products are told apart by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeConfig {
    /// The tags that ask for a patient; the first is the one that notes name.
    pub tags: Vec<String>,
    /// Create tags of other products.
    pub foreign_tags: Vec<ForeignTag>,
    /// Says that the patient is in the EMR.
    pub created_tag: String,
    /// Says that there is something to correct.
    pub failed_tag: String,
    /// The custom fields.
    pub fields: IntakeFields,
    /// How values of list fields must be spelled.
    pub spelling: Spelling,
}

/// What a contact's tags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    Create,
    Foreign(&'a ForeignTag),
    Nothing,
}

impl IntakeConfig {
    /// The defaults, with these create tags.
    pub fn new(tags: Vec<String>) -> Self {
        Self {
            tags,
            foreign_tags: Vec::new(),
            created_tag: "NXT Created".to_owned(),
            failed_tag: "NXT Create Failed".to_owned(),
            fields: IntakeFields::default(),
            spelling: Spelling::default(),
        }
    }

    /// Reads the section whole. Every problem is noted in `settings`, whose
    /// [`Settings::finish`] reports them; a value that is wrong stays at its default.
    pub fn from_settings(settings: &mut Settings, default_tag: &str) -> Self {
        let default = Self::new(vec![default_tag.to_owned()]);
        let tags = tags(settings, &default.tags);
        let foreign_tags = foreign_tags(settings);
        let created_tag = settings.text("created_tag", &default.created_tag);
        let failed_tag = settings.text("failed_tag", &default.failed_tag);
        let spelling = settings.choice("spelling", &SPELLINGS).unwrap_or_default();
        let fields = settings.within("fields", IntakeFields::read);
        let mut names: Vec<_> = tags.iter().map(|tag| ("tags", tag.as_str())).collect();
        names.extend(foreign_tags.iter().map(|it| ("foreign_tags", it.tag.as_str())));
        names.extend([("created_tag", created_tag.as_str()), ("failed_tag", &failed_tag)]);
        distinct(settings, &names);
        Self { tags, foreign_tags, created_tag, failed_tag, fields, spelling }
    }

    /// Every tag that a source should look out for: our own, and those of other products, which
    /// are answered too.
    pub fn watched_tags(&self) -> Vec<String> {
        let foreign = self.foreign_tags.iter().map(|foreign| &foreign.tag);
        self.tags.iter().chain(foreign).cloned().collect()
    }

    pub(super) fn asked(&self, tags: &[String]) -> Asked<'_> {
        if tags.iter().any(|tag| self.is_create(tag)) {
            return Asked::Create;
        }
        let worn = |foreign: &&ForeignTag| tags.iter().any(|tag| same_tag(tag, &foreign.tag));
        self.foreign_tags.iter().find(worn).map_or(Asked::Nothing, Asked::Foreign)
    }

    pub(super) fn is_create(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| same_tag(own, tag))
    }

    /// The tag to apply, for notes.
    pub(super) fn tag(&self) -> &str {
        self.tags.first().map_or("", String::as_str)
    }

    pub(super) fn needs(&self, registry: &RegistryInfo, lists: &PickLists) -> CrmNeeds {
        let names = &self.fields;
        let listed = [
            (PatientField::Location, "location", &names.location),
            (PatientField::ReferralSource, "referral_source", &names.referral_source),
            (
                PatientField::GeneralPractitioner,
                "general_practitioner",
                &names.general_practitioner,
            ),
        ];
        let needed = listed
            .into_iter()
            .filter(|(field, _, _)| registry.required.contains(field) || lists.contains_key(field));
        let needed = needed.map(|(_, key, name)| (key, name));
        let fields =
            needed.chain([("chart_number", &names.chart_number)]).map(|(key, name)| FieldSpec {
                name: name.clone(),
                kind: FieldKind::Text,
                config_key: format!("intake.fields.{key}"),
            });
        CrmNeeds { fields: fields.collect(), pipelines: Vec::new() }
    }
}

/// Whether the CRM would take two tags for one.
pub(super) fn same_tag(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn tags(settings: &mut Settings, default: &[String]) -> Vec<String> {
    let Some(value) = settings.take("tags") else { return default.to_vec() };
    let texts: Option<Vec<&str>> =
        value.as_array().map(|all| all.iter().filter_map(|tag| tag.as_str()).collect());
    let count = value.as_array().map_or(0, Vec::len);
    match texts {
        Some(tags)
            if !tags.is_empty()
                && tags.len() == count
                && tags.iter().all(|tag| !tag.trim().is_empty()) =>
        {
            tags.into_iter().map(str::to_owned).collect()
        }
        _ => {
            settings.problem("tags", "must be a list of one or more tags, none of them blank");
            default.to_vec()
        }
    }
}

fn foreign_tags(settings: &mut Settings) -> Vec<ForeignTag> {
    settings.within("foreign_tags", |section| {
        let tags = section.keys().into_iter();
        let foreign = tags.filter_map(|tag| {
            let product = section.optional(&tag)?;
            Some(ForeignTag { tag, product })
        });
        foreign.collect()
    })
}

/// Notes every name that is used twice; the CRM tells neither tags nor fields apart by case.
fn distinct(settings: &mut Settings, names: &[(&str, &str)]) {
    for (index, (key, name)) in names.iter().enumerate() {
        if let Some((earlier, _)) = names[..index].iter().find(|(_, it)| same_tag(it, name)) {
            let earlier = settings.path_of(earlier);
            settings.problem(key, format!("“{name}” is already used by `{earlier}`"));
        }
    }
}
