//! What becomes of a record's last known state when the record is removed, or turns out to be
//! another person's. Pure.

use cannula_core::{
    Appointment, AppointmentStatus, Event, Membership, MembershipStatus, OrderState, Payment,
    PaymentStatus, Record, StoreOrder,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The state that takes `last` back, because the source has the record no more since `told`.
/// `None`: nothing is to be taken back, and [`kept`] says why.
pub(crate) fn removed(last: &Event, told: DateTime<Utc>) -> Option<Event> {
    let record = without(&last.record, told)?;
    let stamp = told.max(last.version.stamp + TimeDelta::milliseconds(1));
    let (practice, id) = (last.key.practice.clone(), last.key.id.clone());
    Some(Event::withdrawal(practice, id, record, stamp))
}

/// The state that takes `last` back from its person, because the record's next state, which has
/// the stamp `next`, is about somebody else: just before that one, it never was this person's.
/// `None`: there is nothing to take back.
///
/// A [`Store`](crate::Store) takes it in together with the state that came second.
pub fn moved_away(last: &Event, next: DateTime<Utc>) -> Option<Event> {
    last.subject()?;
    let record = disowned(&last.record)?;
    let moment = TimeDelta::microseconds(1);
    let stamp = (next - moment).max(last.version.stamp + moment);
    let (practice, id) = (last.key.practice.clone(), last.key.id.clone());
    Some(Event::new(practice, id, record, Some(stamp), stamp))
}

/// What is left of a record that was removed at `told`.
fn without(record: &Record, told: DateTime<Utc>) -> Option<Record> {
    match record {
        Record::Appointment(appointment) => {
            let status = removed_status(appointment, told)?;
            Some(Record::Appointment(Appointment { status, ..appointment.clone() }))
        }
        // A row that is deleted never was, whatever it was before.
        Record::Payment(_) | Record::Membership(_) => disowned(record),
        _ => None,
    }
}

fn removed_status(appointment: &Appointment, told: DateTime<Utc>) -> Option<AppointmentStatus> {
    use AppointmentStatus as Status;
    match &appointment.status {
        // Not an appointment yet, so there is nothing to cancel.
        Status::Proposed => Some(Status::EnteredInError),
        Status::Pending | Status::Confirmed | Status::Arrived => Some(Status::Cancelled),
        // It may be this practice's word for a visit that took place.
        Status::PracticeDefined(_) | Status::Unknown(_)
            if appointment.start.is_some_and(|start| start.instant <= told) =>
        {
            None
        }
        Status::PracticeDefined(_) | Status::Unknown(_) => Some(Status::Cancelled),
        // Tidying up undoes no visit, and what did not take place is known already.
        _ => None,
    }
}

/// The state of a record that is not this person's.
fn disowned(record: &Record) -> Option<Record> {
    match record {
        Record::Appointment(it) if it.status != AppointmentStatus::EnteredInError => {
            let status = AppointmentStatus::EnteredInError;
            Some(Record::Appointment(Appointment { status, ..it.clone() }))
        }
        Record::Payment(it) if it.status != PaymentStatus::EnteredInError => {
            let status = PaymentStatus::EnteredInError;
            Some(Record::Payment(Payment { status, ..it.clone() }))
        }
        Record::Membership(it)
            if !matches!(it.status, MembershipStatus::Cancelled | MembershipStatus::Expired) =>
        {
            let status = MembershipStatus::Cancelled;
            Some(Record::Membership(Membership { status, ..it.clone() }))
        }
        Record::Order(it) if it.state != OrderState::Moved => {
            let order = StoreOrder { state: OrderState::Moved, ..(**it).clone() };
            Some(Record::Order(Box::new(order)))
        }
        _ => None,
    }
}

/// Why [`removed`] takes nothing back.
pub(crate) fn kept(last: &Record) -> &'static str {
    match last {
        Record::Appointment(it) => match it.status {
            AppointmentStatus::Cancelled
            | AppointmentStatus::NoShow
            | AppointmentStatus::EnteredInError => "it did not take place in the first place",
            _ => "a visit that took place stays one",
        },
        Record::Payment(_) => "it did not count any more",
        Record::Membership(_) => "it had ended already",
        _ => "what is known of the person stays",
    }
}

#[cfg(test)]
mod tests {
    use cannula_core::{
        Currency, Money, Named, Patient, PatientId, Payer, PaymentKind, PersonName, PracticeId,
        RecordId, VisitTime,
    };

    use super::*;

