//! People full of canaries, and what becomes of them.

use cannula::core::{AppointmentStatus, Currency, Money, PatientId};
use cannula_examples::lead;
use cannula_sandbox::{
    NewContact,
    dermpro::{Article, Checkout, Line, Refund, Shopper},
    practice::{Address, AppointmentState, PatientState, PaymentState, Product, Spoil},
    zenoti::{Amount, InvoiceItem, ItemKind},
};
use cannula_tests::{Emr, World};

pub(crate) const GIVEN: &str = "Zoëlla-Marit";
pub(crate) const FAMILY: &str = "O’Quillwren";
pub(crate) const EMAIL: &str = "quagga+bloom@example.test";
pub(crate) const PHONE: &str = "(646) 555-7391";
pub(crate) const BORN: &str = "1961-07-23";
pub(crate) const STREET: &str = "77 Marmalade Lantern Row";
pub(crate) const CITY: &str = "Port Vexleyhaven";
pub(crate) const POSTCODE: &str = "QZ94107-K";
pub(crate) const GENDER: &str = "Vexlish woman";
/// In cents; long enough not to be found by chance.
pub(crate) const AMOUNT: i64 = 7_321_937_465;
pub(crate) const HALF: i64 = AMOUNT / 2;
pub(crate) const CHART: u32 = 748_291_635;
pub(crate) const NOTE: &str = "Owes us for the xylophone lesson";
pub(crate) const MISTYPED: &str = "mistyped-credential-7f3a";

/// The practice has the person, in every state, and rows that cannot be read.
pub(crate) fn practice(world: &World) {
    let practice = world.sandbox.practice();
    let date = world.now().date_naive();
    let visit = |patient: &PatientId, kind: &str| {
        let start = (date + chrono::Days::new(20)).and_hms_opt(15, 0, 0).unwrap();
        practice.book(AppointmentState::new(patient, kind, start))
    };
    let zoella = practice.add_patient(person(CHART));
    let laser = visit(&zoella, "Laser Treatment");
    practice.update_appointment(&laser, |visit| visit.status = AppointmentStatus::Confirmed);
    let payment =
        PaymentState { note: Some(NOTE.to_owned()), ..PaymentState::new(&zoella, AMOUNT, date) };
    practice.pay(payment);
    match world.config.emr {
        Emr::Nextech(_) => {}
        Emr::PatientNow => {
            let order = practice.open_order(&zoella, "Laser Treatment", AMOUNT);
            practice.close_order(&order);
        }
        Emr::Zenoti => {
            let price = Amount::cents(AMOUNT);
            let item = InvoiceItem {
                tax: Amount(0),
                ..InvoiceItem::taxed("Laser Treatment", ItemKind::Service, price)
            };
            drop(practice.zenoti_close_invoice(&laser, Some(vec![item])));
        }
    }
    // Her twin has no contact of her own, and another has none of anything.
    let twin = practice.add_patient(PatientState { given: "Anna".to_owned(), ..person(CHART + 1) });
    visit(&twin, "Laser Treatment");
    let silent = PatientState { emails: Vec::new(), phones: Vec::new(), ..person(CHART + 2) };
    visit(&practice.add_patient(silent), "Laser Treatment");
    for (number, spoil) in
        [Spoil::NotADate, Spoil::NoId, Spoil::NotAnObject].into_iter().enumerate()
    {
        let patient = practice.add_patient(person(CHART + 3 + u32::try_from(number).unwrap()));
        let spoilt = visit(&patient, "Laser Treatment");
        practice.spoil_appointment(&spoilt, Some(spoil));
        practice.spoil_patient(&patient, Some(spoil));
    }
}

/// Staff tag the person's contact, one that is like it, and one that lacks everything.
pub(crate) fn staff(world: &World) {
    let emr = world.config.emr;
    let crm = world.sandbox.crm_state();
    let contact = contact(emr);
    let gender = Some(GENDER.to_owned());
    let like = NewContact { first_name: "Anna".to_owned(), email: None, gender, ..contact.clone() };
    let bare = NewContact { phone: None, birth_date: None, email: None, ..contact.clone() };
    for contact in [contact, like, bare] {
        let id = crm.add_contact(contact);
        assert!(crm.tag(&id, &[emr.create_tag()]));
    }
}

