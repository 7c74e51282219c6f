//! What notes are called.

/// How the note of an appointment is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppointmentTitles {
    /// By its status: `Appointment Confirmed`.
    #[default]
    ByStatus,
    /// `Appointment Booked` for a booking's first note, `Appointment Status Update` for all others
    /// (Aesthetix help centre, article 1350). The status stands in the note.
    BookedThenUpdate,
}

/// The first lines of notes, which people read and a practice's automation looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleConfig {
    /// Of an appointment.
    pub appointments: AppointmentTitles,
    /// Of a patient's payment that is there.
    pub payment: String,
    /// Stands before `Corrected`, `Changed`, `Voided` and `Deleted` in the notes of a patient's
    /// payment.
    pub payment_noun: String,
    /// Stands before the status in the note of a membership.
    pub membership: String,
    /// Of a patient who was registered.
    pub patient_created: String,
}

impl Default for TitleConfig {
    fn default() -> Self {
        Self {
            appointments: AppointmentTitles::ByStatus,
            payment: "Payment Received".to_owned(),
            payment_noun: "Payment".to_owned(),
            membership: "Membership".to_owned(),
            patient_created: "Patient Created".to_owned(),
        }
    }
}