    fn minute(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn event(record: Record) -> Event {
        let at = minute(0);
        Event::new(PracticeId::new("p"), RecordId::new("r"), record, Some(at), at)
    }

    /// It takes place at minute ten.
    fn visit(status: AppointmentStatus) -> Event {
        let instant = minute(10);
        event(Record::Appointment(Appointment {
            patient: Some(PatientId::new("ada")),
            status,
            kind: Some(Named::new("Consult")),
            also: Vec::new(),
            purposes: Vec::new(),
            start: Some(VisitTime { local: instant.naive_utc(), instant }),
            end: None,
            practitioner: None,
            location: None,
        }))
    }

    fn row(status: PaymentStatus) -> Event {
        event(Record::Payment(Payment {
            patient: Some(PatientId::new("ada")),
            kind: PaymentKind::Payment,
            payer: Payer::Patient,
            status,
            amount: Money::from_minor(1, Currency::USD),
            date: None,
            method: None,
            category: None,
            items: Vec::new(),
            description: None,
            practitioner: None,
            location: None,
            corrections: Vec::new(),
        }))
    }

    fn member(status: MembershipStatus) -> Event {
        event(Record::Membership(Membership {
            patient: PatientId::new("ada"),
            name: "Glow".to_owned(),
            status,
            start: None,
            end: None,
            price: None,
        }))
    }

    fn status(event: Option<Event>) -> Option<AppointmentStatus> {
        match event?.record {
            Record::Appointment(appointment) => Some(appointment.status),
            _ => None,
        }
    }

    #[test]
    fn a_removed_appointment_is_cancelled_unless_it_took_place_or_never_was_one() {
        use AppointmentStatus as Status;
        let after = |before: Status, at| status(removed(&visit(before), minute(at)));
        for live in [Status::Pending, Status::Confirmed, Status::Arrived] {
            assert_eq!(after(live, 20), Some(Status::Cancelled));
        }
        assert_eq!(after(Status::Proposed, 5), Some(Status::EnteredInError));
        for over in [Status::Fulfilled, Status::Cancelled, Status::NoShow, Status::EnteredInError] {
            assert_eq!(after(over, 5), None);
        }
        // What the practice means by it, the engine does not know; that it is to come, it does.
        for name in [Status::PracticeDefined("Closed".into()), Status::Unknown("x".into())] {
            assert_eq!(after(name.clone(), 5), Some(Status::Cancelled));
            assert_eq!(after(name, 10), None);
        }
    }

    #[test]
    fn a_removed_row_counts_no_more_and_a_removed_membership_has_ended() {
        let row = removed(&row(PaymentStatus::Active), minute(1)).unwrap();
        let Record::Payment(payment) = &row.record else { panic!("{row:?}") };
        assert_eq!(payment.status, PaymentStatus::EnteredInError);
        assert_eq!(removed(&row, minute(2)), None);
        let ended = removed(&member(MembershipStatus::Frozen), minute(1)).unwrap();
        assert_eq!(ended.record, member(MembershipStatus::Cancelled).record);
        assert_eq!(removed(&member(MembershipStatus::Expired), minute(1)), None);
    }

    #[test]
    fn a_patient_is_never_withdrawn() {
        let patient = event(Record::Patient(Patient {
            id: PatientId::new("ada"),
            chart_number: None,
            name: PersonName::default(),
            birth_date: None,
            emails: Vec::new(),
            phones: Vec::new(),
            is_new: false,
        }));
        assert_eq!(removed(&patient, minute(1)), None);
        assert_eq!(moved_away(&patient, minute(1)), None);
    }

    #[test]
    fn a_removal_is_newer_than_what_it_removes_and_no_older_than_the_message() {
        let visit = visit(AppointmentStatus::Pending);
        let stamp = |told| removed(&visit, told).unwrap().version.stamp;
        assert_eq!(stamp(minute(5)), minute(5));
        assert_eq!(stamp(minute(-5)), minute(0) + TimeDelta::milliseconds(1));
    }

    #[test]
    fn what_moves_away_never_was_this_persons_even_if_it_took_place() {
        use AppointmentStatus as Status;
        let moved = moved_away(&visit(Status::Fulfilled), minute(3)).unwrap();
        assert_eq!(moved.version.stamp, minute(3) - TimeDelta::microseconds(1));
        assert_eq!(moved.subject(), visit(Status::Pending).subject());
        assert_eq!(status(Some(moved)), Some(Status::EnteredInError));
        // Two states of one moment: the withdrawal still comes after what it withdraws.
        let at_once = moved_away(&visit(Status::Pending), minute(0)).unwrap();
        assert_eq!(at_once.version.stamp, minute(0) + TimeDelta::microseconds(1));
        assert_eq!(moved_away(&visit(Status::EnteredInError), minute(3)), None);
    }
}