/// The person buys, as a patient, as somebody like her, and as a stranger.
pub(crate) fn store(world: &World) {
    world.sandbox.practice().add_patient(person(CHART));
    let store = world.sandbox.store();
    let zoella = Shopper::of(&person(CHART));
    let like = Shopper { given: "Anna".to_owned(), ..zoella.clone() };
    let stranger = Shopper {
        email: format!("new.{EMAIL}"),
        phone: "646-555-7391".to_owned(),
        birth_date: None,
        ..zoella.clone()
    };
    for shopper in [zoella, like, stranger] {
        let goods = Line::new(Article::Simple, "SKU-7F3A91", NOTE, AMOUNT);
        store.place(Checkout::new(shopper, vec![goods]));
    }
}

/// The CRM has the person, somebody like her without a birth date, and her once more with the date
/// where staff typed it.
pub(crate) fn directory(world: &World) {
    let contact = contact(world.config.emr);
    let bare = NewContact { email: None, phone: None, birth_date: None, ..contact.clone() };
    let gender = Some(GENDER.to_owned());
    let like = NewContact { first_name: "Anna".to_owned(), gender, ..bare.clone() };
    let fields = [("NXT Birthday", "07/23/1961"), ("Remark", NOTE)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.into())).into();
    for contact in [contact, like, NewContact { fields, ..bare }] {
        world.sandbox.crm_state().add_contact(contact);
    }
}

/// Some of what the person paid is paid back.
pub(crate) fn money_goes_back(world: &World) {
    let (practice, store) = (world.sandbox.practice(), world.sandbox.store());
    let some = Money::from_minor(HALF, Currency::USD);
    for order in store.books() {
        assert!(store.refund(&order.number, Some(some), Refund::Online).is_some());
    }
    if !store.books().is_empty() {
        return;
    }
    match world.config.emr {
        Emr::Nextech(_) => {
            practice.payment_ids().first().map(|id| practice.refund(id, some).is_some())
        }
        Emr::PatientNow => practice.order_ids().first().map(|id| practice.refund_order(id)),
        Emr::Zenoti => {
            let invoices = practice.zenoti_invoice_ids();
            invoices.first().map(|id| practice.zenoti_refund(id, 1).is_some())
        }
    };
}

/// She marries, and a contact is deleted.
pub(crate) fn directory_changes(world: &World) {
    let (crm, contacts) = (world.sandbox.crm_state(), world.sandbox.crm().contacts);
    let [first, .., last] = &*contacts else { panic!("there are some") };
    assert!(crm.edit_contact(&first.id, |contact| contact.last_name += "-Vexleyhaven"));
    assert!(crm.delete_contact(&last.id));
}

pub(crate) fn person(chart: u32) -> PatientState {
    let mut person = PatientState::new(GIVEN, FAMILY, 7_391);
    EMAIL.clone_into(&mut person.emails[0].address);
    PHONE.clone_into(&mut person.phones[0].number);
    person.birth_date = BORN.parse().unwrap();
    person.address = Address {
        line: STREET.to_owned(),
        city: CITY.to_owned(),
        postal_code: POSTCODE.to_owned(),
        ..person.address
    };
    person.chart = chart;
    person
}

fn contact(emr: Emr) -> NewContact {
    let product = match emr {
        Emr::Nextech(product) => product,
        Emr::PatientNow | Emr::Zenoti => Product::Select,
    };
    NewContact {
        email: Some(EMAIL.to_owned()),
        phone: Some("+16465557391".to_owned()),
        birth_date: BORN.parse().ok(),
        address1: Some(STREET.to_owned()),
        city: Some(CITY.to_owned()),
        postal_code: Some(POSTCODE.to_owned()),
        gender: Some("female".to_owned()),
        ..lead(product, GIVEN, FAMILY, 7_391)
    }
}
