//! PatientNow's deliveries: proven, then read for what they point at and for nothing else.

use std::fmt;

use cannula_core::{
    Delivery, Error, ErrorKind, Event, Pointer, Record, RecordId, RecordKey, RecordKind, Result,
    WebhookDecoder,
};
use sha2::{Digest, Sha256};

use crate::{
    config::{MembershipReads, PatientNowConfig},
    map::Reading,
    membership::{self, OF},
    row::Row,
    signature::WebhookConfig,
    source::NEW,
    words::WebhookEvent,
};

/// Verifies and reads deliveries.
///
/// Nothing of a delivery is believed but which record it is about: each becomes a
/// [`Pointer`], and the record is then read. An old delivery that somebody plays back costs a
/// read at most.
#[derive(Clone)]
pub struct PatientNowWebhooks {
    config: PatientNowConfig,
    proof: WebhookConfig,
}

impl PatientNowWebhooks {
    /// Prepares the decoder.
    ///
    /// # Errors
    /// `Config` if the configuration has no `webhooks`, or none that proves anything.
    pub fn new(config: &PatientNowConfig) -> Result<Self> {
        let connector = config.product.connector();
        let Some(proof) = config.webhooks.clone() else {
            let what = "there is no section `webhooks`, so nothing would prove a delivery";
            return Err(Error::new(ErrorKind::Config, what).connector(connector));
        };
        proof.check().map_err(|error| error.connector(connector))?;
        Ok(Self { config: config.clone(), proof })
    }

    fn failed(&self, error: Error) -> Error {
        error.connector(self.config.product.connector()).operation("read a webhook")
    }

    /// The events of one envelope.
    fn envelope(&self, row: &Row<'_>, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        let fields = &self.config.dialect.fields;
        let at = delivery.received_at;
        let outer = Reading { config: &self.config, row, at };
        // A ping has no type; and types come that nobody subscribed to.
        let Some(kind) = row.text(fields.event_type) else { return Ok(Vec::new()) };
        let event = match self.config.dialect.words.event(&kind) {
            None => {
                tracing::info!("a delivery of a type that is not in `dialect.events`");
                return Ok(Vec::new());
            }
            Some(WebhookEvent::Ignored) => return Ok(Vec::new()),
            Some(event) => event,
        };
        let data = row.object(fields.event_data);
        let inner = Reading { config: &self.config, row: data.as_ref().unwrap_or(row), at };
        let company = inner.company().or_else(|| outer.company());
        if !self.config.concerns(company.as_deref()) {
            return Ok(Vec::new());
        }
        let records = self.records(event, inner)?;
        // The time only orders messages about one record, and its format is assumed.
        let stamp = outer.instant(fields.event_time).unwrap_or_else(|problem| {
            tracing::warn!(path = problem.path, problem = problem.what, "a delivery's time");
            None
        });
        let status = inner.row.text(fields.status);
        let time = row.text(fields.event_time);
        let id = row.id(fields.event_id).unwrap_or_else(|| {
            let record = records.first().map(|(_, _, id)| id.as_str());
            digest(&[Some(&kind), record, status.as_deref(), time.as_deref()])
        });
        let pointers = records.into_iter().enumerate().map(|(index, (kind, gone, record))| {
            let practice = self.config.practice.clone();
            let key = RecordKey { practice: practice.clone(), kind, id: RecordId::new(record) };
            // The first has the delivery's own id; what else it tells of is told apart from it.
            let id = if index == 0 { id.clone() } else { format!("{id}{OF}{index}") };
            let record = Record::Pointer(Pointer { key, gone });
            Event::new(practice, RecordId::new(id), record, stamp, delivery.received_at)
        });
        Ok(pointers.collect())
    }

    /// The records a delivery is about: kind, whether it is gone, id.
    fn records(
        &self,
        event: WebhookEvent,
        data: Reading<'_>,
    ) -> Result<Vec<(RecordKind, bool, String)>> {
        let fields = &self.config.dialect.fields;
        let id = |field: &'static str| {
            data.row.id(field).ok_or_else(|| {
                Error::new(ErrorKind::Decode, "the delivery does not say which record it is about")
                    .with("path", format!("{}.{field}", fields.event_data))
            })
        };
        Ok(match event {
            WebhookEvent::Ignored => Vec::new(),
            WebhookEvent::Appointment => {
                let id = id(fields.appointment_id)?;
                let customer = data.row.id(fields.customer_id);
                let id = match customer.filter(|_| self.config.dialect.appointments_by_customer) {
                    Some(customer) => format!("{id}{OF}{customer}"),
                    None => id,
                };
                vec![(RecordKind::Appointment, false, id)]
            }
            WebhookEvent::AppointmentRemoved => {
                vec![(RecordKind::Appointment, true, id(fields.appointment_id)?)]
            }
            WebhookEvent::Patient => vec![(RecordKind::Patient, false, id(fields.customer_id)?)],
            WebhookEvent::PatientCreated => {
                let id = id(fields.customer_id)?;
                vec![(RecordKind::Patient, false, format!("{id}{NEW}"))]
            }
            WebhookEvent::Order => {
                let id = id(fields.order_id)?;
                let count = match self.config.memberships {
                    MembershipReads::Orders => membership::told_of(data),
                    MembershipReads::Customers | MembershipReads::Off => 0,
                };
                let sold =
                    (1..=count).map(|it| (RecordKind::Membership, false, format!("{id}{OF}#{it}")));
                let sold: Vec<_> = sold.collect();
                std::iter::once((RecordKind::Payment, false, id)).chain(sold).collect()
            }
        })
    }
}

impl WebhookDecoder for PatientNowWebhooks {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        self.proof.verify(delivery).map_err(|error| self.failed(error))?;
        // A test of the connection may send nothing at all.
        if delivery.body.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let unreadable = || {
            self.failed(Error::new(
                ErrorKind::Decode,
                "the delivery is neither a JSON object nor a list of them",
            ))
        };
        let text = std::str::from_utf8(delivery.body).map_err(|_| unreadable())?;
        let envelopes: Vec<Option<Row<'_>>> = match Row::read(text) {
            Some(row) => vec![Some(row)],
            None => {
                let list: Vec<&serde_json::value::RawValue> =
                    serde_json::from_str(text).map_err(|_| unreadable())?;
                list.iter().map(|item| Row::read(item.get())).collect()
            }
        };
        let (mut events, mut refused, mut good) = (Vec::new(), None, false);
        for envelope in &envelopes {
            let told = match envelope {
                Some(row) => self.envelope(row, delivery).map_err(|error| self.failed(error)),
                None => Err(unreadable()),
            };
            match told {
                Ok(told) => {
                    good = true;
                    events.extend(told);
                }
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            // Nothing of it can be read, now or when it comes again.
            Some(error) if !good => Err(error),
            Some(error) => {
                tracing::warn!(%error, "a part of a delivery is left out; the sweep has to find it");
                Ok(events)
            }
            None => Ok(events),
        }
    }

    fn try_again(&self) -> u16 {
        503
    }
}

impl fmt::Debug for PatientNowWebhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientNowWebhooks").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// Identifies a delivery without an id by what it tells.
fn digest(parts: &[Option<&str>]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        let part = part.unwrap_or_default();
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
