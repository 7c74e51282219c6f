#![doc = include_str!("../README.md")]

mod clock;
mod crm;
mod directory;
mod error;
mod event;
mod id;
mod intake;
mod iso;
mod ledger;
mod model;
mod money;
mod order;
mod park;
mod ports;
mod privacy;
mod problem;
mod settings;
mod webhook;

pub use clock::Clock;
pub use crm::{
    ContactDetail, ContactWrite, CrmEffect, CrmLinks, CrmNeeds, Delivered, FieldKind, FieldSpec,
    FieldValue, Note, OpportunityStatus, OpportunityValue, Person, PipelineSpec, Receipt, Settled,
    StageMove, Taken,
};
pub use directory::{ContactCreation, DirectoryInfo, DirectoryPage, DirectorySearch};
pub use error::{Error, ErrorKind, Result, Retry};
pub use event::{Cursor, Event, Feed, Page, Record, Rejected, Version};
pub use id::{
    ContactId, EventId, IdempotencyKey, OpportunityId, OrderNumber, PatientId, PersonId,
    PracticeId, RecordId, RecordKey, RecordKind, Subject,
};
pub use intake::{NewPatient, PatientField, PickLists, RegistryInfo};
pub use iso_currency::Currency;
pub use ledger::{LedgerInfo, LedgerOptions, LedgerRow, NewPayment, PaymentTerms};
pub use model::{
    Appointment, AppointmentStatus, ContactLink, Correction, CrmContact, Inheritance, Membership,
    MembershipStatus, Named, Patient, PatientMerge, Payer, Payment, PaymentKind, PaymentStatus,
    PersonName, Phone, PhoneUse, Pointer, TaggedContact, VisitTime, YEARS,
};
pub use money::Money;
pub use order::{
    Captured, LineKind, OrderDecision, OrderLine, OrderState, OrderTotals, PatientChoice,
    StoreCustomer, StoreOrder, StoreRefund, Tender,
};
pub use park::{Candidate, ParkReason};
pub use ports::{
    ContactDirectory, CrmSink, PatientRegistry, PaymentLedger, Source, Source as CrmSource,
    Source as EmrSource, Source as PaymentSource, SourceInfo,
};
pub use privacy::{Phi, Secret};
pub use problem::{Problem, Problems, nearest};
pub use settings::Settings;
pub use webhook::{Delivery, WebhookDecoder};
