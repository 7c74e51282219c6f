use cannula_core::Settings;
use serde_json::Value;

use crate::profile::Product;

/// What a new payment gets besides what is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayments {
    /// The number of the practice in the references of Practice+, `Practice/1`. No endpoint lists
    /// it. Without it nothing can be posted there; Select has none.
    pub practice: Option<String>,
    /// The extension a card type is sent in; Nextech's documentation spells it in two ways.
    pub card_type_extension: &'static str,
}

/// The spellings of the extension, the one of Nextech's samples first.
const CARD_TYPE: [(&str, &str); 2] =
    [("creditcard-type", "creditcard-type"), ("credit-cardtype", "credit-cardtype")];

impl Default for NewPayments {
    fn default() -> Self {
        Self { practice: None, card_type_extension: CARD_TYPE[0].1 }
    }
}

impl NewPayments {
    /// Reads the sub-section `new_payments`; problems are noted in `settings`.
    pub(crate) fn from_settings(settings: &mut Settings, product: Option<Product>) -> Option<Self> {
        settings.within("new_payments", |section| {
            let practice = practice(section, product);
            let card_type_extension = section.choice("card_type_extension", &CARD_TYPE);
            Some(Self { practice, card_type_extension: card_type_extension? })
        })
    }
}

fn practice(section: &mut Settings, product: Option<Product>) -> Option<String> {
    let number = match section.take("practice")? {
        Value::String(number) => number.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if product == Some(Product::Select) {
        section.problem("practice", "is for practice-plus");
    } else if number.is_empty() || !number.bytes().all(|it| it.is_ascii_digit()) {
        section.problem("practice", "must be the number in `Practice/1`, such as 1");
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(product: Option<Product>, section: Value) -> Result<NewPayments, String> {
        let mut settings = Settings::new("nextech", json!({ "new_payments": section }));
        let read = NewPayments::from_settings(&mut settings, product);
        let problems = settings.finish();
        if problems.is_empty() { Ok(read.unwrap()) } else { Err(problems.to_string()) }
    }

    #[test]
    fn nothing_needs_to_be_configured() {
        for product in [Some(Product::Select), Some(Product::PracticePlus), None] {
            assert_eq!(read(product, Value::Null), Ok(NewPayments::default()));
        }
    }

    #[test]
    fn the_practices_number_is_a_text_or_a_whole_number() {
        let expected =
            NewPayments { practice: Some("12".to_owned()), card_type_extension: "credit-cardtype" };
        for number in [json!(12), json!(" 12 ")] {
            let section = json!({ "practice": number, "card_type_extension": "credit-cardtype" });
            assert_eq!(read(Some(Product::PracticePlus), section), Ok(expected.clone()));
        }
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let section = json!({ "practice": "Practice/1", "card_type_extension": "card", "x": 1 });
        let plus = read(Some(Product::PracticePlus), section).unwrap_err();
        let select = read(Some(Product::Select), json!({ "practice": 1 })).unwrap_err();
        insta::assert_snapshot!(format!("{plus}\n{select}"));
    }
}
