//! Is one of these patients the store's customer?
//!
//! Unlike at the [intake](crate::intake), nobody is there to ask, and money must not land on
//! somebody else's ledger: so an e-mail address weighs more than a phone number, which families
//! share and free text garbles.

use cannula_core::{Patient, Person};

use super::NearMatch;
use crate::intake::{
    Match,
    identity::{Sign, Signs, compare},
};

/// How like the customer a patient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// E-mail, phone, first and last name agree.
    Whole,
    /// Surely the same, but something is missing or differs.
    Sure,
    /// Could be the same.
    Near,
    /// Somebody else, even if they share an address.
    Other,
}

/// Compares the customer with everybody a search found; the same patient may be there twice.
///
/// One patient with the same e-mail, phone and name is the customer; without one, one who has the
/// same name and e-mail, or name, birth date and phone or nothing to reach them by. Where the birth
/// dates differ nobody is surely the customer. Near is who has the same name and phone and another
/// e-mail, the same name and birth date and neither, or the same e-mail and half of the name.
pub(super) fn identify(customer: &Person, found: Vec<Patient>, near: NearMatch) -> Match {
    let compared = compare(customer, found, likeness);
    let best = compared.iter().map(|(likeness, ..)| *likeness).min().unwrap_or(Likeness::Other);
    let wanted = match best {
        Likeness::Other => return Match::Nobody,
        Likeness::Near if near == NearMatch::Create => return Match::Nobody,
        best => best,
    };
    let mut alike: Vec<_> =
        compared.into_iter().filter(|(likeness, ..)| *likeness == wanted).collect();
    if wanted != Likeness::Near
        && alike.len() == 1
        && let Some((_, patient, _)) = alike.pop()
    {
        return Match::One(patient);
    }
    let told = alike.into_iter().map(|(_, patient, candidate)| (patient, candidate)).collect();
    if wanted == Likeness::Near { Match::Possible(told) } else { Match::Several(told) }
}

fn likeness(signs: &Signs) -> Likeness {
    use Sign::{Agrees, Differs, Silent};
    let name = signs.whole_name || (signs.first, signs.last) == (Agrees, Agrees);
    match (name, signs.birth_date, signs.email, signs.phone) {
        (true, Agrees | Silent, Agrees, Agrees) => Likeness::Whole,
        (true, Agrees | Silent, Agrees, _) => Likeness::Sure,
        (true, Agrees, _, Agrees) | (true, Agrees, Silent, Silent) => Likeness::Sure,
        (true, Agrees, ..) | (true, _, Agrees, _) | (true, _, _, Agrees) => Likeness::Near,
        (true, ..) => Likeness::Other,
        // A nickname or a new surname of the same person, or family who share a mailbox.
        (false, Agrees, Agrees, _) | (false, Agrees, _, Agrees) => Likeness::Near,
        (false, Silent, Agrees, _) if signs.first == Agrees => Likeness::Near,
        (false, Silent, Agrees, Agrees) if signs.last == Agrees => Likeness::Near,
        (false, Differs, Agrees, Agrees) if signs.first == Agrees => Likeness::Near,
        (false, ..) => Likeness::Other,
    }
}
