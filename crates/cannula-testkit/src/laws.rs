//! What all sets of laws have in common.

use std::fmt::Write;

/// Something that not every vendor lets a client do. A bench says which powers it lacks and why;
/// the laws that need them are then skipped, and [`skipped`] lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Power {
    /// The client speaks HTTP, through a [`Gate`](crate::Gate).
    Http,
    /// It signs in and gets tokens that run out.
    Tokens,
    /// Answers with status 200 are known to carry errors.
    ErrorsIn200,
    /// How many rows a page has can be chosen.
    PageSizes,
    /// A page can be empty and not be the last.
    EmptyPages,
    /// Records carry words of the vendor's, such as a status, that may be new ones.
    Words,
    /// Appointments have times on a wall clock.
    WallClock,
    /// A listing can lose a row.
    Deletes,
    /// The records of a listing can be read one by one, by the listing's own keys.
    SingleRecords,
    /// A cursor says what was read already; without it each sweep lists all there is, and any
    /// cursor is as good as none.
    Marks,
    /// Deliveries say when they were made, and old ones are refused.
    Timestamps,
    /// The sink knows which pipelines and fields the CRM has.
    Catalog,
    /// Only one contact of the CRM can have an e-mail address or a phone number.
    OneHolder,
    /// The vendor refuses a patient that it has already.
    RefusesDuplicates,
}

/// One law of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// Its name, which is the name of its function and of its tests.
    pub name: &'static str,
    /// What a bench must have for it.
    pub needs: &'static [Power],
}

impl Law {
    /// Why the law does not apply to a bench that lacks this; `None` if it does.
    pub fn skipped(&self, lacks: &[(Power, &'static str)]) -> Option<&'static str> {
        lacks.iter().find(|(power, _)| self.needs.contains(power)).map(|(_, why)| *why)
    }
}

/// A table of laws: which of these benches are held to each, and which are not for want of a
/// power, with the reasons below. Keep it as a snapshot: a law that is skipped is then seen.
pub fn skipped(laws: &[Law], benches: &[(&str, Vec<(Power, &'static str)>)]) -> String {
    let mut table = String::new();
    let mut reasons = Vec::new();
    for law in laws {
        let (mut held, mut skipped) = (Vec::new(), Vec::new());
        for (name, lacks) in benches {
            let Some(why) = law.skipped(lacks) else {
                held.push((*name).to_owned());
                continue;
            };
            let known = reasons.iter().position(|it| *it == why);
            let number = known.unwrap_or_else(|| {
                reasons.push(why);
                reasons.len() - 1
            });
            skipped.push(format!("{name} ({})", number + 1));
        }
        let _ = writeln!(table, "{}\n    held: {}", law.name, held.join(", "));
        if !skipped.is_empty() {
            let _ = writeln!(table, "    skipped: {}", skipped.join(", "));
        }
    }
    for (number, why) in reasons.iter().enumerate() {
        let _ = write!(table, "\n({}) {why}", number + 1);
    }
    table
}

/// Makes a set of laws: its list, and the macro that makes a test of each.
///
/// A law is an `async fn` of that name in the module, which takes the bench and panics when the
/// law is broken.
macro_rules! set_of_laws {
    ($d:tt, $(#[$doc:meta])* $set:ident, $($law:ident $([$($power:ident),+])?,)+) => {
        /// Every law of the set, and what it needs.
        pub const LAWS: &[$crate::Law] = &[$(
            $crate::Law { name: stringify!($law), needs: &[$($($crate::Power::$power),+)?] }
        ),+];

        $(#[$doc])*
        #[macro_export]
        macro_rules! $set {
            ($d bench:path) => {$(
                #[tokio::test]
                async fn $law() {
                    let bench = $d bench().await;
                    if $crate::$set::applies(stringify!($law), &bench) {
                        $crate::$set::$law(&bench).await;
                    }
                }
            )+};
        }

        /// Holds a bench to the law of this name.
        ///
        /// # Panics
        /// If the bench breaks the law, or there is no such law.
        pub async fn hold(law: &str, bench: &dyn Bench) {
            match law {
                $(stringify!($law) => $law(bench).await,)+
                other => panic!("there is no law “{other}”"),
            }
        }

        /// Whether a law applies to a bench.
        pub fn applies(law: &str, bench: &dyn Bench) -> bool {
            let law = LAWS.iter().find(|it| it.name == law);
            law.is_some_and(|law| law.skipped(&bench.lacks()).is_none())
        }
    };
}

pub(crate) use set_of_laws;
