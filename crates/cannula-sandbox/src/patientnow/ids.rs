//! Numbers for patients, who have GUIDs elsewhere: their place in the practice's list, which only
//! ever grows.

use std::sync::Arc;

use crate::practice::{PatientState, Table};

const FIRST: usize = 70_011;

/// The number of a patient.
pub(super) fn customer_of(patients: &Table<PatientState>, id: &str) -> Option<String> {
    Some((FIRST + patients.place(id)?).to_string())
}

/// The patient of a number.
pub(super) fn patient_of(patients: &Table<PatientState>, number: &str) -> Option<Arc<str>> {
    patients.at_place(number.parse::<usize>().ok()?.checked_sub(FIRST)?)
}
