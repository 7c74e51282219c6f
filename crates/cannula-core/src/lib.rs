#![doc = include_str!("../README.md")]

mod clock;
mod crm;
mod error;
mod event;
mod id;
mod iso;
mod model;
mod park;
mod ports;
mod privacy;
mod problem;
mod settings;

pub use clock::Clock;
pub use crm::{
    ContactWrite, CrmEffect, CrmLinks, CrmNeeds, Delivered, FieldKind, FieldSpec, FieldValue, Note,
    OpportunityStatus, Person, PipelineSpec, Receipt, Settled, StageMove,
};
pub use error::{Error, ErrorKind, Result, Retry};
pub use event::{Cursor, Event, Feed, Page, Record, Rejected, Version};
pub use id::{
    ContactId, EventId, IdempotencyKey, OpportunityId, PatientId, PracticeId, RecordId, RecordKey,
    RecordKind, Subject,
};
pub use model::{
    Appointment, AppointmentStatus, Named, Patient, PersonName, Phone, PhoneUse, VisitTime,
};
pub use park::ParkReason;
pub use ports::{CrmSink, EmrSource, SourceInfo};
pub use privacy::{Phi, Secret};
pub use problem::{Problem, Problems, nearest};
pub use settings::Settings;
